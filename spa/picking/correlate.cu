// Turned templates against a micrograph; the twin of correlate.py.

// out (2 filters, ny, width): the spectrum of a tile (ny, width) filtered by cosine and sine of each filter, times a
// factor; conj(u exp(i m t)) of a real image: cos and -sin for even orders, -i sin and -i cos for odd ones, which begin
// at filter `odd`.
extern "C" __global__ void filtered(const float2* spectrum, const float* kernels, int filters, int odd, int size,
                                    float factor, float2* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= size) return;
    const float2 v = make_float2(factor * spectrum[at].x, factor * spectrum[at].y);
    for (int b = blockIdx.y; b < filters; b += gridDim.y) {
        const float cosine = kernels[2 * (size_t)b * size + at], sine = kernels[(2 * (size_t)b + 1) * size + at];
        float2* to = out + 2 * (size_t)b * size + at;
        if (b < odd) {
            to[0] = make_float2(v.x * cosine, v.y * cosine);
            to[size] = make_float2(-v.x * sine, -v.y * sine);
        } else {  // times -i
            to[0] = make_float2(v.y * sine, -v.x * sine);
            to[size] = make_float2(v.y * cosine, -v.x * cosine);
        }
    }
}

// The inner pixels (height, width) of images (count, ny, nx), from one margin on.
extern "C" __global__ void inner(const float* images, int count, int ny, int nx, int margin, int height, int width,
                                 float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= height * width) return;
    const size_t from = (size_t)(margin + at / width) * nx + margin + at % width;
    for (int k = blockIdx.y; k < count; k += gridDim.y)
        out[(size_t)k * height * width + at] = images[(size_t)k * ny * nx + from];
}

// Scores even + odd at angles of the first half turn and even - odd half a turn on, (rows, pixels) by scale (rows):
// the largest, which it is, and the least so far; rows are (templates, half) from template `first` on.
extern "C" __global__ void keep(const float* even, const float* odd, const float* scale, int rows, int pixels, int half,
                                int first, float* best, float* worst, int* which) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= pixels) return;
    float most = best[at], least = worst[at];
    int code = which[at];
    for (int row = 0; row < rows; row++) {
        const float e = scale[row] * even[(size_t)row * pixels + at], o = scale[row] * odd[(size_t)row * pixels + at];
        const float size = fabsf(o);
        if (e + size > most) {
            most = e + size;
            code = (first + row / half) * 2 * half + row % half + (o >= 0 ? 0 : half);
        }
        least = fminf(least, e - size);
    }
    best[at] = most, worst[at] = least, which[at] = code;
}
