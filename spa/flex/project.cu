// Projections of a density whose mesh has been moved, and their adjoint; the twin of project.py. Vertices are seen at
// (n, vertices, 2), fine pixels of images (n, side, side).

struct Spot {  // where a voxel is seen: its pixel, how far into it, and whether all four corners are in the image
    int at;
    float fx, fy;
    bool inside;
};

__device__ inline Spot spot_of(const float* seen, const int* corners, const float* shares, int side) {
    float x = 0, y = 0;
    for (int c = 0; c < 4; c++) {
        x += shares[c] * seen[2 * corners[c]];
        y += shares[c] * seen[2 * corners[c] + 1];
    }
    Spot spot;
    spot.inside = x >= 0 && y >= 0 && x < side - 2 && y < side - 2;
    const int ix = spot.inside ? (int)x : 0, iy = spot.inside ? (int)y : 0;
    spot.at = iy * side + ix;
    spot.fx = x - ix, spot.fy = y - iy;
    return spot;
}

// Voxels spread over images that were cleared; one thread a voxel.
extern "C" __global__ void spread(const float* seen, const int* corners, const float* shares, const float* density,
                                  int n, int voxels, int vertices, int side, float* images) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= voxels) return;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const Spot s = spot_of(seen + 2 * (size_t)i * vertices, corners + 4 * (size_t)j, shares + 4 * (size_t)j, side);
        if (!s.inside) continue;
        float* to = images + (size_t)i * side * side + s.at;
        const float top = density[j] * (1 - s.fy), low = density[j] * s.fy;
        atomicAdd(to, top * (1 - s.fx));
        atomicAdd(to + 1, top * s.fx);
        atomicAdd(to + side, low * (1 - s.fx));
        atomicAdd(to + side + 1, low * s.fx);
    }
}

// Coefficients (n, count) of half spectra (n, size) at places flat (count), times a factor (count).
extern "C" __global__ void taken(const float2* spectra, const int* flat, const float2* factor, int n, int count,
                                 int size, float2* out) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    const float2 f = factor[j];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const float2 v = spectra[(size_t)i * size + flat[j]];
        out[(size_t)i * count + j] = make_float2(v.x * f.x - v.y * f.y, v.x * f.y + v.y * f.x);
    }
}

// The adjoint: values (n, count) put into half spectra (n, size) that were cleared; conjugates at other (count) places,
// where these are not -1.
extern "C" __global__ void put(const float2* values, const int* flat, const int* other, const float2* factor, int n,
                               int count, int size, float2* spectra) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= count) return;
    const float2 f = factor[j];
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const float2 v = values[(size_t)i * count + j];
        const float2 turned = make_float2(v.x * f.x + v.y * f.y, v.y * f.x - v.x * f.y);
        spectra[(size_t)i * size + flat[j]] = turned;
        if (other[j] >= 0) spectra[(size_t)i * size + other[j]] = make_float2(turned.x, -turned.y);
    }
}

// Of images: what they say of voxels, added to value (voxels), and of vertices, added to slope (n, vertices, 2).
extern "C" __global__ void gathered(const float* seen, const int* corners, const float* shares, const float* density,
                                    const float* images, int n, int voxels, int vertices, int side, float* slope,
                                    float* value) {
    const int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= voxels) return;
    const int* mine = corners + 4 * (size_t)j;
    const float* share = shares + 4 * (size_t)j;
    float sum = 0;
    for (int i = blockIdx.y; i < n; i += gridDim.y) {
        const Spot s = spot_of(seen + 2 * (size_t)i * vertices, mine, share, side);
        if (!s.inside) continue;
        const float* from = images + (size_t)i * side * side + s.at;
        const float a = from[0], b = from[1], c = from[side], d = from[side + 1];
        sum += (1 - s.fy) * (a + s.fx * (b - a)) + s.fy * (c + s.fx * (d - c));
        const float gx = density[j] * ((1 - s.fy) * (b - a) + s.fy * (d - c));
        const float gy = density[j] * ((1 - s.fx) * (c - a) + s.fx * (d - b));
        float* to = slope + 2 * (size_t)i * vertices;
        for (int k = 0; k < 4; k++) {
            atomicAdd(to + 2 * mine[k], share[k] * gx);
            atomicAdd(to + 2 * mine[k] + 1, share[k] * gy);
        }
    }
    if (sum != 0) atomicAdd(value + j, sum);
}
