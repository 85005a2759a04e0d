// Scores of a class in every orientation and shift to weights, the twin of soft.py's _weigh; and rows times a scale.
#include "spa/gpu/block.cuh"

#define FAINT 14.0f // log units below an image's best where a likelihood counts as none
#define LEAST 1e-4f // of an image's greatest weight, below which one enters no average

// Of cross (n, s, g): the greatest score top (n) of an image and the mass (n) of its weights, the greatest being 1, also
// of those that are too little to be used; where total (n, g) is wanted, cross becomes weights and total their sums over
// shifts. One block an image, threads along g: its scores are read twice and written once, and stay in cache where a few
// thousand a shift do.
extern "C" __global__ void weigh(float* cross, const float* norm, const float* prior, int n, int s, int g, float beta,
                                 float* total, float* top, float* mass) {
    __shared__ float slots[32];
    __shared__ double whole;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float* scores = cross + (size_t)i * s * g;
        const float* base = norm + (size_t)i * g;
        float most = -3e38f, sum = 0;
        for (int j = threadIdx.x; j < g; j += blockDim.x)
            for (int k = 0; k < s; k++)
                most = fmaxf(most, beta * (2 * scores[(size_t)k * g + j] - base[j] + prior[k]));
        most = block_max(most, slots);
        for (int j = threadIdx.x; j < g; j += blockDim.x) {
            float mine = 0, all = 0;
            for (int k = 0; k < s; k++) {
                float* at = scores + (size_t)k * g + j;
                const float v = beta * (2 * *at - base[j] + prior[k]) - most;
                const float w = v > -FAINT ? expf(v) : 0.0f, kept = w > LEAST ? w : 0.0f;
                if (total) *at = kept;
                mine += kept;
                all += w;
            }
            if (total) total[(size_t)i * g + j] = mine;
            sum += all;
        }
        block_sums<1>(&sum, slots, &whole);
        if (threadIdx.x == 0) {
            top[i] = most;
            mass[i] = (float)whole;
        }
        __syncthreads();
    }
}

// values (n, width) times a scale (n) each.
extern "C" __global__ void scaled(float* values, const float* scale, int n, int width) {
    for (int i = blockIdx.y; i < n; i += gridDim.y)
        for (int j = blockIdx.x * blockDim.x + threadIdx.x; j < width; j += gridDim.x * blockDim.x)
            values[(size_t)i * width + j] *= scale[i];
}
