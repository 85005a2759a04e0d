// Images added to the oversampled grid, its half plane closed, and the grid added over a group; the twin of insert.py.
#include "spa/volume/cells.cuh"

#define SHELLS 2048

__device__ inline void put(float4* to, float share, float re, float im, float weight) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    atomicAdd(to, make_float4(share * re, share * im, share * weight, 0.0f));
#else
    atomicAdd(&to->x, share * re);
    atomicAdd(&to->y, share * im);
    atomicAdd(&to->z, share * weight);
#endif
}

// Samples (m): image rows, poses (m, 9), shifts (m, 2) to undo, scales of their values and powers of their weights;
// images x (n, 2, stride) and ctf (n, stride), of which the first count coefficients go in: ctf x and ctf^2.
extern "C" __global__ void scatter(float4* grid, int ny, int nx, const int* rows, const float* poses,
                                   const float* shifts, const float* scales, const float* powers, int m, const float* x,
                                   const float* ctf, int stride, const int* kx, const int* ky, int count, int box) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    const float fx = kx[j], fy = ky[j];
    const size_t row = nx, plane = (size_t)nx * ny;
    for (int i = blockIdx.y; i < m; i += gridDim.y) {
        const size_t image = rows[i];
        const float scale = scales[i], c = ctf[image * stride + j];
        if (c == 0.0f) continue;
        const Cell cell = cell_of(turn_of(poses + 9 * (size_t)i), fx, fy, ny, nx);
        const float2 r = ramp_of(fx, fy, shifts[2 * (size_t)i], shifts[2 * (size_t)i + 1], (float)box);
        const float xr = x[2 * image * stride + j], xi = x[(2 * image + 1) * stride + j];
        const float re = scale * c * (xr * r.x - xi * r.y), im = scale * c * cell.sign * (xr * r.y + xi * r.x);
        const float weight = powers[i] * c * c;
        for (int z = 0; z < 2; z++)
            for (int y = 0; y < 2; y++) {
                const float w = (z ? cell.tz : 1 - cell.tz) * (y ? cell.ty : 1 - cell.ty);
                float4* to = grid + cell.at + z * plane + y * row;
                put(to, w * (1 - cell.tx), re, im, weight);
                put(to + 1, w * cell.tx, re, im, weight);
            }
    }
}

// to += from, of grids of so many points.
extern "C" __global__ void add(const float4* from, int size, float4* to) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    const float4 a = to[at], b = from[at];
    to[at] = make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

// Weights of a grid (n, n, nx) summed over image shells, which are two points wide: added to total (shells,). A block has
// planes z.
extern "C" __global__ void shell_weights(const float4* grid, int n, int nx, int shells, double* total) {
    __shared__ double sums[SHELLS];
    for (int s = threadIdx.x; s < shells; s += blockDim.x) sums[s] = 0;
    __syncthreads();
    for (int z = blockIdx.x; z < n; z += gridDim.x)
        for (int at = threadIdx.x; at < n * nx; at += blockDim.x) {
            const int dz = z - n / 2, dy = at / nx - n / 2, dx = at % nx, square = dz * dz + dy * dy + dx * dx;
            if (square >= (2 * shells - 1) * (2 * shells - 1)) continue;
            const int shell = (int)rintf(sqrtf((float)square) / 2);
            atomicAdd(sums + shell, (double)grid[(size_t)z * n * nx + at].z);
        }
    __syncthreads();
    for (int s = threadIdx.x; s < shells; s += blockDim.x) atomicAdd(total + s, sums[s]);
}

// The plane x = 0 made Hermitian; one thread a point of its first half.
extern "C" __global__ void hermitian(float4* grid, int n, int nx) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x, middle = n * n / 2;
    if (at > middle) return;
    float4* a = grid + (size_t)at * nx;
    if (at == middle) {
        *a = make_float4(2 * a->x, 0.0f, 2 * a->z, a->w);
        return;
    }
    float4* b = grid + (size_t)(n * n - 1 - at) * nx;
    const float re = a->x + b->x, im = a->y - b->y, w = a->z + b->z;
    *a = make_float4(re, im, w, a->w);
    *b = make_float4(re, -im, w, b->w);
}

