// Frames laid along a field and summed, sums filtered, and the power of tiles; the twin of sums.py and power.py.
#include "spa/gpu/block.cuh"

#define TAPS 8
#define STEPS 256
#define SEGMENT 16  // pixels along x that share a displacement
#define SHARE 4     // rows that do
#define TILE 32     // rows that a fetched row's own block is looked for in
#define AT_ONCE 4   // frames whose values are held while sums are read and written once

// Displacements of blocks of SHARE x SEGMENT pixels from nodes (frames, gy, gx, 2) every `spacing` pixels: out (frames,
// 2, blocks, segments), x then y: whole pixels times 512 plus the step after, of STEPS to a pixel.
extern "C" __global__ void displaced(const float* nodes, int gy, int gx, int spacing, int frames, int blocks,
                                     int segments, int* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= blocks * segments) return;
    double place = (double)(at / segments * SHARE) / spacing;
    const int y = min((int)place, gy - 2);
    const double down = place - y;
    place = (at % segments * SEGMENT + (SEGMENT - 1) / 2.0) / spacing;
    const int x = min((int)place, gx - 2);
    const double share = place - x;
    for (int f = blockIdx.y; f < frames; f += gridDim.y)
        for (int axis = 0; axis < 2; axis++) {
            const float* from = nodes + 2 * (((size_t)f * gy + y) * gx + x) + axis;
            const double above = from[0] + share * (from[2] - from[0]);
            const double below = from[2 * gx] + share * (from[2 * gx + 2] - from[2 * gx]);
            const double shift = above + down * (below - above);
            const int whole = (int)floor(shift);
            out[((size_t)2 * f + axis) * blocks * segments + at] = whole * 512 + (int)((shift - whole) * STEPS + 0.5);
        }
}

__device__ inline int mirrored(int i, int n) {
    if (i < 0) i = -1 - i;
    if (i >= n) i = 2 * n - 1 - i;
    return min(max(i, 0), n - 1);
}

// A pixel of a frame from where its block's displacement says: along x in each of TAPS rows, then along y.
__device__ inline float fetched(const float* frame, const int* along_x, const int* along_y, const float* taps, int ny,
                                int nx, int segments, int y, int x) {
    const int segment = x / SEGMENT, top = y / TILE * TILE;
    const int code = along_y[y / SHARE * segments + segment], first = (code >> 9) - (TAPS / 2 - 1);
    const float4* down = (const float4*)(taps + (code & 511) * TAPS);
    const float4 d0 = down[0], d1 = down[1];
    const float by[TAPS] = {d0.x, d0.y, d0.z, d0.w, d1.x, d1.y, d1.z, d1.w};
    float sum = 0;
#pragma unroll
    for (int j = 0; j < TAPS; j++) {
        const int block = (top + min(max(y - top + first + j, 0), TILE - 1)) / SHARE;
        const int across = along_x[block * segments + segment], left = x + (across >> 9) - (TAPS / 2 - 1);
        const float4* over = (const float4*)(taps + (across & 511) * TAPS);
        const float4 t0 = over[0], t1 = over[1];
        const float* row = frame + (size_t)mirrored(y + first + j, ny) * nx;
        float part;
        if (left >= 0 && left + TAPS <= nx) {
            row += left;
            part = t0.x * row[0] + t0.y * row[1] + t0.z * row[2] + t0.w * row[3] +
                   t1.x * row[4] + t1.y * row[5] + t1.z * row[6] + t1.w * row[7];
        } else {
            part = t0.x * row[mirrored(left, nx)] + t0.y * row[mirrored(left + 1, nx)] +
                   t0.z * row[mirrored(left + 2, nx)] + t0.w * row[mirrored(left + 3, nx)] +
                   t1.x * row[mirrored(left + 4, nx)] + t1.y * row[mirrored(left + 5, nx)] +
                   t1.z * row[mirrored(left + 6, nx)] + t1.w * row[mirrored(left + 7, nx)];
        }
        sum += by[j] * part;
    }
    return sum;
}

