// Scores of every class, orientation and shift to posterior weights; the twin of soft.py's _posterior.
#include "spa/gpu/block.cuh"

#define CLASSES 64  // at most
#define FAINT 14.0f // log units below an image's best of a class where a weight counts as none

// Of cross (n, s, classes g): evidence (n, classes), their shares of the image, its greatest weight, peak (n); where
// total (n, classes g) is wanted, cross becomes weights and total their sums over shifts. One block an image, threads
// along g: its scores are read three times and written once, and stay in cache where a few thousand a shift do.
extern "C" __global__ void posterior(float* cross, const float* norm, const float* prior, int n, int s, int g,
                                     int classes, float beta, float similarity, float* total, float* evidence,
                                     float* share, float* peak) {
    __shared__ float slots[32], tops[CLASSES], scales[CLASSES];
    __shared__ double mass;
    const int width = classes * g;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float* scores = cross + (size_t)i * s * width;
        const float* base = norm + (size_t)i * width;
        for (int c = 0; c < classes; c++) {
            float most = -3e38f, sum = 0;
            for (int j = c * g + threadIdx.x; j < (c + 1) * g; j += blockDim.x)
                for (int k = 0; k < s; k++)
                    most = fmaxf(most, beta * (2 * scores[(size_t)k * width + j] - base[j] + prior[k]));
            most = block_max(most, slots);
            for (int j = c * g + threadIdx.x; j < (c + 1) * g; j += blockDim.x)
                for (int k = 0; k < s; k++) {
                    const float v = beta * (2 * scores[(size_t)k * width + j] - base[j] + prior[k]) - most;
                    if (v > -FAINT) sum += expf(v);
                }
            block_sums<1>(&sum, slots, &mass);
            if (threadIdx.x == 0) {
                tops[c] = most;
                scales[c] = (float)(1 / mass);
                evidence[(size_t)i * classes + c] = most + (float)log(mass);
            }
        }
        if (threadIdx.x == 0) {
            float best = -3e38f, all = 0, highest = 0;
            const float* mine = evidence + (size_t)i * classes;
            for (int c = 0; c < classes; c++) best = fmaxf(best, mine[c]);
            for (int c = 0; c < classes; c++) all += expf(mine[c] - best);
            for (int c = 0; c < classes; c++) {
                const float part = (1 - similarity) * expf(mine[c] - best) / all + similarity / classes;
                scales[c] *= part;
                share[(size_t)i * classes + c] = part;
                highest = fmaxf(highest, scales[c]);
            }
            peak[i] = highest;
        }
        __syncthreads();
        if (total)
            for (int j = threadIdx.x; j < width; j += blockDim.x) {
                const int c = j / g;
                float sum = 0;
                for (int k = 0; k < s; k++) {
                    float* at = scores + (size_t)k * width + j;
                    const float v = beta * (2 * *at - base[j] + prior[k]) - tops[c];
                    const float w = v > -FAINT ? scales[c] * expf(v) : 0.0f;
                    *at = w;
                    sum += w;
                }
                total[(size_t)i * width + j] = sum;
            }
        __syncthreads();
    }
}
