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

// The grid at each of some operators (g, 9), added, in planes z from the first on, to a squared radius; one thread a
// point.
extern "C" __global__ void average(const float4* grid, float4* out, const float* operators, int count, int n, int nx,
                                   int first, float limit) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, c = n / 2;
    if (x >= nx - 1) return;
    for (int zy = first * n + blockIdx.y; zy < n * n; zy += gridDim.y) {
        const float px = x, py = zy % n - c, pz = zy / n - c;
        if (px * px + py * py + pz * pz > limit) continue;
        float re = 0, im = 0, weight = 0;
        for (int g = 0; g < count; g++) {
            const float* m = operators + 9 * g;
            float qx = m[0] * px + m[1] * py + m[2] * pz, sign = 1;
            float qy = m[3] * px + m[4] * py + m[5] * pz, qz = m[6] * px + m[7] * py + m[8] * pz;
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

// Planes z < 0 of a grid that is symmetric over a twofold axis, from those z > 0: along x (rows turned round), else
// along z (conjugates).
extern "C" __global__ void flip(float4* grid, int n, int nx, int along_x) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x;
    if (x >= nx) return;
    for (int zy = blockIdx.y; zy < n / 2 * n; zy += gridDim.y) {
        const int z = n - 1 - zy / n, y = along_x ? n - 1 - zy % n : zy % n;
        float4 v = grid[((size_t)z * n + y) * nx + x];
        if (!along_x) v.y = -v.y;
        grid[(size_t)zy * nx + x] = v;
    }
}
