// Central slices of an oversampled half volume; the twin of slices.py. One thread a coefficient.
#include "spa/volume/cells.cuh"

// out (n, 2, count); power (n, count), where it is wanted, is |out|^2
extern "C" __global__ void slices(const float2* grid, int ny, int nx, const float* poses, int n, const int* kx,
                                  const int* ky, int count, float* out, float* power) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    const float fx = kx[j], fy = ky[j];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const Cell cell = cell_of(turn_of(poses + 9 * (size_t)i), fx, fy, ny, nx);
        const float2 v = value_of(corners_of(grid, cell, ny, nx), cell);
        float* to = out + 2 * (size_t)i * count;
        to[j] = v.x;
        to[count + j] = v.y;
        if (power) power[(size_t)i * count + j] = v.x * v.x + v.y * v.y;
    }
}
