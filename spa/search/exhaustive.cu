// Rows for the matrix product, the best shift of each score, and the best scores; the twin of exhaustive.py.
#include "spa/gpu/block.cuh"
#include "spa/volume/cells.cuh"

// out (n, s, 2, count): CTF times image, moved back by its centre (n, 2) and each shift (s, 2)
extern "C" __global__ void rows(const float* x, const float* ctf, int stride, const float* centres,
                                const float* shifts, int n, int s, const int* kx, const int* ky, int count, int box,
                                float* out) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int row = blockIdx.y; row < n * s; row += gridDim.y) {
        const int i = row / s, k = row % s;
        const float2 r = ramp_of(kx[j], ky[j], centres[2 * i] + shifts[2 * k], centres[2 * i + 1] + shifts[2 * k + 1],
                                 (float)box);
        const float c = ctf[(size_t)i * stride + j];
        const float re = c * x[2 * (size_t)i * stride + j], im = c * x[(2 * (size_t)i + 1) * stride + j];
        float* to = out + 2 * (size_t)row * count;
        to[j] = re * r.x - im * r.y;
        to[count + j] = re * r.y + im * r.x;
    }
}

// out (n, count): CTF squared, what the power of slices is multiplied by
extern "C" __global__ void squares(const float* ctf, int stride, int n, int count, float* out) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const float c = ctf[(size_t)i * stride + j];
        out[(size_t)i * count + j] = c * c;
    }
}

// best (n, g): the greatest 2 cross (n, s, g) + prior (s) over the shifts, less norm (n, g); which (n, g) has it
extern "C" __global__ void best_shift(const float* cross, const float* norm, const float* prior, int n, int s, int g,
                                      float* best, int* which) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= g) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float most = -3e38f;
        int at = 0;
        for (int k = 0; k < s; k++) {
            const float value = 2 * cross[((size_t)i * s + k) * g + j] + prior[k];
            if (value > most) most = value, at = k;
        }
        best[(size_t)i * g + j] = most - norm[(size_t)i * g + j];
        which[(size_t)i * g + j] = at;
    }
}

// The `keep` best of each row of best (n, g), in order, which it loses; one block a row. Each thread holds the best of
// its own columns; the one whose best is taken looks again.
extern "C" __global__ void top(float* best, const int* which, int n, int g, int keep, int* place, int* shift,
                               float* score) {
    __shared__ float values[32];
    __shared__ int places[32];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        float* row = best + (size_t)i * g;
        float mine = -INFINITY;
        int at = g;
        bool stale = true;
        for (int k = 0; k < keep; k++) {
            if (stale) {
                mine = -INFINITY, at = g;
                for (int j = threadIdx.x; j < g; j += blockDim.x)
                    if (row[j] > mine) mine = row[j], at = j;
            }
            float value = mine;
            int where = at;
            block_best(value, where, values, places, g);
            stale = where == at && where < g;
            if (stale) {
                row[where] = -INFINITY;
                const size_t to = (size_t)i * keep + k;
                place[to] = where, shift[to] = which[(size_t)i * g + where], score[to] = value;
            }
            if (where >= g && threadIdx.x == 0) {  // nothing is left that is a number
                const size_t to = (size_t)i * keep + k;
                place[to] = 0, shift[to] = 0, score[to] = -INFINITY;
            }
        }
    }
}
