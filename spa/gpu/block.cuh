// Sums and maxima over the threads of a block: warps by shuffles, then one slot a warp. Blocks are whole warps.
#pragma once

__device__ inline float warp_sum(float value) {
    for (int away = 16; away; away >>= 1) value += __shfl_xor_sync(0xffffffffu, value, away);
    return value;
}

// The sum of each of n values over the block, in out (shared, n) for all threads; slots: shared, n a warp.
template <int n>
__device__ inline void block_sums(const float* values, float* slots, double* out) {
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    __syncthreads();  // out and slots may still be read from the last time
    for (int k = 0; k < n; k++) {
        const float sum = warp_sum(values[k]);
        if (lane == 0) slots[warp * n + k] = sum;
    }
    __syncthreads();
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        double sum = 0;
        for (int w = 0; w < warps; w++) sum += slots[w * n + k];
        out[k] = sum;
    }
    __syncthreads();
}

// The greatest value over the block, for all threads; slots: shared, one a warp.
__device__ inline float block_max(float value, float* slots) {
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    for (int away = 16; away; away >>= 1) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, away));
    __syncthreads();  // slots may still be read from the last time
    if (lane == 0) slots[warp] = value;
    __syncthreads();
    for (int w = 0; w < warps; w++) value = fmaxf(value, slots[w]);
    return value;
}

// The greatest value over a warp and where it is; of equal ones the first.
__device__ inline void warp_best(float& value, int& where) {
    for (int away = 16; away; away >>= 1) {
        const float other = __shfl_xor_sync(0xffffffffu, value, away);
        const int there = __shfl_xor_sync(0xffffffffu, where, away);
        if (other > value || (other == value && there < where)) {
            value = other;
            where = there;
        }
    }
}

// The same over the block, for all threads; slots, places: shared, one a warp; none: a place after all others.
__device__ inline void block_best(float& value, int& where, float* slots, int* places, int none) {
    const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, warps = blockDim.x >> 5;
    warp_best(value, where);
    __syncthreads();  // slots may still be read from the last time
    if (lane == 0) slots[warp] = value, places[warp] = where;
    __syncthreads();
    value = lane < warps ? slots[lane] : -INFINITY;
    where = lane < warps ? places[lane] : none;
    warp_best(value, where);
}
