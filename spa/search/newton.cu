// Candidates climbed to their peaks in one band, one block each, and the survivors of each image; the twin of
// newton.py, likelihood.py and prune.py. The formulas of the derivatives stand in likelihood.py.
#include "spa/gpu/block.cuh"
#include "spa/search/turns.cuh"
#include "spa/volume/cells.cuh"

#define SLOTS 22  // cross, norm, 5 of J^T r, 15 of J^T J (its upper triangle by rows)
#define WARPS 8   // of a block, at most

struct Band {  // images (n, 2, stride) and their CTF (n, stride), and which coefficients are used
    const float* x;
    const float* ctf;
    const int* kx;
    const int* ky;
    int stride, count, box;
};

// What one coefficient adds to the sums of a climber.
__device__ inline void add(const float2* grid, int ny, int nx, const Turn& t, float tx, float ty, const Band& band,
                           size_t image, int j, float* acc) {
    const float fx = band.kx[j], fy = band.ky[j];
    const Cell cell = cell_of(t, fx, fy, ny, nx);
    const Corners k = corners_of(grid, cell, ny, nx);
    // along x, then y, then z: values, and their derivatives, which are two cells a unit of k
    float2 e[4], d[4], f[2], g[2], h[2], p, dx, dy, dz;
    for (int i = 0; i < 4; i++) {
        d[i].x = k.v[2 * i + 1].x - k.v[2 * i].x, d[i].y = k.v[2 * i + 1].y - k.v[2 * i].y;
        e[i].x = k.v[2 * i].x + cell.tx * d[i].x, e[i].y = k.v[2 * i].y + cell.tx * d[i].y;
    }
    for (int i = 0; i < 2; i++) {
        f[i].x = e[2 * i + 1].x - e[2 * i].x, f[i].y = e[2 * i + 1].y - e[2 * i].y;
        g[i].x = e[2 * i].x + cell.ty * f[i].x, g[i].y = e[2 * i].y + cell.ty * f[i].y;
        h[i].x = between(d[2 * i].x, d[2 * i + 1].x, cell.ty), h[i].y = between(d[2 * i].y, d[2 * i + 1].y, cell.ty);
    }
    const float s2 = 2 * cell.sign;
    p.x = between(g[0].x, g[1].x, cell.tz), p.y = cell.sign * between(g[0].y, g[1].y, cell.tz);
    dx.x = s2 * between(h[0].x, h[1].x, cell.tz), dx.y = 2 * between(h[0].y, h[1].y, cell.tz);
    dy.x = s2 * between(f[0].x, f[1].x, cell.tz), dy.y = 2 * between(f[0].y, f[1].y, cell.tz);
    dz.x = s2 * (g[1].x - g[0].x), dz.y = 2 * (g[1].y - g[0].y);
    const float* a = t.a;
    const float ur = a[6] * dx.x + a[7] * dy.x + a[8] * dz.x, ui = a[6] * dx.y + a[7] * dy.y + a[8] * dz.y;
    const float vr = (a[3] * dx.x + a[4] * dy.x + a[5] * dz.x) * fx - (a[0] * dx.x + a[1] * dy.x + a[2] * dz.x) * fy;
    const float vi = (a[3] * dx.y + a[4] * dy.y + a[5] * dz.y) * fx - (a[0] * dx.y + a[1] * dy.y + a[2] * dz.y) * fy;
    const float unit = 6.2831853f / band.box, br = unit * p.y, bi = -unit * p.x;
    const float2 r = ramp_of(fx, fy, tx, ty, (float)band.box);
    const float wt = band.ctf[image * band.stride + j], w2 = wt * wt;
    const float re = band.x[2 * image * band.stride + j], im = band.x[(2 * image + 1) * band.stride + j];
    const float xr = wt * (re * r.x - im * r.y), xi = wt * (re * r.y + im * r.x);
    acc[0] += xr * p.x + xi * p.y;
    acc[1] += w2 * (p.x * p.x + p.y * p.y);
    const float dr = xr - w2 * p.x, di = xi - w2 * p.y;
    const float su = ur * dr + ui * di, sv = vr * dr + vi * di, sb = br * dr + bi * di;
    acc[2] += su * fy;
    acc[3] -= su * fx;
    acc[4] += sv;
    acc[5] += sb * fx;
    acc[6] += sb * fy;
    const float uu = w2 * (ur * ur + ui * ui), uv = w2 * (ur * vr + ui * vi), vv = w2 * (vr * vr + vi * vi);
    const float ub = w2 * (ur * br + ui * bi), vb = w2 * (vr * br + vi * bi), bb = w2 * (br * br + bi * bi);
    acc[7] += uu * fy * fy;
    acc[8] -= uu * fx * fy;
    acc[9] += uv * fy;
    acc[10] += ub * fx * fy;
    acc[11] += ub * fy * fy;
    acc[12] += uu * fx * fx;
    acc[13] -= uv * fx;
    acc[14] -= ub * fx * fx;
    acc[15] -= ub * fx * fy;
    acc[16] += vv;
    acc[17] += vb * fx;
    acc[18] += vb * fy;
    acc[19] += bb * fx * fx;
    acc[20] += bb * fx * fy;
    acc[21] += bb * fy * fy;
}

