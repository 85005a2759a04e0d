// Where the coefficients of a slice lie in the oversampled half grid; the twin of cells.py.
#pragma once

struct Cell {
    size_t at;         // the grid point of its first corner, in points
    float tx, ty, tz;  // how far into the cell
    float sign;        // -1 where the half x < 0 is the conjugate of what is kept
};

struct Turn {  // a pose: its rows are the image's axes in the volume
    float a[9];
};

__device__ inline Turn turn_of(const float* pose) {
    Turn t;
    for (int k = 0; k < 9; k++) t.a[k] = pose[k];
    return t;
}

__device__ inline Cell cell_of(const Turn& t, float fx, float fy, int ny, int nx) {
    const float c = (float)(ny / 2);
    float x = 2.0f * (fx * t.a[0] + fy * t.a[3]);
    float y = 2.0f * (fx * t.a[1] + fy * t.a[4]);
    float z = 2.0f * (fx * t.a[2] + fy * t.a[5]);
    const float sign = x >= 0.0f ? 1.0f : -1.0f;
    x *= sign;
    y = y * sign + c;
    z = z * sign + c;
    // slices of distorted images may reach over the edge, with no weight: they stay inside
    const int ix = min((int)x, nx - 2);
    const int iy = max(min((int)y, ny - 2), 0);
    const int iz = max(min((int)z, ny - 2), 0);
    Cell cell;
    cell.at = ((size_t)iz * ny + iy) * nx + ix;
    cell.tx = x - ix;
    cell.ty = y - iy;
    cell.tz = z - iz;
    cell.sign = sign;
    return cell;
}

struct Corners {  // of a cell: z, then y, then x
    float2 v[8];
};

__device__ inline Corners corners_of(const float2* grid, const Cell& cell, int ny, int nx) {
    Corners k;
    const size_t row = nx, plane = (size_t)nx * ny;
    for (int z = 0; z < 2; z++)
        for (int y = 0; y < 2; y++) {
            const float2* p = grid + cell.at + z * plane + y * row;
            k.v[4 * z + 2 * y] = p[0];
            k.v[4 * z + 2 * y + 1] = p[1];
        }
    return k;
}

__device__ inline float between(float a, float b, float t) { return a + t * (b - a); }

__device__ inline float2 value_of(const Corners& k, const Cell& cell) {
    float2 e[4];
    for (int j = 0; j < 4; j++) {
        e[j].x = between(k.v[2 * j].x, k.v[2 * j + 1].x, cell.tx);
        e[j].y = between(k.v[2 * j].y, k.v[2 * j + 1].y, cell.tx);
    }
    float2 out;
    out.x = between(between(e[0].x, e[1].x, cell.ty), between(e[2].x, e[3].x, cell.ty), cell.tz);
    out.y = cell.sign * between(between(e[0].y, e[1].y, cell.ty), between(e[2].y, e[3].y, cell.ty), cell.tz);
    return out;
}

// exp(2 pi i k.t / box), which undoes a shift of t pixels
__device__ inline float2 ramp_of(float kx, float ky, float tx, float ty, float box) {
    float2 out;
    sincospif(2.0f / box * (kx * tx + ky * ty), &out.y, &out.x);
    return out;
}

// The rows of a pose (double) as slices of distorted images see them: the first two mixed by a matrix (2, 2).
__device__ inline Turn seen_from(const double* pose, const float* bend) {
    Turn t;
    for (int k = 0; k < 9; k++) t.a[k] = (float)pose[k];
    if (bend)
        for (int c = 0; c < 3; c++) {
            t.a[c] = (float)(bend[0] * pose[c] + bend[2] * pose[3 + c]);
            t.a[3 + c] = (float)(bend[1] * pose[c] + bend[3] * pose[3 + c]);
        }
    return t;
}
