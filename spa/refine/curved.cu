// Images put into a volume on the Ewald sphere; the twin of spa/volume/curved.py.
#include "spa/refine/phase.cuh"
#include "spa/volume/cells.cuh"

struct Point {  // where one side of a coefficient lies: its cell, how far into it, the sign of its half; inside the grid
    size_t at;
    float tx, ty, tz, sign;
    bool inside;
};

__device__ inline Point point_of(const Turn& t, float u, float v, float w, int ny, int nx) {
    float x = 2 * (u * t.a[0] + v * t.a[3] + w * t.a[6]);
    float y = 2 * (u * t.a[1] + v * t.a[4] + w * t.a[7]);
    float z = 2 * (u * t.a[2] + v * t.a[5] + w * t.a[8]);
    Point p;
    p.sign = x < 0 ? -1.0f : 1.0f;
    x *= p.sign, y *= p.sign, z *= p.sign;
    const int ix = (int)x, iy = (int)floorf(y), iz = (int)floorf(z);
    p.tx = x - ix, p.ty = y - iy, p.tz = z - iz;
    const int cy = iy + ny / 2, cz = iz + ny / 2;
    p.inside = ix + 1 < nx && cy >= 0 && cy < ny - 1 && cz >= 0 && cz < ny - 1;
    p.at = ((size_t)cz * ny + cy) * nx + ix;
    return p;
}

__device__ inline float2 gathered(const float2* grid, const Point& p, int ny, int nx) {
    float2 sum = make_float2(0, 0);
    if (!p.inside) return sum;
    for (int corner = 0; corner < 8; corner++) {
        const int x = corner & 1, y = corner >> 1 & 1, z = corner >> 2;
        const float w = (x ? p.tx : 1 - p.tx) * (y ? p.ty : 1 - p.ty) * (z ? p.tz : 1 - p.tz);
        const float2 v = grid[p.at + x + (size_t)y * nx + (size_t)z * nx * ny];
        sum.x += w * v.x;
        sum.y += w * v.y;
    }
    sum.y *= p.sign;
    return sum;
}

__device__ inline void scattered(float4* grid, const Point& p, int ny, int nx, float re, float im, float weight) {
    if (!p.inside) return;
    for (int corner = 0; corner < 8; corner++) {
        const int x = corner & 1, y = corner >> 1 & 1, z = corner >> 2;
        const float w = (x ? p.tx : 1 - p.tx) * (y ? p.ty : 1 - p.ty) * (z ? p.tz : 1 - p.tz);
        float4* to = grid + p.at + x + (size_t)y * nx + (size_t)z * nx * ny;
        atomicAdd(&to->x, w * re);
        atomicAdd(&to->y, w * p.sign * im);
        atomicAdd(&to->z, w * weight);
    }
}

// How alike the transform of a ball is at places so far apart, in units of its radius times 2 pi.
__device__ inline float likeness(float a) {
    return a < 0.3f ? 1 - a * a / 10 : 3 * (sinf(a) - a * cosf(a)) / (a * a * a);
}

// Images x (n, 2, count), over the noise, of which image rows[m] is put at pose m (m, 9) with its shift undone and its
// share; less what a map's grid (none: nothing) shows of them. weight (groups, shells): 1 / noise deviation; wave (n,):
// wavelengths with the sphere's sign, angstroms; the optics as in data.cu.
extern "C" __global__ void sphere(float4* sums, const float2* map, int ny, int nx, const int* rows, const float* poses,
                                  const float* shifts, const float* shares, int samples, const float* x,
                                  const double* chi, const float* bfactor, const float* scale, const int* group,
                                  const float* even, const double* bend, int all, double step, const float* weight,
                                  int shells, const int* shell, const float* wave, float diameter, const int* kx,
                                  const int* ky, int count, int box) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    const Optics optics = {chi, bfactor, scale, group, even, bend, all, step};
    const float u = kx[j], v = ky[j];
    for (int m = blockIdx.y; m < samples; m += gridDim.y) {
        const int i = rows[m];
        double square;
        const float2 phase = phase_of(optics, i, j, kx[j], ky[j], &square);
        const float size = phase.y * weight[(size_t)group[i] * shells + shell[j]];
        const float k2 = u * u + v * v, apart = fabsf(wave[i]) * k2 * (float)(step * step);
        const float away = (float)(0.5 * wave[i] * step) * k2;
        const Turn turn = turn_of(poses + 9 * (size_t)m);
        const Point below = point_of(turn, u, v, -away, ny, nx), above = point_of(turn, u, v, away, ny, nx);
        const float2 r = ramp_of(u, v, shifts[2 * m], shifts[2 * m + 1], (float)box);
        const float re = x[2 * (size_t)i * count + j], im = x[(2 * (size_t)i + 1) * count + j];
        float2 value = make_float2(re * r.x - im * r.y, re * r.y + im * r.x);
        float s, c;
        sincosf(phase.x, &s, &c);
        const float2 up = make_float2(0.5f * size * s, -0.5f * size * c);  // exp(i chi) size / 2i
        if (map) {
            const float2 a = gathered(map, below, ny, nx), b = gathered(map, above, ny, nx);
            value.x -= up.x * a.x - up.y * a.y + up.x * b.x + up.y * b.y;
            value.y -= up.x * a.y + up.y * a.x + up.x * b.y - up.y * b.x;
        }
        const float share = shares[m];
        const float mass = share * size * size * (1 - likeness(fmaxf(3.14159265f * diameter * apart, 1e-3f)) *
                                                          (c * c - s * s)) / 4;
        scattered(sums, below, ny, nx, share * (value.x * up.x + value.y * up.y), share * (value.y * up.x - value.x * up.y), mass);
        scattered(sums, above, ny, nx, share * (value.x * up.x - value.y * up.y), share * (value.y * up.x + value.x * up.y), mass);
    }
}

// What a map (size) would have put into sums, beside what is in them.
extern "C" __global__ void add_map(const float2* map, int size, float4* sums) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    sums[at].x += map[at].x * sums[at].z;
    sums[at].y += map[at].y * sums[at].z;
}
