// Small rotations in double precision; the twin of what prior.py and orientations.py take from SciPy.
#pragma once

// out = E(w)^T A: a pose turned by a small vector in the image's frame
__device__ inline void turned(const double* pose, const double* w, double* out) {
    const double t2 = w[0] * w[0] + w[1] * w[1] + w[2] * w[2], t = sqrt(t2);
    const double s = t > 1e-6 ? sin(t) / t : 1 - t2 / 6, c = t > 1e-6 ? (1 - cos(t)) / t2 : 0.5 - t2 / 24;
    double e[9];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) e[3 * i + j] = c * w[i] * w[j] + (i == j ? 1 - c * t2 : 0);
    e[1] -= s * w[2], e[2] += s * w[1], e[3] += s * w[2], e[5] -= s * w[0], e[6] -= s * w[1], e[7] += s * w[0];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out[3 * i + j] = e[i] * pose[j] + e[3 + i] * pose[3 + j] + e[6 + i] * pose[6 + j];
}

// The vector (3) of the turn from a pose A0 to A: E(w) = A0 A^T
__device__ inline void turn_from(const double* a0, const double* a, double* w) {
    double e[9];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            e[3 * i + j] = a0[3 * i] * a[3 * j] + a0[3 * i + 1] * a[3 * j + 1] + a0[3 * i + 2] * a[3 * j + 2];
    const double trace = e[0] + e[4] + e[8];
    double q[4];  // w, x, y, z, by the largest of them
    if (trace >= e[0] && trace >= e[4] && trace >= e[8]) {
        q[0] = 1 + trace, q[1] = e[7] - e[5], q[2] = e[2] - e[6], q[3] = e[3] - e[1];
    } else {
        const int i = e[0] >= e[4] && e[0] >= e[8] ? 0 : e[4] >= e[8] ? 1 : 2, j = (i + 1) % 3, k = (i + 2) % 3;
        q[0] = e[3 * k + j] - e[3 * j + k];
        q[1 + i] = 1 + e[4 * i] - e[4 * j] - e[4 * k];
        q[1 + j] = e[3 * j + i] + e[3 * i + j];
        q[1 + k] = e[3 * k + i] + e[3 * i + k];
    }
    const double sign = q[0] < 0 ? -1 : 1, v = sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    const double angle = 2 * atan2(v, sign * q[0]);
    for (int i = 0; i < 3; i++) w[i] = v > 1e-300 ? sign * q[1 + i] / v * angle : 0;
}

// m x = b for a (5, 5) matrix, by elimination with pivots; m and b are lost, x is in b
__device__ inline void solve5(double* m, double* b) {
    for (int k = 0; k < 5; k++) {
        int pivot = k;
        for (int i = k + 1; i < 5; i++)
            if (fabs(m[5 * i + k]) > fabs(m[5 * pivot + k])) pivot = i;
        for (int j = 0; j < 5; j++) {
            const double swap = m[5 * k + j];
            m[5 * k + j] = m[5 * pivot + j], m[5 * pivot + j] = swap;
        }
        const double swap = b[k];
        b[k] = b[pivot], b[pivot] = swap;
        for (int i = k + 1; i < 5; i++) {
            const double f = m[5 * i + k] / m[5 * k + k];
            for (int j = k; j < 5; j++) m[5 * i + j] -= f * m[5 * k + j];
            b[i] -= f * b[k];
        }
    }
    for (int k = 4; k >= 0; k--) {
        for (int j = k + 1; j < 5; j++) b[k] -= m[5 * k + j] * b[j];
        b[k] /= m[5 * k + k];
    }
}