// The sums over the band at a pose and a shift (shared), in sums (shared) for all threads.
__device__ inline void evaluate(const float2* grid, int ny, int nx, const double* pose, const double* shift,
                                const float* bend, const Band& band, size_t image, float* slots, double* sums) {
    const Turn t = seen_from(pose, bend);
    const float tx = (float)shift[0], ty = (float)shift[1];
    float acc[SLOTS];
    for (int k = 0; k < SLOTS; k++) acc[k] = 0;
    for (int j = threadIdx.x; j < band.count; j += blockDim.x)
        add(grid, ny, nx, t, tx, ty, band, image, j, acc);
    block_sums<SLOTS>(acc, slots, sums);
}

struct Prior {  // of one image: Gaussians about a shift and, where there is one, a pose
    const double* centre;
    const double* pose;
    double turn, move;  // precisions
};

// How far a pose and a shift are from where they are expected (5).
__device__ inline void away(const Prior& prior, const double* pose, const double* shift, double* out) {
    out[0] = out[1] = out[2] = 0;
    if (prior.pose) turn_from(prior.pose, pose, out);
    out[3] = shift[0] - prior.centre[0], out[4] = shift[1] - prior.centre[1];
}

__device__ inline double height(const double* sums, const Prior& prior, const double* pose, const double* shift) {
    double d[5];
    away(prior, pose, shift, d);
    return 2 * sums[0] - sums[1] - 0.5 * (prior.turn * (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) +
                                          prior.move * (d[3] * d[3] + d[4] * d[4]));
}

__device__ inline double precision(const Prior& prior, int k) { return k < 3 ? prior.turn : prior.move; }

// -d2 log p (5, 5)
__device__ inline void curvature(const double* sums, const Prior& prior, double* out) {
    for (int i = 0, k = 7; i < 5; i++)
        for (int j = i; j < 5; j++, k++) out[5 * i + j] = out[5 * j + i] = 2 * sums[k] + (i == j ? precision(prior, i) : 0);
}

// d log p / d(turn, shift) (5)
__device__ inline void slope_of(const double* sums, const Prior& prior, const double* pose, const double* shift,
                                double* out) {
    double d[5];
    away(prior, pose, shift, d);
    for (int k = 0; k < 5; k++) out[k] = 2 * sums[2 + k] - d[k] * precision(prior, k);
}

