// Power spectra of tiles; the twin of tiles.py.
#include "spa/gpu/block.cuh"

__device__ inline float held(float value, float low, float high) { return fminf(fmaxf(value, low), high); }

// The means of tiles (count, one a block) of an image (.., nx) from corner x y (count, 2) on, grey levels held between
// two.
extern "C" __global__ void means(const float* image, const int* corners, int count, int nx, int side, float low,
                                 float high, float* out) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        const float* from = image + (size_t)corners[2 * i + 1] * nx + corners[2 * i];
        float acc[1] = {0};
        for (int at = threadIdx.x; at < side * side; at += blockDim.x)
            acc[0] += held(from[(size_t)(at / side) * nx + at % side], low, high) - low;
        block_sums<1>(acc, slots, sums);
        if (threadIdx.x == 0) out[i] = (float)(sums[0] / ((double)side * side) + low);
    }
}

// These tiles less their means, under a window of one axis: out (count, side, side).
extern "C" __global__ void windowed(const float* image, const int* corners, const float* mean, const float* edge,
                                    int count, int nx, int side, float low, float high, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= side * side) return;
    const int y = at / side, x = at % side;
    const float window = edge[y] * edge[x];
    for (int i = blockIdx.y; i < count; i += gridDim.y) {
        const size_t from = (size_t)(corners[2 * i + 1] + y) * nx + corners[2 * i] + x;
        out[(size_t)i * side * side + at] = window * (held(image[from], low, high) - mean[i]);
    }
}

// The power of the low frequencies of spectra (count, side, side / 2 + 1) over its mean: out (count, size, size / 2 +
// 1); mean (count,), of all but the first column. One block a tile.
extern "C" __global__ void powers(const float2* spectra, int count, int side, int size, float* out, double* mean) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    const int half = size / 2, width = half + 1;
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        const float2* from = spectra + (size_t)i * side * (side / 2 + 1);
        float* to = out + (size_t)i * size * width;
        float acc[1] = {0};
        for (int at = threadIdx.x; at < size * width; at += blockDim.x) {
            const int y = at / width, x = at % width;
            const float2 v = from[(size_t)(y < half ? y : side - size + y) * (side / 2 + 1) + x];
            const float power = v.x * v.x + v.y * v.y;
            to[at] = power;
            acc[0] += x > 0 ? power : 0;
        }
        block_sums<1>(acc, slots, sums);
        const double usual = sums[0] / ((double)size * half);
        for (int at = threadIdx.x; at < size * width; at += blockDim.x)
            if (usual > 0) to[at] = (float)(to[at] / usual);
        if (threadIdx.x == 0) mean[i] = usual;
    }
}

// Sums of spectra (count, pixels) over bins (pixels,), -1 for none: pixels of a bin are listed by order (in bins' order),
// from starts[bin] to starts[bin + 1]. out (count, bins). One warp a bin.
extern "C" __global__ void binned(const float* spectra, const int* order, const int* starts, int count, int pixels,
                                  int bins, float* out) {
    const int bin = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5), lane = threadIdx.x & 31;
    if (bin >= bins) return;
    for (int i = blockIdx.y; i < count; i += gridDim.y) {
        float sum = 0;
        for (int k = starts[bin] + lane; k < starts[bin + 1]; k += 32) sum += spectra[(size_t)i * pixels + order[k]];
        sum = warp_sum(sum);
        if (lane == 0) out[(size_t)i * bins + bin] = sum;
    }
}

// The mean of spectra (count, pixels): out (pixels,).
extern "C" __global__ void averaged(const float* spectra, int count, int pixels, double* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= pixels) return;
    double sum = 0;
    for (int i = 0; i < count; i++) sum += spectra[(size_t)i * pixels + at];
    out[at] = sum / count;
}
