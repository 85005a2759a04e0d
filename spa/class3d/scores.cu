// Likelihoods of images under combinations of maps, and the consensus taken off images; the twin of scores.py and of
// consensus.py's residuals.
#include "spa/gpu/block.cuh"
#include "spa/gpu/half.cuh"
#include "spa/volume/cells.cuh"

#define SIDE 4                      // maps by maps that a block sums at once
#define SUMS (SIDE * SIDE + SIDE)   // and what is linear in them
#define WARPS 8                     // of a block, at most

// Of images x (n, 2, count) with their CTF (n, count), both over the noise, with grey scales (n) and shifts (n, 2), and
// slices of q maps at their poses, cut (q, n, 2, count): linear (n, q) = 2 <scale ctf x, cut> and the upper triangle of
// quadratic (n, q, q) = 2 <scale^2 ctf^2 cut, cut>. One block a pair of SIDE maps (blockIdx.x, of the upper triangle by
// columns) and image: each coefficient is read once for SIDE^2 products.
extern "C" __global__ void moments(const float* cut, const float* x, const float* ctf, const float* scale,
                                   const float* shifts, int n, int q, const int* kx, const int* ky, int count, int box,
                                   double* linear, double* quadratic) {
    __shared__ float slots[WARPS * SUMS];
    __shared__ double sums[SUMS];
    int b0 = 0, a0 = blockIdx.x;
    while (a0 > b0) a0 -= ++b0;
    a0 *= SIDE, b0 *= SIDE;
    const size_t one = (size_t)n * 2 * count;  // floats from a map's slices to the next one's
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const float* mine = cut + 2 * (size_t)i * count;
        float acc[SUMS];
        for (int k = 0; k < SUMS; k++) acc[k] = 0;
        for (int j = threadIdx.x; j < count; j += blockDim.x) {
            float2 a[SIDE], b[SIDE];
            const float c = scale[i] * ctf[(size_t)i * count + j];
            for (int k = 0; k < SIDE; k++) {
                const float* from = mine + min(a0 + k, q - 1) * one + j;
                const float* to = mine + min(b0 + k, q - 1) * one + j;
                a[k] = make_float2(c * from[0], c * from[count]);
                b[k] = make_float2(c * to[0], c * to[count]);
            }
            for (int r = 0; r < SIDE; r++)
                for (int s = 0; s < SIDE; s++) acc[SIDE * r + s] += a[r].x * b[s].x + a[r].y * b[s].y;
            if (a0 == b0) {
                const float2 turn = ramp_of(kx[j], ky[j], shifts[2 * i], shifts[2 * i + 1], (float)box);
                const float re = x[2 * (size_t)i * count + j], im = x[(2 * (size_t)i + 1) * count + j];
                const float xr = re * turn.x - im * turn.y, xi = re * turn.y + im * turn.x;
                for (int k = 0; k < SIDE; k++) acc[SIDE * SIDE + k] += xr * a[k].x + xi * a[k].y;
            }
        }
        block_sums<SUMS>(acc, slots, sums);
        if (threadIdx.x < SIDE * SIDE) {
            const int r = a0 + threadIdx.x / SIDE, s = b0 + threadIdx.x % SIDE;
            if (r < q && s < q) quadratic[((size_t)i * q + r) * q + s] = 2 * sums[threadIdx.x];
        } else if (threadIdx.x < SUMS && a0 == b0) {
            const int k = a0 + threadIdx.x - SIDE * SIDE;
            if (k < q) linear[(size_t)i * q + k] = 2 * sums[threadIdx.x];
        }
    }
}

// Row at[i] of the planes (N, 2, all), which are f32 (planes) or f16 times `unit` (small), loses scale[i] times the
// slice of a map at poses (n, 9), moved by shifts (n, 2), times its CTF (n, all).
extern "C" __global__ void subtract(const float2* grid, int ny, int nx, float* planes, unsigned short* small,
                                    float unit, const int* at, int n, int all, const float* ctf, const float* poses,
                                    const float* shifts, const float* scale, const int* kx, const int* ky, int box) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= all) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const Cell cell = cell_of(turn_of(poses + 9 * (size_t)i), kx[j], ky[j], ny, nx);
        const float2 p = value_of(corners_of(grid, cell, ny, nx), cell);
        const float2 r = ramp_of(kx[j], ky[j], -shifts[2 * i], -shifts[2 * i + 1], (float)box);
        const float c = scale[i] * ctf[(size_t)i * all + j];
        const float re = c * (p.x * r.x - p.y * r.y), im = c * (p.x * r.y + p.y * r.x);
        const size_t to = 2 * (size_t)at[i] * all + j;
        if (planes) {
            planes[to] -= re;
            planes[to + all] -= im;
        } else {
            small[to] = float_to_half(half_to_float(small[to]) - re / unit);
            small[to + all] = float_to_half(half_to_float(small[to + all]) - im / unit);
        }
    }
}
