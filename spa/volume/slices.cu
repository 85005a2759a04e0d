// Central slices of an oversampled half volume, and how it is made; the twin of slices.py. One thread a coefficient.
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

// A volume (n, n, n) over the kernel's transform line (n) along each axis, in a padded one (m, m, m) that was cleared;
// its origin, voxel n/2, goes to index 0.
extern "C" __global__ void pad(const float* volume, int n, const float* line, float* padded, int m) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x;
    if (x >= n) return;
    const int to_x = (x - n / 2 + m) % m;
    for (int zy = blockIdx.y; zy < n * n; zy += gridDim.y) {
        const int z = zy / n, y = zy % n, to_z = (z - n / 2 + m) % m, to_y = (y - n / 2 + m) % m;
        const float value = volume[(size_t)zy * n + x] / (line[z] * line[y] * line[x]);
        padded[((size_t)to_z * m + to_y) * m + to_x] = value;
    }
}

// The band of a half spectrum (m, m, m/2+1) as a grid (2r+1, 2r+1, r+2) about its origin, times a factor.
extern "C" __global__ void band(const float2* spectrum, int m, float2* grid, int r, float factor) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, n = 2 * r + 1;
    if (x >= r + 2) return;
    for (int zy = blockIdx.y; zy < n * n; zy += gridDim.y) {
        const int z = (zy / n - r + m) % m, y = (zy % n - r + m) % m;
        const float2 v = spectrum[((size_t)z * m + y) * (m / 2 + 1) + x];
        grid[(size_t)zy * (r + 2) + x] = make_float2(factor * v.x, factor * v.y);
    }
}
