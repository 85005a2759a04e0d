// Images as the likelihood wants them: divided by the noise, with their CTF; the twin of data.py's Images.block.
#include "spa/gpu/half.cuh"
#include "spa/refine/phase.cuh"

// Image i is row at[i] of the planes (N, 2, all), which are f32 (planes) or f16 times `unit` (small); the other tables
// are of its own (chi, bfactor, group). weight (groups, shells): 1 / noise deviation. even (groups, all) and bend
// (groups, 4) where there are any, scale (n,) of the CTF where there is one. limit: beyond this radius distorted images have no weight; 0: they have.
extern "C" __global__ void block(const float* planes, const unsigned short* small, float unit, const int* at, int n,
                                 int all, const double* chi, const float* bfactor, const float* scale, const int* group,
                                 const float* weight, int shells, const int* shell, const float* even,
                                 const double* bend, const int* kx, const int* ky, int count, double step, float limit,
                                 float* x, float* ctf) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    const Optics optics = {chi, bfactor, scale, group, even, bend, all, step};
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        double square;
        const float2 phase = phase_of(optics, i, j, kx[j], ky[j], &square);
        float w = weight[(size_t)group[i] * shells + shell[j]];
        if (bend && limit > 0 && square > (double)limit * limit) w = 0;
        const float c = sinf(phase.x) * phase.y;
        const size_t from = 2 * (size_t)at[i] * all + j, to = 2 * (size_t)i * count + j;
        const float re = planes ? planes[from] : unit * half_to_float(small[from]);
        const float im = planes ? planes[from + all] : unit * half_to_float(small[from + all]);
        x[to] = w * re;
        x[to + count] = w * im;
        ctf[(size_t)i * count + j] = w * c;
    }
}
