// How likely images are as random patterns; the twin of recognised.py's anything.
#include "spa/gpu/block.cuh"

#define MOST 8  // strengths

// out (n, many): of whitened images x (n, 2, stride) with their CTF (n, stride), the sum of |x|^2 s / (1 + s) -
// log(1 + s) over their first coefficients, s = strength ctf^2 power of the shell. One block an image.
extern "C" __global__ void patterns(const float* x, const float* ctf, int stride, int n, const int* shell, int count,
                                    const float* power, const float* strengths, int many, double* out) {
    __shared__ float slots[32 * MOST];
    __shared__ double sums[MOST];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float acc[MOST];
        for (int k = 0; k < MOST; k++) acc[k] = 0;
        for (int j = threadIdx.x; j < count; j += blockDim.x) {
            const float c = ctf[(size_t)i * stride + j], signal = c * c * power[shell[j]];
            const float re = x[2 * (size_t)i * stride + j], im = x[(2 * (size_t)i + 1) * stride + j];
            const float seen = re * re + im * im;
#pragma unroll
            for (int k = 0; k < MOST; k++)
                if (k < many) {
                    const float s = strengths[k] * signal;
                    acc[k] += seen * (s / (1 + s)) - log1pf(s);
                }
        }
        block_sums<MOST>(acc, slots, sums);
        if (threadIdx.x < many) out[(size_t)i * many + threadIdx.x] = sums[threadIdx.x];
    }
}
