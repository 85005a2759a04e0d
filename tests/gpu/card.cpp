// A card of software behind the CUDA driver's own names, for tests alone: PyCUDA, and all that spa asks of it, runs as
// on a card, with kernels that g++ built (emulated.py). Streams do their work as late as they may, when somebody waits
// for it; with SPA_CARD_EAGER, every second stream does it as soon as it may. What a driver refuses is refused here: a
// thread without a context, copies beyond an allocation, grids and parameters that a kernel cannot have.
#include <dlfcn.h>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {
enum Status { OK = 0, BAD_VALUE = 1, NO_MEMORY = 2, BAD_DEVICE = 101, NO_CONTEXT = 201, NO_FILE = 301, BAD_HANDLE = 400,
              NOT_FOUND = 500, NOT_READY = 600 };
typedef std::function<void()> Work;

struct Context { int device; };
struct Stream {
    Context* context;
    bool eager;
    std::deque<Work> queue;
    void run() {
        while (!queue.empty()) {
            Work work = queue.front();
            queue.pop_front();
            work();
        }
    }
    void add(Work work) {
        queue.push_back(work);
        if (eager) run();
    }
};
struct Mark { Stream* stream; bool done; };
struct Event { std::shared_ptr<Mark> mark; };
struct Function { void (*run)(int, int, int, const void*); size_t size; };
struct Memory { size_t size; Context* context; };

const int DEVICES = 2;
Context contexts[DEVICES];
size_t used[DEVICES];
std::map<uintptr_t, Memory> memories;
std::vector<Stream*> streams;
std::recursive_mutex lock;
thread_local std::vector<Context*> stack;

Context* here() { return stack.empty() ? nullptr : stack.back(); }
size_t all() {
    const char* said = getenv("SPA_CARD_MEMORY");
    return said ? strtoull(said, nullptr, 10) : (size_t)1 << 31;
}
bool inside(uintptr_t at, size_t size) {
    auto next = memories.upper_bound(at);
    if (next == memories.begin()) return false;
    const auto& found = *std::prev(next);
    return at + size <= found.first + found.second.size && found.second.context == here();
}
void reach(std::shared_ptr<Mark> mark) {
    while (!mark->done && !mark->stream->queue.empty()) {
        Work work = mark->stream->queue.front();
        mark->stream->queue.pop_front();
        work();
    }
}
void all_done() {
    for (Stream* one : streams) one->run();
}
}  // namespace

#define BEGIN std::lock_guard<std::recursive_mutex> held(lock);
#define CURRENT BEGIN if (!here()) return NO_CONTEXT;

