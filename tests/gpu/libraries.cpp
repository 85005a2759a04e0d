// cuBLAS and cuFFT of the card of software (card.cpp), for tests alone: the few functions that spa calls, by their
// definitions, queued on the stream that they were given.
#include <cmath>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

typedef std::complex<double> Complex;
typedef std::complex<float> Single;

extern "C" void spa_card_add(void* stream, void (*work)(void*), void* with);

template <class F> void queued(void* stream, F work) {
    spa_card_add(stream, [](void* f) { (*(F*)f)(); delete (F*)f; }, new F(work));
}

namespace {
enum { OK = 0, BAD_PLAN = 1, NO_ROOM = 2, BAD = 4, WORK = 4096 };
struct Plan {
    std::vector<long long> sides;
    long long batch;
    int kind;
    void* stream;
    void* room;
};
std::map<int, Plan> plans;
int made = 0;

// Transforms of n values `step` apart, each of `count` lines that begin at line_start(line).
template <class F> void lines(std::vector<Complex>& x, long long n, long long step, long long count, double sign, F start) {
    std::vector<Complex> turn(n), out(n);
    for (long long k = 0; k < n; k++) turn[k] = std::polar(1.0, sign * 2 * M_PI * k / n);
    for (long long line = 0; line < count; line++) {
        Complex* from = x.data() + start(line);
        for (long long k = 0; k < n; k++) {
            out[k] = 0;
            for (long long j = 0; j < n; j++) out[k] += from[j * step] * turn[j * k % n];
        }
        for (long long k = 0; k < n; k++) from[k * step] = out[k];
    }
}
// Along all axes but the last of half spectra.
void others(std::vector<Complex>& x, const Plan& plan, long long width, double sign) {
    long long step = width;
    for (int axis = (int)plan.sides.size() - 2; axis >= 0; axis--) {
        const long long n = plan.sides[axis], s = step;
        lines(x, n, s, (long long)x.size() / n, sign, [=](long long l) { return l / s * s * n + l % s; });
        step *= n;
    }
}
long long size_of(const Plan& plan) {
    long long size = plan.batch;
    for (long long n : plan.sides) size *= n;
    return size;
}
int transformed(int handle, void* from, void* to, int kind) {
    if (!plans.count(handle)) return BAD_PLAN;
    const Plan plan = plans[handle];
    if (plan.kind != kind || !plan.stream) return BAD_PLAN;
    if (!plan.room) return NO_ROOM;
    const long long last = plan.sides.back(), width = last / 2 + 1, rows = size_of(plan) / last;
    queued(plan.stream, [=] {
        memset(plan.room, 0xff, WORK);
        if (kind == 0x2a) {
            std::vector<Complex> x(rows * last);
            for (long long k = 0; k < rows * last; k++) x[k] = ((float*)from)[k];
            lines(x, last, 1, rows, -1, [=](long long l) { return l * last; });
            std::vector<Complex> half(rows * width);
            for (long long k = 0; k < rows * width; k++) half[k] = x[k / width * last + k % width];
            others(half, plan, width, -1);
            for (long long k = 0; k < rows * width; k++) ((Single*)to)[k] = Single(half[k]);
        } else {
            std::vector<Complex> half(rows * width), x(rows * last);
            for (long long k = 0; k < rows * width; k++) half[k] = ((Single*)from)[k];
            memset(from, 0xff, rows * width * sizeof(Single));
            others(half, plan, width, 1);
            for (long long k = 0; k < rows * last; k++) {
                const long long row = k / last * width, at = k % last;
                x[k] = at < width ? half[row + at] : std::conj(half[row + last - at]);
                if (at == 0 || 2 * at == last) x[k] = x[k].real();
            }
            lines(x, last, 1, rows, 1, [=](long long l) { return l * last; });
            for (long long k = 0; k < rows * last; k++) ((float*)to)[k] = (float)x[k].real();
        }
    });
    return OK;
}
}  // namespace

extern "C" {
int cublasCreate_v2(void** handle) { *handle = new void*(); return OK; }  // its stream
int cublasSetStream_v2(void* handle, void* stream) { *(void**)handle = stream; return OK; }
int cublasGemmEx(void* handle, int turn_a, int turn_b, int m, int n, int k, const void* alpha, const void* a, int type_a,
                 int lda, const void* b, int type_b, int ldb, const void* beta, void* c, int type_c, int ldc, int compute,
                 int) {
    if (type_a || type_b || type_c || (compute != 68 && compute != 77)) return BAD;
    if (lda < (turn_a ? k : m) || ldb < (turn_b ? n : k) || ldc < m) return BAD;
    const float by = *(float*)alpha, kept = *(float*)beta;
    queued(*(void**)handle, [=] {
        const float *x = (float*)a, *y = (float*)b;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int l = 0; l < k; l++)
                    sum += (double)x[turn_a ? (size_t)i * lda + l : (size_t)l * lda + i] *
                           y[turn_b ? (size_t)l * ldb + j : (size_t)j * ldb + l];
                float* to = (float*)c + (size_t)j * ldc + i;
                *to = (float)(by * sum) + (kept ? kept * *to : 0);
            }
    });
    return OK;
}

int cufftGetVersion(int* version) { *version = 12000; return OK; }
int cufftCreate(int* plan) { *plan = made++; plans[*plan] = Plan(); return OK; }
int cufftDestroy(int plan) { return plans.erase(plan) ? OK : BAD_PLAN; }
int cufftSetAutoAllocation(int plan, int automatic) { return plans.count(plan) && !automatic ? OK : BAD; }
int cufftMakePlanMany64(int plan, int rank, long long* sides, long long* in, long long, long long, long long* out, long long,
                        long long, int kind, long long batch, size_t* nbytes) {
    if (!plans.count(plan)) return BAD_PLAN;
    if (rank < 1 || rank > 3 || in || out || batch < 1 || (kind != 0x2a && kind != 0x2c)) return BAD;
    plans[plan] = {std::vector<long long>(sides, sides + rank), batch, kind, nullptr, nullptr};
    *nbytes = WORK;
    return OK;
}
int cufftSetStream(int plan, void* stream) { plans[plan].stream = stream; return OK; }
int cufftSetWorkArea(int plan, void* room) { plans[plan].room = room; return OK; }
int cufftExecR2C(int plan, void* from, void* to) { return transformed(plan, from, to, 0x2a); }
int cufftExecC2R(int plan, void* from, void* to) { return transformed(plan, from, to, 0x2c); }
}
