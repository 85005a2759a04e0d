// Images as the likelihood wants them: divided by the noise, with their CTF; the twin of data.py's Images.block.
#include "spa/gpu/half.cuh"

// chi (n, 5) of the CTF at a frequency (1/angstrom), as chi_basis has it
__device__ inline double chi_at(const double* terms, double qx, double qy) {
    const double k2 = qx * qx + qy * qy;
    return terms[0] * k2 + terms[1] * (qx * qx - qy * qy) + terms[2] * 2 * qx * qy + terms[3] * k2 * k2 + terms[4];
}

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
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const int g = group[i];
        double fx = kx[j], fy = ky[j];
        const double plain = (fx * fx + fy * fy) * step * step;
        if (bend) {
            const double* b = bend + 4 * g;
            const double ux = b[0] * fx + b[1] * fy, uy = b[2] * fx + b[3] * fy;
            fx = ux;
            fy = uy;
        }
        float w = weight[(size_t)g * shells + shell[j]];
        if (bend && limit > 0 && fx * fx + fy * fy > (double)limit * limit) w = 0;
        double angle = chi_at(chi + 5 * (size_t)i, fx * step, fy * step);
        if (even) angle += even[(size_t)g * all + j];
        angle -= 6.283185307179586 * rint(angle * 0.15915494309189535);
        float c = sinf((float)angle);
        if (bfactor[i] != 0) c *= expf(-bfactor[i] / 4 * (float)plain);
        if (scale) c *= scale[i];
        const size_t from = 2 * (size_t)at[i] * all + j, to = 2 * (size_t)i * count + j;
        const float re = planes ? planes[from] : unit * half_to_float(small[from]);
        const float im = planes ? planes[from + all] : unit * half_to_float(small[from + all]);
        x[to] = w * re;
        x[to + count] = w * im;
        ctf[(size_t)i * count + j] = w * c;
    }
}
