// Groups of whole frames against each other; the twin of whole.py's Groups. Shifts are x y in pixels of the images.
#include "spa/gpu/block.cuh"

// v times what moves a coefficient back by a shift; column and row count from frequency 0.
__device__ inline float2 back(float2 v, int row, int column, int ny, int nx, const float* shift) {
    const float fy = (float)(2 * row < ny ? row : row - ny) / ny, fx = (float)column / nx;
    float s, c;
    sincospif(2 * (fx * shift[0] + fy * shift[1]), &s, &c);
    return make_float2(v.x * c - v.y * s, v.x * s + v.y * c);
}

// Of spectra (groups, ny, width): each but the first times the conjugate of the one before, by weight.
extern "C" __global__ void pairs(const float2* spectra, const float* weight, int groups, int size, float2* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    const float w = weight[at];
    float2 before = spectra[at];
    for (int g = 1; g < groups; g++) {
        const float2 now = spectra[(size_t)g * size + at];
        out[(size_t)(g - 1) * size + at] = make_float2(w * (now.x * before.x + now.y * before.y),
                                                       w * (now.y * before.x - now.x * before.y));
        before = now;
    }
}

// Each, moved back by its shift (groups, 2), times the conjugate of the sum of all others so moved, by weight.
extern "C" __global__ void others(const float2* spectra, const float* weight, const float* shifts, int groups, int ny,
                                  int nx, float2* out) {
    const int width = nx / 2 + 1, size = ny * width, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    float2 total = make_float2(0, 0);
    for (int g = 0; g < groups; g++) {
        const float2 one = back(spectra[(size_t)g * size + at], at / width, at % width, ny, nx, shifts + 2 * g);
        out[(size_t)g * size + at] = one;
        total.x += one.x;
        total.y += one.y;
    }
    const float w = weight[at];
    for (int g = 0; g < groups; g++) {
        const float2 one = out[(size_t)g * size + at];
        const float2 rest = make_float2(total.x - one.x, total.y - one.y);
        out[(size_t)g * size + at] = make_float2(w * (one.x * rest.x + one.y * rest.y),
                                                 w * (one.y * rest.x - one.x * rest.y));
    }
}

// Parts (a block each) of the sum of weight times the power of the sum of all, so moved.
extern "C" __global__ void power(const float2* spectra, const float* weight, const float* shifts, int groups, int ny,
                                 int nx, double* parts) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    const int width = nx / 2 + 1, size = ny * width;
    float acc[1] = {0};
    for (int at = blockIdx.x * blockDim.x + threadIdx.x; at < size; at += gridDim.x * blockDim.x) {
        float2 total = make_float2(0, 0);
        for (int g = 0; g < groups; g++) {
            const float2 one = back(spectra[(size_t)g * size + at], at / width, at % width, ny, nx, shifts + 2 * g);
            total.x += one.x;
            total.y += one.y;
        }
        acc[0] += weight[at] * (total.x * total.x + total.y * total.y);
    }
    block_sums<1>(acc, slots, sums);
    if (threadIdx.x == 0) parts[blockIdx.x] = sums[0];
}

// The likeliest place of each of scores (groups, ny, nx): scores by their greatest over their mean square, less a
// Gaussian about the expected x y (groups, 2) of a deviation `step`. where (groups,): its index; values (groups, 5): the
// score there, and left, right, above and below it. One block an image.
extern "C" __global__ void peaks(const float* scores, const float* expected, float step, int groups, int ny, int nx,
                                 int* where, float* values) {
    __shared__ float slots[32];
    __shared__ int places[32];
    __shared__ double sums[1];
    for (int g = blockIdx.x; g < groups; g += gridDim.x) {
        const float* mine = scores + (size_t)g * ny * nx;
        float most = -INFINITY, acc[1] = {0};
        for (int at = threadIdx.x; at < ny * nx; at += blockDim.x) {
            most = fmaxf(most, mine[at]);
            acc[0] += mine[at] * mine[at];
        }
        most = block_max(most, slots);
        block_sums<1>(acc, slots, sums);
        const float scale = (float)(most / fmax(sums[0] / (ny * nx), 1e-30));
        float best = -INFINITY;
        int place = 0;
        for (int at = threadIdx.x; at < ny * nx; at += blockDim.x) {
            const int y = at / nx, x = at % nx;
            const float away_y = ((2 * y < ny ? y : y - ny) - expected[2 * g + 1]) / step;
            const float away_x = ((2 * x < nx ? x : x - nx) - expected[2 * g]) / step;
            const float value = mine[at] * scale - away_y * away_y / 2 - away_x * away_x / 2;
            if (value > best) {
                best = value;
                place = at;
            }
        }
        block_best(best, place, slots, places, ny * nx);
        if (threadIdx.x == 0) {
            const int y = place / nx, x = place % nx;
            where[g] = place;
            float* out = values + 5 * g;
            out[0] = mine[place];
            out[1] = mine[y * nx + (x + nx - 1) % nx];
            out[2] = mine[y * nx + (x + 1) % nx];
            out[3] = mine[(y + ny - 1) % ny * nx + x];
            out[4] = mine[(y + 1) % ny * nx + x];
        }
        __syncthreads();
    }
}
