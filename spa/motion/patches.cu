// Patches of frames as spectra, and sums of these shifted; the twin of patches.py. Shifts are in movie pixels, kx and ky
// in cycles a movie pixel.
#include "spa/gpu/block.cuh"

// The means of boxes (count, one a block) of bytes (n, my, mx): frame i % n, from corner x y (count, 2) on.
extern "C" __global__ void means(const signed char* frames, const int* corners, int count, int n, int my, int mx,
                                 int box_y, int box_x, float* out) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        const signed char* from = frames + (size_t)(i % n) * my * mx + (size_t)corners[2 * i + 1] * mx + corners[2 * i];
        float acc[1] = {0};
        for (int at = threadIdx.x; at < box_y * box_x; at += blockDim.x) acc[0] += from[(size_t)(at / box_x) * mx + at % box_x];
        block_sums<1>(acc, slots, sums);
        if (threadIdx.x == 0) out[i] = (float)(sums[0] / ((double)box_y * box_x));
    }
}

// These boxes less their means, under a window: out (count, box_y, box_x).
extern "C" __global__ void boxes(const signed char* frames, const int* corners, const float* mean, const float* along_y,
                                 const float* along_x, int count, int n, int my, int mx, int box_y, int box_x,
                                 float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= box_y * box_x) return;
    const int y = at / box_x, x = at % box_x;
    const float window = along_y[y] * along_x[x];
    for (int i = blockIdx.y; i < count; i += gridDim.y) {
        const size_t from = (size_t)(i % n) * my * mx + (size_t)(corners[2 * i + 1] + y) * mx + corners[2 * i] + x;
        out[(size_t)i * box_y * box_x + at] = window * (frames[from] - mean[i]);
    }
}

// Those coefficients of spectra (count, box_y, width) that are kept: out (count, rows, columns); none where ring is last.
extern "C" __global__ void kept(const float2* spectra, const int* row, const int* ring, int last, int count, int size,
                                int width, int rows, int columns, float2* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= rows * columns) return;
    const size_t from = (size_t)row[at / columns] * width + at % columns;
    for (int i = blockIdx.y; i < count; i += gridDim.y)
        out[(size_t)i * rows * columns + at] = ring[at] < last ? spectra[(size_t)i * size + from] : make_float2(0, 0);
}

// The mean power of spectra (count, size): out (size,).
extern "C" __global__ void mean_power(const float2* spectra, int count, int size, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    double sum = 0;
    for (int i = 0; i < count; i++) {
        const float2 v = spectra[(size_t)i * size + at];
        sum += v.x * v.x + v.y * v.y;
    }
    out[at] = (float)(sum / count);
}

// Spectra (patches, n, size) times levels (n, bins) of their rings; own (patches, size): their power, summed over n.
extern "C" __global__ void whitened(float2* spectra, const float* levels, const int* ring, int bins, int patches, int n,
                                    int size, float* own) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    for (int p = blockIdx.y; p < patches; p += gridDim.y) {
        float sum = 0;
        for (int f = 0; f < n; f++) {
            float2& v = spectra[((size_t)p * n + f) * size + at];
            const float level = ring[at] < bins ? levels[f * bins + ring[at]] : 0;
            v.x *= level;
            v.y *= level;
            sum += v.x * v.x + v.y * v.y;
        }
        own[(size_t)p * size + at] = sum;
    }
}

__device__ inline float2 back(float2 v, float kx, float ky, const float* shift) {
    float s, c;
    sincospif(2 * (kx * shift[0] + ky * shift[1]), &s, &c);
    return make_float2(v.x * c - v.y * s, v.x * s + v.y * c);
}

// Sums over frames of spectra (patches, n, rows, columns) shifted back by shifts (patches, n, 2): total (patches, rows,
// columns), none beyond the ends of rows.
extern "C" __global__ void totals(const float2* spectra, const float* kx, const float* ky, const int* ends,
                                  const float* shifts, int patches, int n, int rows, int columns, float2* total) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x, size = rows * columns;
    if (at >= size) return;
    const int y = at / columns, x = at % columns;
    for (int p = blockIdx.y; p < patches; p += gridDim.y) {
        float2 sum = make_float2(0, 0);
        if (x < ends[y])
            for (int f = 0; f < n; f++) {
                const size_t i = (size_t)p * n + f;
                const float2 one = back(spectra[i * size + at], kx[x], ky[y], shifts + 2 * i);
                sum.x += one.x;
                sum.y += one.y;
            }
        total[(size_t)p * size + at] = sum;
    }
}

// The power of such sums over frames bounds[s] .. bounds[s + 1], summed over the spans, less own: out (patches, rows,
// columns).
extern "C" __global__ void common(const float2* spectra, const float* kx, const float* ky, const int* ends,
                                  const float* shifts, int patches, int n, int rows, int columns, const int* bounds,
                                  int spans, const float* own, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x, size = rows * columns;
    if (at >= size) return;
    const int y = at / columns, x = at % columns;
    for (int p = blockIdx.y; p < patches; p += gridDim.y) {
        float found = -own[(size_t)p * size + at];
        if (x < ends[y])
            for (int s = 0; s < spans; s++) {
                float2 sum = make_float2(0, 0);
                for (int f = bounds[s]; f < bounds[s + 1]; f++) {
                    const size_t i = (size_t)p * n + f;
                    const float2 one = back(spectra[i * size + at], kx[x], ky[y], shifts + 2 * i);
                    sum.x += one.x;
                    sum.y += one.y;
                }
                found += sum.x * sum.x + sum.y * sum.y;
            }
        out[(size_t)p * size + at] = found;
    }
}

// Twice the slope of |total|^2, weighed by weight (rows, columns), along every shift: out (patches, n, 2), one a block.
extern "C" __global__ void slopes(const float2* spectra, const float* kx, const float* ky, const int* ends,
                                  const float* shifts, int patches, int n, int rows, int columns, const float2* total,
                                  const float* weight, double* out) {
    __shared__ float slots[2 * 32];
    __shared__ double sums[2];
    const int size = rows * columns;
    for (int i = blockIdx.x; i < patches * n; i += gridDim.x) {
        float acc[2] = {0, 0};
        for (int at = threadIdx.x; at < size; at += blockDim.x) {
            const int y = at / columns, x = at % columns;
            if (x >= ends[y]) continue;
            const float2 one = back(spectra[(size_t)i * size + at], kx[x], ky[y], shifts + 2 * (size_t)i);
            const float2 sum = total[(size_t)(i / n) * size + at];
            const float turn = weight[at] * (sum.x * one.y - sum.y * one.x);
            acc[0] -= kx[x] * turn;
            acc[1] -= ky[y] * turn;
        }
        block_sums<2>(acc, slots, sums);
        if (threadIdx.x < 2) out[2 * (size_t)i + threadIdx.x] = 12.566370614359172 * sums[threadIdx.x];
    }
}