extern "C" {
void spa_card_add(void* stream, void (*work)(void*), void* with) {
    BEGIN ((Stream*)stream)->add([=] { work(with); });
}

int cuInit(unsigned) { for (int k = 0; k < DEVICES; k++) contexts[k].device = k; return OK; }
int cuDriverGetVersion(int* version) { *version = 13000; return OK; }
int cuGetErrorString(int, const char** text) { *text = "says the card of software"; return OK; }
int cuGetErrorName(int, const char** text) { *text = "CUDA_ERROR"; return OK; }
int cuDeviceGetCount(int* count) { *count = DEVICES; return OK; }
int cuDeviceGet(int* device, int number) { *device = number; return number < DEVICES ? OK : BAD_DEVICE; }
int cuDeviceGetName(char* name, int size, int device) { strncpy(name, device ? "second" : "first", size); return OK; }
int cuDeviceComputeCapability(int* major, int* minor, int) { *major = 9, *minor = 0; return OK; }
int cuDevicePrimaryCtxRetain(Context** context, int device) { *context = contexts + device; return OK; }
int cuDevicePrimaryCtxRelease_v2(int) { return OK; }
int cuCtxPushCurrent_v2(Context* context) { stack.push_back(context); return OK; }
int cuCtxPopCurrent_v2(Context** context) {
    if (stack.empty()) return NO_CONTEXT;
    *context = stack.back();
    stack.pop_back();
    return OK;
}
int cuCtxGetDevice(int* device) { CURRENT *device = here()->device; return OK; }

int cuStreamCreate(Stream** stream, unsigned) {
    CURRENT
    *stream = new Stream{here(), getenv("SPA_CARD_EAGER") && streams.size() % 2, {}};
    streams.push_back(*stream);
    return OK;
}
int cuStreamDestroy_v2(Stream* stream) { BEGIN stream->run(); return OK; }
int cuStreamSynchronize(Stream* stream) { CURRENT stream->run(); return OK; }
int cuStreamWaitEvent(Stream* stream, Event* event, unsigned) {
    CURRENT
    auto mark = event->mark;
    if (mark) stream->add([=] { reach(mark); });
    return OK;
}
int cuEventCreate(Event** event, unsigned) { CURRENT *event = new Event; return OK; }
int cuEventDestroy_v2(Event* event) { BEGIN delete event; return OK; }
int cuEventRecord(Event* event, Stream* stream) {
    CURRENT
    if (stream->context != here()) return BAD_HANDLE;
    auto mark = std::make_shared<Mark>(Mark{stream, false});
    event->mark = mark;
    stream->add([=] { mark->done = true; });
    return OK;
}
int cuEventQuery(Event* event) { CURRENT return !event->mark || event->mark->done ? OK : NOT_READY; }
int cuEventSynchronize(Event* event) { CURRENT if (event->mark) reach(event->mark); return OK; }

int cuMemAlloc_v2(uintptr_t* at, size_t size) {
    CURRENT
    size_t& mine = used[here()->device];
    if (!size) return BAD_VALUE;
    if (mine + size > all()) return NO_MEMORY;
    mine += size;
    *at = (uintptr_t)aligned_alloc(256, (size + 255) / 256 * 256);
    memset((void*)*at, 0xff, size);
    memories[*at] = {size, here()};
    return OK;
}
int cuMemFree_v2(uintptr_t at) {
    CURRENT
    auto found = memories.find(at);
    if (found == memories.end()) return BAD_VALUE;
    all_done();
    used[found->second.context->device] -= found->second.size;
    memset((void*)at, 0xff, found->second.size);
    free((void*)at);
    memories.erase(found);
    return OK;
}
int cuMemGetInfo_v2(size_t* free, size_t* total) {
    CURRENT
    *total = all(), *free = all() - used[here()->device];
    return OK;
}
int cuMemHostAlloc(void** at, size_t size, unsigned) { CURRENT *at = malloc(size); memset(*at, 0xff, size); return OK; }
int cuMemFreeHost(void* at) { BEGIN free(at); return OK; }
int cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t size, Stream* stream) {
    CURRENT
    if (!inside(to, size)) return BAD_VALUE;
    stream->add([=] { memcpy((void*)to, from, size); });
    return OK;
}
int cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t size, Stream* stream) {
    CURRENT
    if (!inside(from, size)) return BAD_VALUE;
    stream->add([=] { memcpy(to, (void*)from, size); });
    return OK;
}
int cuMemsetD8Async(uintptr_t to, unsigned char value, size_t size, Stream* stream) {
    CURRENT
    if (!inside(to, size)) return BAD_VALUE;
    stream->add([=] { memset((void*)to, value, size); });
    return OK;
}

int cuModuleLoad(void** module, const char* path) {
    CURRENT
    *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return *module ? OK : NO_FILE;
}
int cuModuleUnload(void*) { return OK; }
int cuModuleGetFunction(Function** function, void* module, const char* name) {
    CURRENT
    void* run = dlsym(module, ("emulate_" + std::string(name)).c_str());
    void* size = dlsym(module, ("size_" + std::string(name)).c_str());
    if (!run || !size) return NOT_FOUND;
    *function = new Function{(void (*)(int, int, int, const void*))run, *(size_t*)size};
    return OK;
}
int cuFuncSetBlockShape(Function*, int, int, int) { return OK; }
int cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, Stream* stream, void**, void** extra) {
    CURRENT
    if (!gx || gx > 2147483647u || !gy || gy > 65535 || gz != 1 || !bx || bx > 1024 || by != 1 || bz != 1 || shared)
        return BAD_VALUE;
    if (stream->context != here()) return BAD_HANDLE;
    const size_t size = *(size_t*)extra[3];  // but for what the last parameter leaves to a multiple of 8
    if (size > function->size || size + 8 <= function->size) return BAD_VALUE;
    const auto words = std::make_shared<std::string>((const char*)extra[1], size);
    words->resize(function->size);
    stream->add([=] { function->run(gx, gy, bx, words->data()); });
    return OK;
}
}
