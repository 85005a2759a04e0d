// The phase of the CTF and what its sine is multiplied by; the twin of data.py's Images.phase.
#pragma once

struct Optics {  // of images: chi (n, 5), bfactor (n,), scale (n,) or none, group (n,); even (groups, all), bend (groups, 4)
    const double* chi;
    const float* bfactor;
    const float* scale;
    const int* group;
    const float* even;
    const double* bend;
    int all;      // coefficients of an image that even has
    double step;  // 1/angstrom of a coefficient
};

// chi (5) of the CTF at a frequency (1/angstrom), as chi_basis has it
__device__ inline double chi_at(const double* terms, double qx, double qy) {
    const double k2 = qx * qx + qy * qy;
    return terms[0] * k2 + terms[1] * (qx * qx - qy * qy) + terms[2] * 2 * qx * qy + terms[3] * k2 * k2 + terms[4];
}

// Of image i at its coefficient j: the phase between -pi and pi, the envelope; square: of the radius of the true frequency.
__device__ inline float2 phase_of(const Optics& o, int i, int j, int kx, int ky, double* square) {
    const int g = o.group[i];
    double fx = kx, fy = ky;
    const double plain = (fx * fx + fy * fy) * o.step * o.step;
    if (o.bend) {
        const double* b = o.bend + 4 * g;
        const double ux = b[0] * fx + b[1] * fy, uy = b[2] * fx + b[3] * fy;
        fx = ux;
        fy = uy;
    }
    *square = fx * fx + fy * fy;
    double angle = chi_at(o.chi + 5 * (size_t)i, fx * o.step, fy * o.step);
    if (o.even) angle += o.even[(size_t)g * o.all + j];
    angle -= 6.283185307179586 * rint(angle * 0.15915494309189535);
    float envelope = 1;
    if (o.bfactor[i] != 0) envelope *= expf(-o.bfactor[i] / 4 * (float)plain);
    if (o.scale) envelope *= o.scale[i];
    return make_float2((float)angle, envelope);
}