// sums (ranks, ny, nx) += weights (frames, ranks) times frames (ny, nx), AT_ONCE of them or less, along displacements as
// above. A block of threads has rows of 32 pixels, one above the other.
extern "C" __global__ void add_warped(const float* first, const float* second, const float* third, const float* fourth,
                                      const int* displacements, const float* taps, const float* weights, int count,
                                      int ranks, int ny, int nx, int blocks, int segments, float* sums) {
    const float* frames[AT_ONCE] = {first, second, third, fourth};
    const int x = blockIdx.x * 32 + (threadIdx.x & 31);
    if (x >= nx) return;
    for (int y = blockIdx.y * (blockDim.x >> 5) + (threadIdx.x >> 5); y < ny; y += gridDim.y * (blockDim.x >> 5)) {
        float values[AT_ONCE] = {0, 0, 0, 0};
#pragma unroll
        for (int f = 0; f < AT_ONCE; f++)
            if (f < count) {
                const int* along = displacements + (size_t)2 * f * blocks * segments;
                values[f] = fetched(frames[f], along, along + (size_t)blocks * segments, taps, ny,
                                    nx, segments, y, x);
            }
        for (int r = 0; r < ranks; r++) {
            float add = 0;
#pragma unroll
            for (int f = 0; f < AT_ONCE; f++)
                if (f < count) add += weights[f * ranks + r] * values[f];
            if (add != 0) sums[((size_t)r * ny + y) * nx + x] += add;
        }
    }
}

// to += from.
extern "C" __global__ void add(const float* from, int size, float* to) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at < size) to[at] += from[at];
}

// out (+)= spectrum (ny, nx / 2 + 1) times factors along y and x, and a curve of the radius given every step (cycles a
// pixel); first: what is in out is not added to.
extern "C" __global__ void add_filtered(const float2* spectrum, const float* curve, int values, double step, int ny,
                                        int nx, const float* along_y, const float* along_x, int first, float2* out) {
    const int width = nx / 2 + 1, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= ny * width) return;
    const int y = at / width, x = at % width;
    const float ky = (float)((2 * y <= ny ? y : y - ny) / (ny * step)), kx = x * (float)(1 / (nx * step));
    const float place = sqrtf(kx * kx + ky * ky);
    const int low = min((int)place, values - 2);
    const float factor = along_y[y] * along_x[x] * (curve[low] + (place - low) * (curve[low + 1] - curve[low]));
    const float2 old = first ? make_float2(0, 0) : out[at], v = spectrum[at];
    out[at] = make_float2(old.x + factor * v.x, old.y + factor * v.y);
}

// The middle (my, mx / 2 + 1) of a spectrum (ny, nx / 2 + 1), times a factor.
extern "C" __global__ void cropped(const float2* spectrum, int ny, int nx, int my, int mx, float factor, float2* out) {
    const int width = mx / 2 + 1, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= my * width) return;
    const int y = at / width;
    const float2 v = spectrum[(size_t)(y <= my / 2 ? y : y + ny - my) * (nx / 2 + 1) + at % width];
    out[at] = make_float2(factor * v.x, factor * v.y);
}

// Tiles (rows, columns of them) of an image, without overlap, less their means (tiles,), under a window of one axis.
extern "C" __global__ void tiles(const float* image, const float* means, const float* ramp, int nx, int side,
                                 int columns, int count, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= side * side) return;
    const int y = at / side, x = at % side;
    const float window = ramp[y] * ramp[x];
    for (int t = blockIdx.y; t < count; t += gridDim.y)
        out[(size_t)t * side * side + at] =
            window * (image[(size_t)(t / columns * side + y) * nx + t % columns * side + x] - means[t]);
}

// The means of such tiles, one a block.
extern "C" __global__ void tile_means(const float* image, int nx, int side, int columns, int count, float* out) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    for (int t = blockIdx.x; t < count; t += gridDim.x) {
        const float* from = image + (size_t)(t / columns) * side * nx + t % columns * side;
        float acc[1] = {0};
        for (int at = threadIdx.x; at < side * side; at += blockDim.x)
            acc[0] += from[(size_t)(at / side) * nx + at % side] - from[0];
        block_sums<1>(acc, slots, sums);
        if (threadIdx.x == 0) out[t] = (float)(from[0] + sums[0] / ((double)side * side));
    }
}

// power (side, side / 2 + 1) += that of spectra of tiles (count, tile, tile / 2 + 1) at its frequencies.
extern "C" __global__ void add_power(const float2* spectra, int count, int tile, int side, double* power) {
    const int width = side / 2 + 1, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= side * width) return;
    const int y = at / width;
    const size_t from = (size_t)(y < side / 2 ? y : y + tile - side) * (tile / 2 + 1) + at % width;
    double sum = 0;
    for (int t = 0; t < count; t++) {
        const float2 v = spectra[(size_t)t * tile * (tile / 2 + 1) + from];
        sum += (double)v.x * v.x + (double)v.y * v.y;
    }
    power[at] += sum;
}
