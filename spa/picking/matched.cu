// A shape's templates against a micrograph; the twin of matched.py.
#include "spa/gpu/block.cuh"

// Templates (angles, ny, nx / 2 + 1): a radial spectrum, given every step (1/angstrom), at frequencies that are stretched
// (along, short of it across) and turned by each angle, times a weight (ny, nx / 2 + 1).
extern "C" __global__ void templates(const float* table, int values, float step, const float* weight, int angles,
                                     float along, float across, int ny, int nx, float pixel_size, float* out) {
    const int width = nx / 2 + 1, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= ny * width) return;
    const int y = at / width;
    const float ky = (2 * y < ny ? y : y - ny) / (ny * pixel_size), kx = at % width / (nx * pixel_size);
    for (int a = blockIdx.y; a < angles; a += gridDim.y) {
        float s, c;
        sincospif((float)a / angles, &s, &c);
        const float u = along * (kx * c + ky * s), v = across * (ky * c - kx * s);
        const float place = fminf(sqrtf(u * u + v * v) / step, values - 1.01f);
        const int low = (int)place;
        out[(size_t)a * ny * width + at] = weight[at] * (table[low] + (place - low) * (table[low + 1] - table[low]));
    }
}

// Squared lengths of the images of templates (angles, ny, nx / 2 + 1), one a block.
extern "C" __global__ void lengths(const float* templates, int angles, int ny, int nx, double* out) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    const int width = nx / 2 + 1;
    for (int a = blockIdx.x; a < angles; a += gridDim.x) {
        float acc[1] = {0};
        for (int at = threadIdx.x; at < ny * width; at += blockDim.x) {
            const int x = at % width;
            const float v = templates[(size_t)a * ny * width + at];
            acc[0] += (x == 0 || 2 * x == nx ? 1 : 2) * v * v;
        }
        block_sums<1>(acc, slots, sums);
        if (threadIdx.x == 0) out[a] = sums[0] / ((double)ny * nx);
    }
}

// Spectra (ny, nx / 2 + 1) times templates over their lengths and the pixels: out (angles, ..); white none: times 1.
extern "C" __global__ void products(const float2* white, const float* templates, const double* length, int angles,
                                    int size, float pixels, float2* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    for (int a = blockIdx.y; a < angles; a += gridDim.y) {
        const float scale = templates[(size_t)a * size + at] / (pixels * fmaxf(sqrtf((float)length[a]), 1e-30f));
        out[(size_t)a * size + at] = white ? make_float2(scale * white[at].x, scale * white[at].y) : make_float2(scale, 0);
    }
}

// Over angles: the largest and the least of images (angles, .., nx) in the corner (height, width).
extern "C" __global__ void extremes(const float* images, int angles, int size, int nx, int height, int width,
                                    float* best, float* worst) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= height * width) return;
    const size_t from = (size_t)(at / width) * nx + at % width;
    float most = -INFINITY, least = INFINITY;
    for (int a = 0; a < angles; a++) {
        most = fmaxf(most, images[(size_t)a * size + from]);
        least = fminf(least, images[(size_t)a * size + from]);
    }
    best[at] = most, worst[at] = least;
}

// Every step-th pixel of the corner (.., width), as they come, of images (angles, .., nx): out (angles, count).
extern "C" __global__ void sampled(const float* images, int angles, int size, int nx, int width, int step, int count,
                                   float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= count) return;
    const size_t from = (size_t)(at * step / width) * nx + at * step % width;
    for (int a = blockIdx.y; a < angles; a += gridDim.y) out[(size_t)a * count + at] = images[(size_t)a * size + from];
}

// Over angles: the sum of squares of images (angles, size).
extern "C" __global__ void energies(const float* images, int angles, int size, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    float sum = 0;
    for (int a = 0; a < angles; a++) sum += images[(size_t)a * size + at] * images[(size_t)a * size + at];
    out[at] = sum;
}

// a times b, over the first of b (the sum of the image whose transform it is) and the pixels.
extern "C" __global__ void covered(const float2* a, const float2* b, int size, float pixels, float2* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    const float scale = 1 / (pixels * (b[0].x > 0 ? b[0].x : 1));
    out[at] = make_float2(scale * (a[at].x * b[at].x - a[at].y * b[at].y), scale * (a[at].x * b[at].y + a[at].y * b[at].x));
}
