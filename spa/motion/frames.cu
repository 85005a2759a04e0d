// Frames of a movie: summed as they come, gain and bad pixels, made smaller and rounded; the twin of bad.py and frames.py.
#include "spa/gpu/block.cuh"

// A pixel of a frame as it comes; kind: 0 u8, 1 i8, 2 u16, 3 i16, 4 f32.
__device__ inline float pixel(const void* raw, int kind, size_t at) {
    switch (kind) {
        case 0: return ((const unsigned char*)raw)[at];
        case 1: return ((const signed char*)raw)[at];
        case 2: return ((const unsigned short*)raw)[at];
        case 3: return ((const short*)raw)[at];
    }
    return ((const float*)raw)[at];
}

extern "C" __global__ void add_raw(const void* raw, int kind, int size, float* total) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < size) total[at] += pixel(raw, kind, at);
}

// gain may be none
extern "C" __global__ void gained(const void* raw, int kind, const float* gain, int size, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < size) out[at] = gain ? pixel(raw, kind, at) * gain[at] : pixel(raw, kind, at);
}

// Values at some places from others, which are none of these or themselves.
extern "C" __global__ void filled(const int* places, const int* sources, int count, float* image) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) image[places[i]] = image[sources[i]];
}

// Every factor-th pixel of an image (rows, nx) filtered along x by symmetric taps, edges held: out (rows, mx).
extern "C" __global__ void along_x(const float* image, const float* taps, int count, int factor, int rows, int nx,
                                   int mx, float* out) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, reach = (count - factor) / 2;
    if (x >= mx) return;
    for (int y = blockIdx.y; y < rows; y += gridDim.y) {
        const float* row = image + (size_t)y * nx;
        float sum = 0;
        for (int i = 0; i < count; i++) sum += taps[i] * row[min(max(x * factor + i - reach, 0), nx - 1)];
        out[(size_t)y * mx + x] = sum;
    }
}

// The same along y: of (ny, mx), out (my, mx).
extern "C" __global__ void along_y(const float* image, const float* taps, int count, int factor, int ny, int my,
                                   int mx, float* out) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, reach = (count - factor) / 2;
    if (x >= mx) return;
    for (int y = blockIdx.y; y < my; y += gridDim.y) {
        float sum = 0;
        for (int i = 0; i < count; i++)
            sum += taps[i] * image[(size_t)min(max(y * factor + i - reach, 0), ny - 1) * mx + x];
        out[(size_t)y * mx + x] = sum;
    }
}

// Sums of the values and their squares over every step-th row of (rows, nx), a pair a block: of pairs of values taken
// from the first one, so that they are small.
extern "C" __global__ void moments(const float* image, int rows, int step, int nx, double* parts) {
    __shared__ float slots[2 * 32];
    __shared__ double sums[2];
    float acc[2] = {0, 0};
    const float first = image[0];
    for (int y = blockIdx.x; y * step < rows; y += gridDim.x)
        for (int x = threadIdx.x; x < nx; x += blockDim.x) {
            const float value = image[(size_t)y * step * nx + x] - first;
            acc[0] += value;
            acc[1] += value * value;
        }
    block_sums<2>(acc, slots, sums);
    if (threadIdx.x < 2) parts[2 * blockIdx.x + threadIdx.x] = sums[threadIdx.x];
}

// (image - mean) * levels / deviation, rounded to signed bytes; mean and deviation from the parts of count values.
extern "C" __global__ void rounded(const float* image, const double* parts, int blocks, int count, float levels,
                                   int size, signed char* out) {
    double sum = 0, square = 0;
    for (int b = 0; b < blocks; b++) {
        sum += parts[2 * b];
        square += parts[2 * b + 1];
    }
    const double mean = sum / count;
    const float middle = (float)(image[0] + mean), spread = (float)sqrt(max(square / count - mean * mean, 0.0));
    const float scale = levels / fmaxf(spread, 1e-30f);
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < size; at += gridDim.x * blockDim.x) {
        const float value = fminf(fmaxf((image[at] - middle) * scale, -127.0f), 127.0f);
        out[at] = (signed char)floorf(value + 0.5f);
    }
}

// Sums over the frames bounds[g] .. bounds[g + 1] of bytes (n, my, mx), factor x factor pixels of them to one, from row
// top and column left on: out (groups, ny, nx).
extern "C" __global__ void shrunk(const signed char* frames, const int* bounds, int my, int mx, int top, int left,
                                  int factor, int ny, int nx, int groups, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= ny * nx) return;
    const size_t from = (size_t)(top + at / nx * factor) * mx + left + at % nx * factor;
    for (int g = blockIdx.y; g < groups; g += gridDim.y) {
        int sum = 0;
        for (int f = bounds[g]; f < bounds[g + 1]; f++)
            for (int y = 0; y < factor; y++)
                for (int x = 0; x < factor; x++) sum += frames[(size_t)f * my * mx + from + (size_t)y * mx + x];
        out[(size_t)g * ny * nx + at] = (float)sum;
    }
}
