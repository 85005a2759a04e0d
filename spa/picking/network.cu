// The network's layers but for their products; the twin of network.py. Planes are (channels, ny, nx).

// Windows of planes, zeros around them: out (rows nx_out, channels side side), of `rows` rows of the answer from `top` on.
extern "C" __global__ void windows(const float* planes, int channels, int ny, int nx, int side, int stride, int top,
                                   int rows, int nx_out, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x, width = channels * side * side;
    if (at >= width) return;
    const int c = at / (side * side), dy = at / side % side - side / 2, dx = at % side - side / 2;
    for (int pixel = blockIdx.y; pixel < rows * nx_out; pixel += gridDim.y) {
        const int y = (top + pixel / nx_out) * stride + dy, x = pixel % nx_out * stride + dx;
        const bool inside = y >= 0 && y < ny && x >= 0 && x < nx;
        out[(size_t)pixel * width + at] = inside ? planes[((size_t)c * ny + y) * nx + x] : 0;
    }
}

// Planes from a band of products (channels, rows nx) plus bias, none below 0 where rectified: rows from `top` on.
extern "C" __global__ void activated(const float* products, const float* bias, int channels, int ny, int nx, int top,
                                     int rows, int rectified, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= rows * nx) return;
    for (int c = blockIdx.y; c < channels; c += gridDim.y) {
        const float value = products[(size_t)c * rows * nx + at] + bias[c];
        out[((size_t)c * ny + top) * nx + at] = rectified ? fmaxf(value, 0) : value;
    }
}

// Planes (channels, ny, nx) on a grid twice as fine, (channels, 2 ny - 1, 2 nx - 1): means in between.
extern "C" __global__ void doubled(const float* planes, int channels, int ny, int nx, float* out) {
    const int wide = 2 * nx - 1, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= (2 * ny - 1) * wide) return;
    const int y = at / wide, x = at % wide;
    for (int c = blockIdx.y; c < channels; c += gridDim.y) {
        const float* p = planes + ((size_t)c * ny + y / 2) * nx + x / 2;
        const float a = x % 2 ? 0.5f * (p[1] + p[0]) : p[0];
        float value = a;
        if (y % 2) {
            const float b = x % 2 ? 0.5f * (p[nx + 1] + p[nx]) : p[nx];
            value = 0.5f * (b + a);
        }
        out[(size_t)c * (2 * ny - 1) * wide + at] = value;
    }
}
