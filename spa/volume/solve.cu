// A volume of closed sums; the twin of insert.py's solve.

// Of sums (n, n, width) as the first corner of a half spectrum (m, m, m / 2 + 1), which is else 0: values over weight and
// what is added to it in each shell (of image pixels, twice as fine here), times a factor; nothing beyond `last`.
extern "C" __global__ void divided(const float4* sums, int n, int width, const float* added, int last, float factor,
                                   float2* out, int m) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x;
    if (x >= width || x > m / 2) return;
    for (int zy = blockIdx.y; zy < n * n; zy += gridDim.y) {
        const int z = zy / n - n / 2, y = zy % n - n / 2;
        const float far = sqrtf((float)(z * z) + (float)(y * y) + (float)(x * x));
        const int shell = (int)rintf(far / 2);
        const float4 v = sums[(size_t)zy * width + x];
        const float scale = shell > last ? 0 : factor / fmaxf(added[shell] + v.z, 1e-20f);
        out[((size_t)((z + m) % m) * m + (y + m) % m) * (m / 2 + 1) + x] = make_float2(scale * v.x, scale * v.y);
    }
}

// The middle (n, n, n) of a padded volume (m, m, m) whose origin is index 0, divided by a line along each axis.
extern "C" __global__ void unpadded(const float* padded, int m, const float* line, int n, float* out) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x;
    if (x >= n) return;
    for (int zy = blockIdx.y; zy < n * n; zy += gridDim.y) {
        const int z = zy / n, y = zy % n;
        const size_t from = ((size_t)((z - n / 2 + m) % m) * m + (y - n / 2 + m) % m) * m + (x - n / 2 + m) % m;
        out[(size_t)zy * n + x] = padded[from] / (line[z] * line[y] * line[x]);
    }
}
