// What the best poses leave of the images; the twin of maximisation.py's _left.
#include "spa/volume/cells.cuh"

#define SHELLS 2048

// out (n, shells): mean power in each shell of x - ctf P, P the slice at poses (n, 9) moved by shifts (n, 2); one
// block an image. counts (shells): coefficients of each.
extern "C" __global__ void residual(const float2* grid, int ny, int nx, const float* x, const float* ctf, int n,
                                    const float* poses, const float* shifts, const int* kx, const int* ky, int count,
                                    int box, const int* shell, const int* counts, int shells, float* out) {
    __shared__ float sums[SHELLS];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        for (int s = threadIdx.x; s < shells; s += blockDim.x) sums[s] = 0;
        __syncthreads();
        const Turn t = turn_of(poses + 9 * (size_t)i);
        for (int j = threadIdx.x; j < count; j += blockDim.x) {
            const Cell cell = cell_of(t, kx[j], ky[j], ny, nx);
            const float2 p = value_of(corners_of(grid, cell, ny, nx), cell);
            const float2 r = ramp_of(kx[j], ky[j], -shifts[2 * i], -shifts[2 * i + 1], (float)box);
            const float c = ctf[(size_t)i * count + j];
            const float re = x[2 * (size_t)i * count + j] - c * (p.x * r.x - p.y * r.y);
            const float im = x[(2 * (size_t)i + 1) * count + j] - c * (p.x * r.y + p.y * r.x);
            atomicAdd(&sums[shell[j]], re * re + im * im);
        }
        __syncthreads();
        for (int s = threadIdx.x; s < shells; s += blockDim.x)
            out[(size_t)i * shells + s] = counts[s] ? sums[s] / counts[s] : 0.0f;
        __syncthreads();
    }
}
