// CUDA's words under g++, for tests alone: a block's threads are fibers that take turns at barriers and shuffles, so
// that a kernel runs whole, as it is written. Blocks, and the threads of a block between two barriers, run one after
// another in an order that is drawn, so that what leans on an order shows; a block's shared memory is full of
// NaN when it begins; all threads must meet at the same barrier.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("spa_shared")))

using std::max;
using std::min;

struct dim3 { int x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;

struct float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

template <class T, class U> inline T atomicAdd(T* to, U value) { T old = *to; *to += (T)value; return old; }
inline int atomicMax(int* to, int value) { int old = *to; *to = max(old, value); return old; }

inline void sincospif(float x, float* s, float* c) {
    const double angle = 3.14159265358979323846 * (x - 2 * std::rint((double)x / 2));
    *s = (float)std::sin(angle), *c = (float)std::cos(angle);
}
inline float __ldg(const float* p) { return *p; }

extern "C" void spa_switch(void** from, void** to);
#if defined(__x86_64__)
asm(R"(
.text
spa_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
#else
#error "the emulated device knows x86-64 alone"
#endif

extern "C" {  // of what is shared, if anything is: the linker's
extern char __start_spa_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_spa_shared[] __attribute__((weak, visibility("hidden")));
}

namespace emulated {
struct Barrier { int count = 0, turn = 0, line = 0; };
struct Fiber { void* stack_pointer; bool done; };
const int MOST = 1024, STACK = 1 << 16;
static Fiber fibers[MOST];
static void* home;
static int here, size, events, live;
static Barrier whole, warps[MOST / 32];
static double exchange[MOST];
static uint64_t drawn;
static char* stacks;
static void (*body)(void*);
static void* given;

[[noreturn]] inline void stop(const char* why) {
    std::fprintf(stderr, "emulated device: %s\n", why);
    std::abort();
}
inline void shuffle(std::vector<int>& order) {
    for (int k = (int)order.size() - 1; k > 0; k--) {
        drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17;
        std::swap(order[k], order[drawn % (unsigned)(k + 1)]);
    }
}
inline std::vector<int> counted(int size) {
    std::vector<int> order(size);
    for (int k = 0; k < size; k++) order[k] = k;
    return order;
}
inline void yield() { spa_switch(&fibers[here].stack_pointer, &home); }
inline void wait(Barrier& barrier, int all, int line = 0) {
    const int turn = barrier.turn;
    if (barrier.count && barrier.line != line) stop("threads of a block wait at different barriers");
    barrier.line = line;
    if (++barrier.count == all) {
        barrier.count = 0, barrier.turn++, events++;
        return;
    }
    while (barrier.turn == turn) yield();
}
static void begin() {
    body(given);
    fibers[here].done = true, events++, live--;
    yield();
    std::abort();
}
inline void run_block(int threads) {
    if (!stacks) stacks = (char*)std::aligned_alloc(64, (size_t)MOST * STACK);
    size = live = threads;
    whole = Barrier();
    if (__start_spa_shared) std::memset(__start_spa_shared, 0xff, __stop_spa_shared - __start_spa_shared);
    std::vector<int> order = counted(threads);
    for (auto& one : warps) one = Barrier();
    for (int t = 0; t < threads; t++) {
        void** top = (void**)(stacks + (size_t)(t + 1) * STACK - 64);
        *--top = nullptr;
        *--top = (void*)begin;
        for (int k = 0; k < 6; k++) *--top = nullptr;
        fibers[t] = {top, false};
    }
    while (live) {
        const int before = events;
        shuffle(order);
        for (int t : order)
            if (!fibers[t].done) {
                here = t, threadIdx = {t, 0, 0};
                spa_switch(&home, &fibers[t].stack_pointer);
            }
        if (events == before) stop("threads wait for one that never comes");
    }
}
inline int lanes() { return min(32, size - here / 32 * 32); }
template <class T> inline T shuffled(T value, int from) {
    static_assert(sizeof(T) <= sizeof(double), "");
    Barrier& mine = warps[here / 32];
    std::memcpy(&exchange[here], &value, sizeof(T));
    wait(mine, lanes());
    T out;
    std::memcpy(&out, &exchange[here / 32 * 32 + from], sizeof(T));
    wait(mine, lanes());
    return out;
}
template <class F> void run(int gx, int gy, int block, F f) {
    given = &f, body = [](void* p) { (*(F*)p)(); };
    gridDim = {gx, gy, 1}, blockDim = {block, 1, 1};
    drawn = 0x9e3779b97f4a7c15u;  // the same launch has the same order
    std::vector<int> order = counted(gx * gy);
    shuffle(order);
    for (int at : order) {
        blockIdx = {at % gx, at / gx, 0};
        run_block(block);
    }
}
}  // namespace emulated

inline void emulate_syncthreads(int line) {
    const dim3 me = threadIdx;
    emulated::wait(emulated::whole, emulated::size, line);
    threadIdx = me;
}
#define __syncthreads() emulate_syncthreads(__LINE__)
inline void __syncwarp(unsigned = 0xffffffffu) {
    const dim3 me = threadIdx;
    emulated::wait(emulated::warps[emulated::here / 32], emulated::lanes());
    threadIdx = me;
}
template <class T> inline T __shfl_xor_sync(unsigned, T value, int mask) {
    const dim3 me = threadIdx;
    const T out = emulated::shuffled(value, (emulated::here & 31) ^ mask);
    threadIdx = me;
    return out;
}
inline int __any_sync(unsigned, int value) {
    int any = value;
    for (int away = 16; away; away >>= 1) any |= __shfl_xor_sync(0xffffffffu, any, away);
    return any;
}