// One step of Gauss-Newton from a pose and a shift to those of trial and moved; the gain that the model promises.
__device__ inline double stepped(const double* sums, const Prior& prior, const double* pose, const double* shift,
                                 double damping, double turn, double move, double* trial, double* moved) {
    double matrix[25], damped[25], gradient[5], step[5];
    slope_of(sums, prior, pose, shift, gradient);
    curvature(sums, prior, matrix);
    for (int k = 0; k < 25; k++) damped[k] = matrix[k];
    for (int k = 0; k < 5; k++) {
        damped[6 * k] = damped[6 * k] * (1 + damping) + 1e-9;
        step[k] = gradient[k];
    }
    solve5(damped, step);
    const double far = sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2]);
    const double wide = sqrt(step[3] * step[3] + step[4] * step[4]);
    for (int k = 0; k < 5; k++) step[k] *= fmin(1.0, k < 3 ? turn / fmax(far, 1e-30) : move / fmax(wide, 1e-30));
    double gain = 0;
    for (int i = 0; i < 5; i++) {
        gain += gradient[i] * step[i];
        for (int j = 0; j < 5; j++) gain -= 0.5 * step[i] * matrix[5 * i + j] * step[j];
    }
    turned(pose, step, trial);
    moved[0] = shift[0] + step[3], moved[1] = shift[1] + step[4];
    return gain;
}

// Climbers (n, m): poses (…, 9), shifts (…, 2), logp, hessian (…, 25) and slope (…, 5), if any; those with
// log p = -inf are none. The images' priors are about centres (n, 2) and poses (n, 9), if any; bend (n, 4), if any.
// evaluations: (1), added to.
extern "C" __global__ void climb(const float2* grid, int ny, int nx, const float* x, const float* ctf, int stride,
                                 const int* kx, const int* ky, int count, int box, const float* bend,
                                 const double* centres, const double* expected, double turn_precision,
                                 double move_precision, int n, int m, int iterations, double turn, double move,
                                 double gain, double sure, double* poses, double* shifts, double* logp,
                                 double* hessian, double* slope, unsigned long long* evaluations) {
    __shared__ float slots[WARPS * SLOTS];
    __shared__ double sums[SLOTS], kept[SLOTS], pose[9], shift[2], trial[9], moved[2], now, damping;
    __shared__ int go;
    for (int climber = blockIdx.y; climber < n * m; climber += gridDim.y) {
        if (!(logp[climber] > -INFINITY)) continue;  // all threads alike
        const size_t image = climber / m;
        const Band band = {x, ctf, kx, ky, stride, count, box};
        const Prior prior = {centres + 2 * image, expected ? expected + 9 * image : nullptr, turn_precision,
                             move_precision};
        const float* mine = bend ? bend + 4 * image : nullptr;
        if (threadIdx.x < 9) pose[threadIdx.x] = poses[9 * (size_t)climber + threadIdx.x];
        if (threadIdx.x < 2) shift[threadIdx.x] = shifts[2 * (size_t)climber + threadIdx.x];
        __syncthreads();
        evaluate(grid, ny, nx, pose, shift, mine, band, image, slots, sums);
        int looks = 1;
        if (threadIdx.x == 0) {
            for (int k = 0; k < SLOTS; k++) kept[k] = sums[k];
            now = height(kept, prior, pose, shift);
            damping = 0;
        }
        for (int step = 0; step < iterations; step++) {
            __syncthreads();
            if (threadIdx.x == 0) {
                const double promised = stepped(kept, prior, pose, shift, damping, turn, move, trial, moved);
                go = promised >= sure;
                if (promised >= gain && !go) {  // well inside the peak: taken without another look
                    for (int k = 0; k < 9; k++) pose[k] = trial[k];
                    shift[0] = moved[0], shift[1] = moved[1], now += promised;
                }
            }
            __syncthreads();
            if (!go) break;
            evaluate(grid, ny, nx, trial, moved, mine, band, image, slots, sums);
            looks++;
            if (threadIdx.x == 0) {
                const double found = height(sums, prior, trial, moved);
                const bool better = found > now;
                damping = better ? 0.25 * damping : fmax(0.1, 8 * damping);
                if (better) {
                    for (int k = 0; k < 9; k++) pose[k] = trial[k];
                    for (int k = 0; k < SLOTS; k++) kept[k] = sums[k];
                    shift[0] = moved[0], shift[1] = moved[1], now = found;
                }
            }
        }
        __syncthreads();
        if (threadIdx.x < 9) poses[9 * (size_t)climber + threadIdx.x] = pose[threadIdx.x];
        if (threadIdx.x < 2) shifts[2 * (size_t)climber + threadIdx.x] = shift[threadIdx.x];
        if (threadIdx.x == 0) {
            logp[climber] = now;
            if (hessian) curvature(kept, prior, hessian + 25 * (size_t)climber);
            if (slope) slope_of(kept, prior, pose, shift, slope + 5 * (size_t)climber);
            atomicAdd(evaluations, (unsigned long long)looks);
        }
        __syncthreads();
    }
}

