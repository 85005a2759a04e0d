// The E-step of 2-D classification: averages turned, images moved, cells chosen and scored, weighted images put back;
// the twin of coarse.py, fine.py and kernels.py. A plane is `high` rows of `wide` cells in steps of half a frequency.
#include "spa/gpu/block.cuh"
#include "spa/volume/cells.cuh"

#define SHELLS 2048

struct Place {  // where a coefficient falls in a plane turned by an angle
    int at;
    float tx, ty, sign;
};

__device__ inline Place place_of(float kx, float ky, const float* turn, int high, int wide) {
    float x = 2 * (kx * turn[0] - ky * turn[1]), y = 2 * (kx * turn[1] + ky * turn[0]);
    Place p;
    p.sign = x < 0 ? -1.0f : 1.0f;
    x *= p.sign, y *= p.sign;
    const float ix = floorf(x), iy = floorf(y);
    p.at = ((int)iy + high / 2) * wide + (int)ix;
    p.tx = x - ix, p.ty = y - iy;
    return p;
}

__device__ inline void put(float* sums, const Place& p, int wide, float re, float im, float weight) {
    for (int corner = 0; corner < 4; corner++) {
        const int x = corner & 1, y = corner >> 1;
        const float w = (x ? p.tx : 1 - p.tx) * (y ? p.ty : 1 - p.ty);
        float* to = sums + 3 * (size_t)(p.at + x + y * wide);
        atomicAdd(to, w * re);
        atomicAdd(to + 1, w * p.sign * im);
        atomicAdd(to + 2, w * weight);
    }
}

// Averages (classes, high wide) at angles turns (p, 2 = cos, sin): factor times them in rows of re and of im, which are
// `stride` floats apart; power (classes p, count), where it is wanted, is |.|^2.
extern "C" __global__ void turned(const float2* grids, int classes, int high, int wide, const float* turns, int p,
                                  const int* kx, const int* ky, int count, float factor, float* re, float* im,
                                  int stride, float* power) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int row = blockIdx.y; row < classes * p; row += gridDim.y) {
        const Place at = place_of(kx[j], ky[j], turns + 2 * (row % p), high, wide);
        const float2* g = grids + (size_t)(row / p) * high * wide + at.at;
        const float x = between(between(g[0].x, g[1].x, at.tx), between(g[wide].x, g[wide + 1].x, at.tx), at.ty);
        const float y = between(between(g[0].y, g[1].y, at.tx), between(g[wide].y, g[wide + 1].y, at.tx), at.ty);
        re[(size_t)row * stride + j] = factor * x;
        im[(size_t)row * stride + j] = factor * at.sign * y;
        if (power) power[(size_t)row * count + j] = x * x + y * y;
    }
}

// Rows (n t, count) re and im: CTF times image, moved to the centre by steps (n, t) of y and x into `shift`.
extern "C" __global__ void shifted(const float* x, const float* ctf, int stride, const int* iy, const int* ix,
                                   const float* shift, int n, int t, const int* kx, const int* ky, int count, int box,
                                   float* re, float* im) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int row = blockIdx.y; row < n * t; row += gridDim.y) {
        const size_t i = row / t;
        const float2 r = ramp_of(kx[j], ky[j], shift[ix[row]], shift[iy[row]], (float)box);
        const float c = ctf[i * stride + j], xr = c * x[2 * i * stride + j], xi = c * x[(2 * i + 1) * stride + j];
        re[(size_t)row * count + j] = xr * r.x - xi * r.y;
        im[(size_t)row * count + j] = xr * r.y + xi * r.x;
    }
}

struct Scores {  // of one image: a (t, columns) plus or minus b, less norm (columns), plus priors of classes and shifts
    const float* a;
    const float* b;
    const float* norm;
    const float* classes;
    const float* prior;
    int columns, half;
};

__device__ inline float2 score_of(const Scores& s, int e) {  // of a cell and of that half a turn on
    const int c = e % s.columns;
    const float plain = s.a[e] + s.classes[c / s.half] - s.norm[c] + s.prior[e / s.columns];
    return make_float2(plain + s.b[e], plain - s.b[e]);
}