// Whether a point is in the wedge of inward normals (m, 3).
__device__ inline bool inside(const long long* normals, int m, int x, int y, int z) {
    for (int k = 0; k < m; k++)
        if (normals[3 * k] * x + normals[3 * k + 1] * y + normals[3 * k + 2] * z < 0) return false;
    return true;
}

// The grid at each of some operators (g, 9), added, in the wedge of normals (m, 3) and to a squared radius; a thread has
// a point.
extern "C" __global__ void average(const float4* grid, float4* out, const float* operators, int count,
                                   const long long* normals, int m, int n, int nx, int limit) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, c = n / 2;
    if (x >= nx - 1) return;
    for (int zy = blockIdx.y; zy < n * n; zy += gridDim.y) {
        const int y = zy % n - c, z = zy / n - c;
        if (x * x + y * y + z * z > limit || !inside(normals, m, x, y, z)) continue;
        const float px = x, py = y, pz = z;
        float re = 0, im = 0, weight = 0;
        for (int g = 0; g < count; g++) {
            const float* t = operators + 9 * g;
            float qx = t[0] * px + t[1] * py + t[2] * pz, sign = 1;
            float qy = t[3] * px + t[4] * py + t[5] * pz, qz = t[6] * px + t[7] * py + t[8] * pz;
            if (qx < 0) qx = -qx, qy = -qy, qz = -qz, sign = -1;
            const int ix = (int)qx, iy = (int)floorf(qy), iz = (int)floorf(qz);
            const float fx = qx - ix, fy = qy - iy, fz = qz - iz;
            for (int dz = 0; dz < 2; dz++)
                for (int dy = 0; dy < 2; dy++)
                    for (int dx = 0; dx < 2; dx++) {
                        const float w = (dz ? fz : 1 - fz) * (dy ? fy : 1 - fy) * (dx ? fx : 1 - fx);
                        if (w == 0) continue;  // what lies on a point needs no neighbour
                        const float4 v = grid[((size_t)(iz + dz + c) * n + iy + dy + c) * nx + ix + dx];
                        re += w * v.x;
                        im += sign * w * v.y;
                        weight += w * v.z;
                    }
        }
        out[(size_t)zy * nx + x] = make_float4(re, im, weight, 0.0f);
    }
}

// Orbits of operators (e, 9) that carry the grid into itself: each gets what its point in the wedge has, or with `add`
// what all its points have together; the twin of orbits.py. One thread a point.
extern "C" __global__ void orbits(float4* grid, const int* operators, int count, const long long* normals, int m, int n,
                                  int nx, int limit, int add) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, c = n / 2;
    if (x >= nx - 1) return;
    for (int zy = blockIdx.y; zy < n * n; zy += gridDim.y) {
        const int y = zy % n - c, z = zy / n - c;
        if (x * x + y * y + z * z > limit || !inside(normals, m, x, y, z)) continue;
        float4 all = add ? make_float4(0, 0, 0, 0) : grid[(size_t)zy * nx + x];
        for (int put = add ? 0 : 1; put < 2; put++)
            for (int g = 0; g < count; g++) {
                const int* t = operators + 9 * g;
                int qx = t[0] * x + t[1] * y + t[2] * z, qy = t[3] * x + t[4] * y + t[5] * z;
                int qz = t[6] * x + t[7] * y + t[8] * z;
                const float sign = qx < 0 ? -1 : 1;
                if (qx < 0) qx = -qx, qy = -qy, qz = -qz;
                float4* at = grid + ((size_t)(qz + c) * n + qy + c) * nx + qx;
                if (put) {
                    *at = make_float4(all.x, sign * all.y, all.z, 0.0f);
                    if (qx == 0)  // the opposite point is in the half grid, too
                        grid[((size_t)(c - qz) * n + c - qy) * nx] = make_float4(all.x, -sign * all.y, all.z, 0.0f);
                } else {
                    all.x += at->x;
                    all.y += sign * at->y;
                    all.z += at->z;
                }
            }
    }
}
