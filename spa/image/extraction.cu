// Boxes cut out of a micrograph, cropped and normalised; the twin of boxes.py, resample.py and normalise.py.
#include "spa/gpu/block.cuh"

// The mean of what lies inside the image (ny, nx) of each box from corner x y (count, 2) on, where a part of it lies
// outside; one a block.
extern "C" __global__ void fills(const float* image, const int* corners, int count, int ny, int nx, int box,
                                 float* out) {
    __shared__ float slots[32];
    __shared__ double sums[1];
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        const int left = max(corners[2 * i], 0), right = min(corners[2 * i] + box, nx);
        const int top = max(corners[2 * i + 1], 0), bottom = min(corners[2 * i + 1] + box, ny);
        const int wide = max(right - left, 0), high = max(bottom - top, 0);
        if (wide == box && high == box) continue;
        float acc[1] = {0};
        const float first = wide && high ? image[(size_t)top * nx + left] : 0;
        for (int at = threadIdx.x; at < wide * high; at += blockDim.x)
            acc[0] += image[(size_t)(top + at / wide) * nx + left + at % wide] - first;
        block_sums<1>(acc, slots, sums);
        if (threadIdx.x == 0) out[i] = wide && high ? (float)(first + sums[0] / ((double)wide * high)) : 0;
    }
}

extern "C" __global__ void cut(const float* image, const int* corners, const float* fill, int count, int ny, int nx,
                               int box, float* out) {
    const int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= box * box) return;
    for (int i = blockIdx.y; i < count; i += gridDim.y) {
        const int y = corners[2 * i + 1] + at / box, x = corners[2 * i] + at % box;
        const bool inside = y >= 0 && y < ny && x >= 0 && x < nx;
        out[(size_t)i * box * box + at] = inside ? image[(size_t)y * nx + x] : fill[i];
    }
}

// Half spectra (count, box, box / 2 + 1) to those of a smaller box, times a factor; of the edge's two the positive one.
extern "C" __global__ void cropped(const float2* spectra, int count, int box, int small, float factor, float2* out) {
    const int width = small / 2 + 1, at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= small * width) return;
    const int y = at / width, from = y <= small / 2 ? y : y + box - small;
    for (int i = blockIdx.y; i < count; i += gridDim.y) {
        const float2 v = spectra[((size_t)i * box + from) * (box / 2 + 1) + at % width];
        out[(size_t)i * small * width + at] = make_float2(factor * v.x, factor * v.y);
    }
}

// Images (count, box, box) times sign; normalise: first the background, further than radius from the middle, to mean 0
// and deviation 1, less a plane over it (ramp) or its mean; inverse (3, 3): of the products of 1, x / box, y / box over
// the background's pixels. One block an image.
extern "C" __global__ void normalised(float* images, int count, int box, float radius, int ramp, const double* inverse,
                                      int background, int normalise, float sign) {
    __shared__ float slots[3 * 32];
    __shared__ double sums[3];
    const int middle = box / 2, size = box * box;
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        float* image = images + (size_t)i * size;
        double plane[3] = {0, 0, 0}, level = 0, scale = 1;
        __syncthreads();
        const float first = image[0];
        __syncthreads();
        if (normalise) {
            float acc[3] = {0, 0, 0};
            for (int at = threadIdx.x; at < size; at += blockDim.x) {
                const int y = at / box - middle, x = at % box - middle;
                if ((double)y * y + (double)x * x <= (double)radius * radius) continue;
                const float value = image[at] - first;
                acc[0] += value;
                acc[1] += value * x / box;
                acc[2] += value * y / box;
            }
            block_sums<3>(acc, slots, sums);
            if (ramp)
                for (int r = 0; r < 3; r++)
                    for (int c = 0; c < 3; c++) plane[r] += inverse[3 * r + c] * sums[c];
            else
                plane[0] = sums[0] / background;
            float rest[2] = {0, 0};
            for (int at = threadIdx.x; at < size; at += blockDim.x) {
                const int y = at / box - middle, x = at % box - middle;
                if ((double)y * y + (double)x * x <= (double)radius * radius) continue;
                const float value = (float)(image[at] - first - (plane[0] + plane[1] * x / box + plane[2] * y / box));
                rest[0] += value;
                rest[1] += value * value;
            }
            block_sums<2>(rest, slots, sums);
            level = sums[0] / background;
            const double spread = sqrt(fmax(sums[1] / background - level * level, 0.0));
            double most = 0;  // of the plane, which is at a corner
            for (int corner = 0; corner < 4; corner++) {
                const double y = (corner & 1 ? box - 1 - middle : -middle), x = (corner & 2 ? box - 1 - middle : -middle);
                most = fmax(most, fabs(first + plane[0] + plane[1] * x / box + plane[2] * y / box));
            }
            scale = spread > 1e-9 * most + 1e-30 ? 1 / spread : 0;
        }
        for (int at = threadIdx.x; at < size; at += blockDim.x) {
            const int y = at / box - middle, x = at % box - middle;
            const double taken = normalise ? first + plane[0] + plane[1] * x / box + plane[2] * y / box + level : 0;
            image[at] = (float)(sign * scale * (image[at] - taken));
        }
    }
}
