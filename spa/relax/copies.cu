// Residuals of a consensus, and how they like a difference at every copy; the twin of copies.py.
#include "spa/gpu/block.cuh"
#include "spa/volume/cells.cuh"

// Images x (n, 2, count), moved back by shifts (n, 2), less their CTF (n, count) times slices cut (n, 2, count).
extern "C" __global__ void rests(const float* x, const float* ctf, const float* cut, const float* shifts, int n,
                                 const int* kx, const int* ky, int count, int box, float* out, float* kept) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const size_t at = 2 * (size_t)i * count + j;
        const float2 r = ramp_of(kx[j], ky[j], shifts[2 * i], shifts[2 * i + 1], (float)box);
        const float c = ctf[(size_t)i * count + j];
        out[at] = x[at] * r.x - x[at + count] * r.y - c * cut[at];
        out[at + count] = x[at] * r.y + x[at + count] * r.x - c * cut[at + count];
        kept[(size_t)i * count + j] = c;
    }
}

// Slices (n, copies, size) less the mean over the copies.
extern "C" __global__ void centred(float* cut, int n, int copies, int size) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= size) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float* mine = cut + (size_t)i * copies * size + j;
        float sum = 0;
        for (int c = 0; c < copies; c++) sum += mine[(size_t)c * size];
        for (int c = 0; c < copies; c++) mine[(size_t)c * size] -= sum / copies;
    }
}

// Of slices (n, copies, 2, count) and rows at (n) of residuals x (N, 2, count) with their CTF (N, count): cross terms and
// norms (n, copies). One block a slice.
extern "C" __global__ void terms(const float* cut, const int* at, const float* x, const float* ctf, int n, int copies,
                                 int count, double* cross, double* norm) {
    __shared__ float slots[2 * 32];
    __shared__ double sums[2];
    for (int k = blockIdx.y; k < n * copies; k += gridDim.y) {
        const float* p = cut + 2 * (size_t)k * count;
        const size_t row = at[k / copies];
        float acc[2] = {0, 0};
        for (int j = threadIdx.x; j < count; j += blockDim.x) {
            const float c = ctf[row * count + j], re = p[j], im = p[count + j];
            acc[0] += c * (re * x[2 * row * count + j] + im * x[(2 * row + 1) * count + j]);
            acc[1] += c * c * (re * re + im * im);
        }
        block_sums<2>(acc, slots, sums);
        if (threadIdx.x == 0) cross[k] = sums[0], norm[k] = sums[1];
    }
}
