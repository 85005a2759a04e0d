// Scores of a class in every orientation and shift to weights, the twin of soft.py's _weigh; and rows times a scale.
#include "spa/gpu/block.cuh"

#define FAINT 14.0f // log units below an image's best where a likelihood counts as none
#define LEAST 1e-4f // of an image's greatest weight: those below enter no average
#define LOST 0.02 // of the mass of an image's weights: where those have more of it, none is left out

// Of cross (n, s, g): the greatest score top (n) of an image and the mass (n) of its weights, the greatest being 1, also
// of those that are too little to be used; where total (n, g) is wanted, cross becomes weights and total their sums over
// shifts. One block an image, threads along g: its scores are read three times and written twice, and stay in cache where
// a few thousand a shift do.
extern "C" __global__ void weigh(float* cross, const float* norm, const float* prior, int n, int s, int g, float beta,
                                 float* total, float* top, float* mass) {
    __shared__ float slots[64];
    __shared__ double whole[2];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float* scores = cross + (size_t)i * s * g;
        const float* base = norm + (size_t)i * g;
        float most = -3e38f, sums[2] = {0, 0};
        for (int j = threadIdx.x; j < g; j += blockDim.x)
            for (int k = 0; k < s; k++)
                most = fmaxf(most, beta * (2 * scores[(size_t)k * g + j] - base[j] + prior[k]));
        most = block_max(most, slots);
        for (int j = threadIdx.x; j < g; j += blockDim.x)
            for (int k = 0; k < s; k++) {
                float* at = scores + (size_t)k * g + j;
                const float v = beta * (2 * *at - base[j] + prior[k]) - most, w = v > -FAINT ? expf(v) : 0.0f;
                sums[0] += w;
                sums[1] += w > LEAST ? 0.0f : w;
                if (total) *at = w;
            }
        block_sums<2>(sums, slots, whole);
        const float least = whole[1] > LOST * whole[0] ? 0.0f : LEAST;
        for (int j = threadIdx.x; total && j < g; j += blockDim.x) {
            float mine = 0;
            for (int k = 0; k < s; k++) {
                float* at = scores + (size_t)k * g + j;
                *at = *at > least ? *at : 0.0f;
                mine += *at;
            }
            total[(size_t)i * g + j] = mine;
        }
        if (threadIdx.x == 0) {
            top[i] = most;
            mass[i] = (float)whole[0];
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
