// Pixels of a sum of frames that are far from those around them; the twin of bad.py's outliers.
#include "spa/gpu/block.cuh"

// The sum of the pixels of total (times gain, where there is one) that are not known to be bad, a part a block.
extern "C" __global__ void good(const float* total, const float* gain, const unsigned char* known, int size,
                                double* parts) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    float acc[1] = {0};
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < size; at += gridDim.x * blockDim.x)
        if (!known[at]) acc[0] += gain ? total[at] * gain[at] : total[at];
    block_sums<1>(acc, slots, sums);
    if (threadIdx.x == 0) parts[blockIdx.x] = sums[0];
}

// total times gain, with a level where pixels are known to be bad.
extern "C" __global__ void usual(const float* total, const float* gain, const unsigned char* known, float level,
                                 int size, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < size) out[at] = known[at] ? level : gain ? total[at] * gain[at] : total[at];
}

// Means of squares of a side, those at the end larger: out (rows, columns). One warp a square.
extern "C" __global__ void squares(const float* image, int ny, int nx, int side, int rows, int columns, float* out) {
    const int square = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5), lane = threadIdx.x & 31;
    if (square >= rows * columns) return;
    const int row = square / columns, column = square % columns;
    const int top = row * side, left = column * side;
    const int high = (row + 1 < rows ? side : ny - top), wide = (column + 1 < columns ? side : nx - left);
    float sum = 0;
    for (int k = lane; k < high * wide; k += 32) sum += image[(size_t)(top + k / wide) * nx + left + k % wide];
    sum = warp_sum(sum);
    if (lane == 0) out[square] = sum / (high * wide);
}

__device__ inline float apart(const float* image, const float* means, int nx, int side, int rows, int columns, int y,
                              int x) {
    return image[(size_t)y * nx + x] - means[min(y / side, rows - 1) * columns + min(x / side, columns - 1)];
}

// Every step-th pixel along both axes, less the mean of its square: out (high, wide).
extern "C" __global__ void thinned(const float* image, const float* means, int nx, int side, int rows, int columns,
                                   int step, int high, int wide, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < high * wide) out[at] = apart(image, means, nx, side, rows, columns, at / wide * step, at % wide * step);
}

// Good pixels further than limit from middle: count of them, and as many places as there is room for, in any order.
extern "C" __global__ void far(const float* image, const float* means, const unsigned char* known, int ny, int nx,
                               int side, int rows, int columns, float middle, float limit, int room, int* count,
                               int* places) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= ny * nx || known[at]) return;
    if (fabsf(apart(image, means, nx, side, rows, columns, at / nx, at % nx) - middle) <= limit) return;
    const int mine = atomicAdd(count, 1);
    if (mine < room) places[mine] = at;
}

// The nine values at each place and around it, row by row (the edge's are held): out (places, 9).
extern "C" __global__ void near(const float* image, const int* places, int count, int ny, int nx, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count * 9) return;
    const int place = places[at / 9], step = at % 9;
    const int y = min(max(place / nx + step / 3 - 1, 0), ny - 1), x = min(max(place % nx + step % 3 - 1, 0), nx - 1);
    out[at] = image[(size_t)y * nx + x];
}