// out (n, kept): the best cells of each image in order, 2 (t columns + column) + half turn, -1 where none is within
// `faint` of the first. One block an image; a thread whose best is taken looks for its next.
extern "C" __global__ void best_cells(const float* a, const float* b, const float* norm, const float* classes,
                                      const float* prior, int n, int t, int columns, int half, int kept, float faint,
                                      int* out) {
    __shared__ float values[32];
    __shared__ int places[32];
    const int none = 0x7fffffff;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const size_t first = (size_t)i * t * columns;
        const Scores s = {a + first, b + first, norm + (size_t)i * columns, classes, prior + (size_t)i * t, columns, half};
        float mine = 0, last = INFINITY, top = 0;
        int at = none, before = -1, k = 0;
        bool stale = true;
        for (; k < kept; k++) {
            if (stale) {
                mine = -INFINITY, at = none;
                for (int e = threadIdx.x; e < t * columns; e += blockDim.x) {
                    const float2 v = score_of(s, e);
                    if ((v.x < last || (v.x == last && 2 * e > before)) && v.x > mine) mine = v.x, at = 2 * e;
                    if ((v.y < last || (v.y == last && 2 * e + 1 > before)) && v.y > mine) mine = v.y, at = 2 * e + 1;
                }
            }
            float value = mine;
            int where = at;
            block_best(value, where, values, places, none);
            if (k == 0) top = value;
            if (where == none || value < top - faint) break;  // all threads alike
            stale = where == at;
            last = value, before = where;
            if (threadIdx.x == 0) out[(size_t)i * kept + k] = where;
        }
        for (k += threadIdx.x; k < kept; k += blockDim.x) out[(size_t)i * kept + k] = -1;
        __syncthreads();
    }
}

// Posteriors of all cells of an image at a temperature: a becomes the weights of a cell and of that half a turn on
// added, b their difference; total (n, columns) sums a over shifts, moved (n, t) over columns; best (n), its cell
// (n, as in best_cells) and evidence (n).
extern "C" __global__ void whole(float* a, float* b, const float* norm, const float* classes, const float* prior, int n,
                                 int t, int columns, int half, float temperature, float* total, float* moved,
                                 float* best, int* cell, float* evidence) {
    __shared__ float slots[32];
    __shared__ double mass;
    __shared__ int places[32];
    const int none = 0x7fffffff;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const size_t first = (size_t)i * t * columns;
        const Scores s = {a + first, b + first, norm + (size_t)i * columns, classes, prior + (size_t)i * t, columns, half};
        float most = -INFINITY, sum = 0;
        int at = none;
        for (int e = threadIdx.x; e < t * columns; e += blockDim.x) {
            const float2 v = score_of(s, e);
            if (v.x > most) most = v.x, at = 2 * e;
            if (v.y > most) most = v.y, at = 2 * e + 1;
        }
        float value = most;
        int where = at;
        block_best(value, where, slots, places, none);
        for (int e = threadIdx.x; e < t * columns; e += blockDim.x) {
            const float2 v = score_of(s, e);
            sum += expf((v.x - value) / temperature) + expf((v.y - value) / temperature);
        }
        block_sums<1>(&sum, slots, &mass);
        const double all = mass;
        const float scale = (float)(1 / all);
        for (int k = 0; k < t; k++) {
            float part = 0;
            for (int c = threadIdx.x; c < columns; c += blockDim.x) {
                const int e = k * columns + c;
                const float2 v = score_of(s, e);
                const float x = scale * expf((v.x - value) / temperature), y = scale * expf((v.y - value) / temperature);
                a[first + e] = x + y;
                b[first + e] = x - y;
                total[(size_t)i * columns + c] = (k ? total[(size_t)i * columns + c] : 0) + x + y;
                part += x + y;
            }
            block_sums<1>(&part, slots, &mass);
            if (threadIdx.x == 0) moved[(size_t)i * t + k] = (float)mass;
        }
        if (threadIdx.x == 0) {
            best[i] = scale, cell[i] = where;
            evidence[i] = value / temperature + (float)log(all);
        }
        __syncthreads();
    }
}

// Sums of columns (classes half, count), turned back into their planes.
extern "C" __global__ void columns(const float* re, const float* im, const float* den, int n, const float* turns,
                                   int half, const int* kx, const int* ky, int count, int high, int wide, float* sums) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int c = blockIdx.y; c < n; c += gridDim.y) {
        const Place p = place_of(kx[j], ky[j], turns + 2 * (c % half), high, wide);
        const size_t from = (size_t)c * count + j;
        put(sums + 3 * (size_t)(c / half) * high * wide, p, wide, re[from], im[from], den[from]);
    }
}