// order (n, keep): places of each image's survivors of its m candidates, best first, -1 where there are fewer. What is
// `slack` below the best goes, and what is `near` (pixels) a better one and turned from it, over operators (g, 9), so
// little that the trace of their quotient exceeds `limit`. One warp an image; taken (n, m) is scratch, cleared.
extern "C" __global__ void prune(const double* poses, const double* shifts, const double* logp,
                                 const double* operators, int n, int m, int g, int keep, double slack, double near,
                                 double limit, int* taken, int* order) {
    const int lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    for (int i = blockIdx.y * warps + (threadIdx.x >> 5); i < n; i += gridDim.y * warps) {
        const double* mine = logp + (size_t)i * m;
        const double* p = poses + 9 * (size_t)i * m;
        const double* t = shifts + 2 * (size_t)i * m;
        int* gone = taken + (size_t)i * m;
        int* out = order + (size_t)i * keep;
        double first = -INFINITY;
        int count = 0;
        for (int round = 0; round < m && count < keep; round++) {
            double value = -INFINITY;
            int where = m;
            for (int j = lane; j < m; j += 32)
                if (!gone[j] && mine[j] > value) value = mine[j], where = j;
            for (int away = 16; away; away >>= 1) {
                const double other = __shfl_xor_sync(0xffffffffu, value, away);
                const int there = __shfl_xor_sync(0xffffffffu, where, away);
                if (other > value || (other == value && there < where)) value = other, where = there;
            }
            if (where >= m || (count && value < first - slack)) break;
            if (!count) first = value;
            int twin = 0;
            for (int pair = lane; pair < count * g; pair += 32) {
                const int b = out[pair / g];
                const double* o = operators + 9 * (pair % g);
                const double dx = t[2 * b] - t[2 * where], dy = t[2 * b + 1] - t[2 * where + 1];
                if (dx * dx + dy * dy >= near * near) continue;
                double trace = 0;
                for (int r = 0; r < 3; r++)
                    for (int c = 0; c < 3; c++) {
                        double q = 0;
                        for (int k = 0; k < 3; k++) q += p[9 * where + 3 * k + r] * p[9 * b + 3 * k + c];
                        trace += q * o[3 * r + c];
                    }
                twin |= trace > limit;
            }
            twin = __any_sync(0xffffffffu, twin);
            if (lane == 0) {
                gone[where] = 1;
                if (!twin) out[count] = where;
            }
            count += !twin;
            __syncwarp();
        }
        for (int k = count + lane; k < keep; k += 32) out[k] = -1;
        __syncwarp();
    }
}

// Survivors in order (n, keep) of candidates (n, m): to each its pose, shift, log p (-inf where there is none) and
// Hessian, if there are any. One thread a place.
extern "C" __global__ void take(const int* order, int n, int m, int keep, const double* poses, const double* shifts,
                                const double* logp, const double* hessian, double* to_poses, double* to_shifts,
                                double* to_logp, double* to_hessian) {
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < n * keep; at += gridDim.x * blockDim.x) {
        const int place = order[at];
        const size_t from = (size_t)(at / keep) * m + max(place, 0);
        for (int k = 0; k < 9; k++) to_poses[9 * (size_t)at + k] = poses[9 * from + k];
        for (int k = 0; k < 2; k++) to_shifts[2 * (size_t)at + k] = shifts[2 * from + k];
        to_logp[at] = place < 0 ? -INFINITY : logp[from];
        if (hessian)
            for (int k = 0; k < 25; k++) to_hessian[25 * (size_t)at + k] = hessian[25 * from + k];
    }
}