// out (m, 8): log-likelihoods of the children (psi, y, x) of cells (m, 5 = image, class, psi, y, x); refs (classes half,
// 2, count). One block a cell.
extern "C" __global__ void cell_scores(const float* x, const float* ctf, int stride, const float* refs, int half,
                                       const int* cells, int m, const float* shift, const int* kx, const int* ky,
                                       int count, int box, float* out) {
    __shared__ float slots[32 * 10];
    __shared__ double sums[10];
    const float step = shift[1] - shift[0];
    for (int cell = blockIdx.y; cell < m; cell += gridDim.y) {
        const int* c = cells + 5 * (size_t)cell;
        const size_t i = c[0];
        float acc[10];
        for (int k = 0; k < 10; k++) acc[k] = 0;
        for (int j = threadIdx.x; j < count; j += blockDim.x) {
            const float fx = kx[j], fy = ky[j], w = ctf[i * stride + j];
            const float xr = w * x[2 * i * stride + j], xi = w * x[(2 * i + 1) * stride + j];
            const float2 r = ramp_of(fx, fy, shift[2 * c[4]], shift[2 * c[3]], (float)box);
            const float2 sx = ramp_of(fx, fy, step, 0, (float)box), sy = ramp_of(fx, fy, 0, step, (float)box);
            for (int turn = 0; turn < 2; turn++) {
                const int psi = 2 * c[2] + turn, flip = psi >= half;
                const float* p = refs + 2 * ((size_t)c[1] * half + psi - flip * half) * count + j;
                const float pr = p[0], pi = flip ? -p[count] : p[count];
                const float zr = xr * pr + xi * pi, zi = xi * pr - xr * pi;
                float ar = zr * r.x - zi * r.y, ai = zr * r.y + zi * r.x;
                acc[8 + turn] += w * w * (pr * pr + pi * pi);
                for (int dy = 0; dy < 2; dy++) {
                    acc[4 * turn + 2 * dy] += ar;
                    acc[4 * turn + 2 * dy + 1] += ar * sx.x - ai * sx.y;
                    const float re = ar * sy.x - ai * sy.y;
                    ai = ar * sy.y + ai * sy.x;
                    ar = re;
                }
            }
        }
        block_sums<10>(acc, slots, sums);
        for (int k = threadIdx.x; k < 8; k += blockDim.x) out[8 * (size_t)cell + k] = 2 * sums[k] - sums[8 + k / 4];
        __syncthreads();
    }
}

// Weighted, moved images turned back into the planes of their classes; entries (m, 6 = class, angle of the half turn,
// whether half a turn on, image, y, x) and weights (m).
extern "C" __global__ void gather(const float* x, const float* ctf, int stride, const int* entries,
                                  const float* weights, int m, const float* shift, const float* turns, const int* kx,
                                  const int* ky, int count, int box, int high, int wide, float* sums) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int k = blockIdx.y; k < m; k += gridDim.y) {
        const int* e = entries + 6 * (size_t)k;
        const size_t i = e[3];
        const float c = ctf[i * stride + j], w = weights[k] * c;
        const float xr = w * x[2 * i * stride + j], xi = w * x[(2 * i + 1) * stride + j];
        const float2 r = ramp_of(kx[j], ky[j], shift[e[5]], shift[e[4]], (float)box);
        const Place p = place_of(kx[j], ky[j], turns + 2 * e[1], high, wide);
        const float im = xr * r.y + xi * r.x;
        put(sums + 3 * (size_t)e[0] * high * wide, p, wide, xr * r.x - xi * r.y, e[2] ? -im : im, w * c);
    }
}

// out (m, shells): power in each shell of images less their averages; best (m, 4 = image, class, angle of the half turn,
// whether half a turn on), moves (m, 2) pixels. One block an image.
extern "C" __global__ void residual(const float* x, const float* ctf, int stride, const float* refs, int half,
                                    const int* best, const float* moves, int m, const int* kx, const int* ky,
                                    const int* shell, int count, int box, int shells, float* out) {
    __shared__ float sums[SHELLS];
    for (int k = blockIdx.y; k < m; k += gridDim.y) {
        for (int s = threadIdx.x; s < shells; s += blockDim.x) sums[s] = 0;
        __syncthreads();
        const int* b = best + 4 * (size_t)k;
        const size_t i = b[0];
        const float* p = refs + 2 * ((size_t)b[1] * half + b[2]) * count;
        for (int j = threadIdx.x; j < count; j += blockDim.x) {
            const float2 r = ramp_of(kx[j], ky[j], -moves[2 * k], -moves[2 * k + 1], (float)box);
            const float c = ctf[i * stride + j], pr = p[j], pi = b[3] ? -p[count + j] : p[count + j];
            const float re = x[2 * i * stride + j] - c * (pr * r.x - pi * r.y);
            const float im = x[(2 * i + 1) * stride + j] - c * (pr * r.y + pi * r.x);
            atomicAdd(&sums[shell[j]], re * re + im * im);
        }
        __syncthreads();
        for (int s = threadIdx.x; s < shells; s += blockDim.x) out[(size_t)k * shells + s] = sums[s];
        __syncthreads();
    }
}
