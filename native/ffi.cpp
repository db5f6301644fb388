// The thin layer between XLA and the kernels: shapes checked, pointers handed over, work
// given to XLA's own threads.
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "kernels.h"
#include "xla/ffi/api/ffi.h"

namespace throughtime {
namespace {

namespace ffi = xla::ffi;

// A job that the calling thread and some helpers of the pool work on together. The caller
// waits for the tasks, not for the helpers: a pool that never wakes up delays nothing.
struct Job {
    Workers::Task task;
    void* data;
    std::int64_t tasks;
    std::atomic<std::int64_t> next{0}, done{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::condition_variable finished;

    void work() {
        for (std::int64_t i; (i = next.fetch_add(1)) < tasks;) {
            try {
                task(data, i);
            } catch (const std::bad_alloc&) {
                failed = true;
            }
            if (done.fetch_add(1) + 1 == tasks) {
                std::lock_guard<std::mutex> lock(mutex);
                finished.notify_one();
            }
        }
    }
};

bool run_on_pool(void* context, std::int64_t tasks, Workers::Task task, void* data) {
    auto* pool = static_cast<ffi::ThreadPool*>(context);
    auto job = std::make_shared<Job>();
    job->task = task, job->data = data, job->tasks = tasks;
    const std::int64_t threads = tasks > 1 ? pool->num_threads() : 0;
    try {
        for (std::int64_t i = 1; i < threads && i < tasks; ++i) pool->Schedule([job] { job->work(); });
    } catch (const std::bad_alloc&) {
        // Without another helper: those that have begun must find their data.
    }
    job->work();
    // The others are nearly done, too: to fall asleep and be woken would take longer.
    for (int i = 0; i < 10000 && job->done < tasks; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    std::unique_lock<std::mutex> lock(job->mutex);
    job->finished.wait(lock, [&] { return job->done == tasks; });
    return !job->failed;
}

// The same without XLA, on as many threads of its own as `context` points to.
bool run_on_threads(void* context, std::int64_t tasks, Workers::Task task, void* data) {
    Job job;
    job.task = task, job.data = data, job.tasks = tasks;
    std::vector<std::thread> others;
    try {
        for (std::int64_t i = 1; i < *static_cast<std::int32_t*>(context) && i < tasks; ++i)
            others.emplace_back([&job] { job.work(); });
    } catch (const std::exception&) {
        // Without another thread: those that have begun do its work.
    }
    job.work();
    for (std::thread& other : others) other.join();
    return !job.failed;
}

ffi::Error no_memory() {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "throughtime: the kernels' memory ran out");
}

ffi::Error refuse(const std::string& why) { return ffi::Error::InvalidArgument("throughtime: " + why); }

// Asks for large pages where a large result will lie. Its memory is often fresh, and the system
// hands it over at the first touch, page by page: by 4 kB that takes up to a tenth of a gradient.
void ask_for_large_pages(void* data, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t page = 2 << 20;
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t first = (begin + page - 1) / page * page, end = (begin + bytes) / page * page;
    if (end >= first + 4 * page) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#else
    (void)data, (void)bytes;
#endif
}

// Hands out the buffers of a call in order, each checked against the shape it must have.
class Call {
  public:
    Call(ffi::RemainingArgs arguments, ffi::RemainingRets results)
        : arguments_(arguments), results_(results) {}

    template <class T>
    const T* in(std::initializer_list<std::int64_t> shape) {
        const auto buffer = arguments_.get<ffi::AnyBuffer>(argument_++);
        if (!buffer.has_value()) return fail("too few arguments"), nullptr;
        return checked<T>(*buffer, shape, "argument " + std::to_string(argument_ - 1));
    }
    template <class T>
    T* out(std::initializer_list<std::int64_t> shape) {
        auto buffer = results_.get<ffi::AnyBuffer>(result_++);
        if (!buffer.has_value()) return fail("too few results"), nullptr;
        T* data = checked<T>(**buffer, shape, "result " + std::to_string(result_ - 1));
        if (data) ask_for_large_pages(data, (*buffer)->size_bytes());
        return data;
    }

    void fail(const std::string& why) {
        if (error_.empty()) error_ = why;
    }
    const std::string& error() const { return error_; }

  private:
    template <class T>
    T* checked(const ffi::AnyBuffer& buffer, std::initializer_list<std::int64_t> shape, const std::string& name) {
        constexpr ffi::DataType type = std::is_same_v<T, std::int32_t> ? ffi::S32
                                       : std::is_same_v<T, float>      ? ffi::F32
                                                                       : ffi::F64;
        const auto dims = buffer.dimensions();
        if (buffer.element_type() != type || !std::equal(dims.begin(), dims.end(), shape.begin(), shape.end()))
            return fail(name + " has another type or shape than the others ask for"), nullptr;
        return static_cast<T*>(buffer.untyped_data());
    }

    ffi::RemainingArgs arguments_;
    ffi::RemainingRets results_;
    std::size_t argument_ = 0, result_ = 0;
    std::string error_;
};

// The product of sizes, or -1 when it does not fit.
std::int64_t product(std::initializer_list<std::int64_t> sizes) {
    std::int64_t total = 1;
    for (std::int64_t n : sizes)
        if (n < 1 || total < 0 || __builtin_mul_overflow(total, n, &total)) return -1;
    return total;
}

// E, B, H from lengths and W; T and I from the inputs, which are the argument `inputs`. Empty: all
// is well.
std::string sizes_of(ffi::RemainingArgs arguments, std::int32_t cell, std::size_t inputs, Sizes& s) {
    if (cell < 0 || cell >= kCells) return "no cell has the number " + std::to_string(cell);
    const auto lengths = arguments.get<ffi::AnyBuffer>(0), W = arguments.get<ffi::AnyBuffer>(2),
               xs = arguments.get<ffi::AnyBuffer>(inputs);
    if (!lengths.has_value() || !W.has_value() || !xs.has_value()) return "too few arguments";
    if (lengths->dimensions().size() != 2 || W->dimensions().size() != 3 || xs->dimensions().size() != 4)
        return "lengths have 2 axes, W has 3, the inputs have 4";
    s = {lengths->dimensions()[0], lengths->dimensions()[1], xs->dimensions()[2], xs->dimensions()[3],
         W->dimensions()[2]};
    // Bytes of the largest array of each kind: 4 gates; panels are padded to 32 units at most.
    const std::int64_t widest = 4 * std::int64_t(sizeof(double));
    if (product({widest, s.E, s.B, s.T, s.H}) < 0 || product({widest, s.E, s.B, s.T, s.I}) < 0 ||
        product({widest, s.E, s.B + 1, s.H + 32, s.H + s.I + 2}) < 0)
        return "every size must be at least 1, and all arrays must fit into memory";
    return "";
}

template <class T>
const Kernels<T>& kernels(std::int32_t cell) {
    if constexpr (sizeof(T) == 4)
        return instruction_set().f32[cell];
    else
        return instruction_set().f64[cell];
}

// Weights, inputs and first state, or what perturbs them, or the slopes by them: one order in every
// call. `next(shape)` is the next argument or result.
template <class P, class Next>
void weights_inputs_start(Next&& next, const Sizes& s, std::int32_t cell, bool inputs, P& U, P& W, P& b, P& d,
                          P& xs, P& h0, P& c0) {
    const auto [E, B, time, I, H] = s;
    const std::int64_t GH = gates(cell) * H;
    U = next({E, GH, I});
    W = next({E, GH, H});
    b = next({E, GH});
    if (cell == kGru) d = next({E, H});
    if (inputs) xs = next({E, B, time, I});
    h0 = next({E, B, H});
    if (cell == kLstm) c0 = next({E, B, H});
}

// All states, or what perturbs them, or slopes by them.
template <class P, class Next>
void states(Next&& next, const Sizes& s, std::int32_t cell, P& hs, P& cs) {
    hs = next({s.E, s.B, s.T, s.H});
    if (cell == kLstm) cs = next({s.E, s.B, s.T, s.H});
}

template <class T>
auto arguments_of(Call& call) {
    return [&call](std::initializer_list<std::int64_t> shape) { return call.in<T>(shape); };
}
template <class T>
auto results_of(Call& call) {
    return [&call](std::initializer_list<std::int64_t> shape) { return call.out<T>(shape); };
}

// What the forward pass has left, as the tangent and the adjoint read it.
template <class T, class X>
void read_forward(Call& call, X& x, const Sizes& s, std::int32_t cell) {
    const auto [E, B, time, I, H] = s;
    const std::int64_t GH = gates(cell) * H, PH = saved_per_unit(cell) * H;
    x.lengths = call.in<std::int32_t>({E, B});
    x.U = call.in<T>({E, GH, I});
    x.W = call.in<T>({E, GH, H});
    x.xs = call.in<T>({E, B, time, I});
    x.h0 = call.in<T>({E, B, H});
    if (cell == kLstm) x.c0 = call.in<T>({E, B, H});
    states(arguments_of<T>(call), s, cell, x.hs, x.cs);
    if (PH) x.saved = call.in<T>({E, B, time, PH});
}

// Runs a kernel on arrays that have been found good.
template <class Kernel, class X>
ffi::Error run(const Call& call, Kernel kernel, const Sizes& s, const X& x, ffi::ThreadPool& pool) {
    if (!call.error().empty()) return refuse(call.error());
    return kernel(s, x, {run_on_pool, &pool}) ? ffi::Error::Success() : no_memory();
}

template <class T>
ffi::Error unroll(const Sizes& s, ffi::ThreadPool& pool, Call& call, std::int32_t cell, bool save) {
    Forward<T> x{};
    x.lengths = call.in<std::int32_t>({s.E, s.B});
    weights_inputs_start(arguments_of<T>(call), s, cell, true, x.U, x.W, x.b, x.d, x.xs, x.h0, x.c0);
    states(results_of<T>(call), s, cell, x.hs, x.cs);
    const std::int64_t PH = saved_per_unit(cell) * s.H;
    if (save && PH) x.saved = call.out<T>({s.E, s.B, s.T, PH});
    return run(call, kernels<T>(cell).unroll, s, x, pool);
}

template <class T>
ffi::Error unroll_tangent(const Sizes& s, ffi::ThreadPool& pool, Call& call, std::int32_t cell, bool inputs) {
    Tangent<T> x{};
    read_forward<T>(call, x, s, cell);
    weights_inputs_start(arguments_of<T>(call), s, cell, inputs, x.dU, x.dW, x.db, x.dd, x.dxs, x.dh0, x.dc0);
    states(results_of<T>(call), s, cell, x.dhs, x.dcs);
    return run(call, kernels<T>(cell).tangent, s, x, pool);
}

template <class T>
ffi::Error unroll_adjoint(const Sizes& s, ffi::ThreadPool& pool, Call& call, std::int32_t cell, bool inputs) {
    Adjoint<T> x{};
    read_forward<T>(call, x, s, cell);
    states(arguments_of<T>(call), s, cell, x.ghs, x.gcs);
    weights_inputs_start(results_of<T>(call), s, cell, inputs, x.gU, x.gW, x.gb, x.gd, x.gxs, x.gh0, x.gc0);
    return run(call, kernels<T>(cell).adjoint, s, x, pool);
}

// Runs f<float> or f<double>, as W is; memory that runs out is an error and not the end.
template <class F>
ffi::Error by_type(ffi::RemainingArgs arguments, ffi::RemainingRets results, std::int32_t cell,
                   std::size_t inputs, F&& f) {
    Sizes s{};
    const std::string why = sizes_of(arguments, cell, inputs, s);
    if (!why.empty()) return refuse(why);
    const ffi::DataType type = arguments.get<ffi::AnyBuffer>(2)->element_type();
    if (type != ffi::F32 && type != ffi::F64) return refuse("W must be float32 or float64");
    Call call(arguments, results);
    try {
        return type == ffi::F32 ? f(s, call, float{}) : f(s, call, double{});
    } catch (const std::bad_alloc&) {
        return no_memory();
    }
}

ffi::Error unroll_any(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                      std::int32_t cell, std::int32_t save) {
    return by_type(arguments, results, cell, cell == kGru ? 5 : 4, [&](const Sizes& s, Call& call, auto number) {
        return unroll<decltype(number)>(s, pool, call, cell, save);
    });
}

ffi::Error tangent_any(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                       std::int32_t cell, std::int32_t inputs) {
    return by_type(arguments, results, cell, 3, [&](const Sizes& s, Call& call, auto number) {
        return unroll_tangent<decltype(number)>(s, pool, call, cell, inputs);
    });
}

ffi::Error adjoint_any(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                       std::int32_t cell, std::int32_t inputs) {
    return by_type(arguments, results, cell, 3, [&](const Sizes& s, Call& call, auto number) {
        return unroll_adjoint<decltype(number)>(s, pool, call, cell, inputs);
    });
}

auto binding(const char* flag) {
    return ffi::Ffi::Bind()
        .Ctx<ffi::ThreadPool>()
        .RemainingArgs()
        .RemainingRets()
        .Attr<std::int32_t>("cell")
        .Attr<std::int32_t>(flag);
}

}  // namespace
}  // namespace throughtime

#define THROUGHTIME_EXPORT extern "C" __attribute__((visibility("default")))

THROUGHTIME_EXPORT XLA_FFI_Error* throughtime_unroll(XLA_FFI_CallFrame* frame) {
    static auto* handler =
        throughtime::binding("save").To(throughtime::unroll_any).release();
    return handler->Call(frame);
}

THROUGHTIME_EXPORT XLA_FFI_Error* throughtime_unroll_tangent(XLA_FFI_CallFrame* frame) {
    static auto* handler = throughtime::binding("inputs").To(throughtime::tangent_any).release();
    return handler->Call(frame);
}

THROUGHTIME_EXPORT XLA_FFI_Error* throughtime_unroll_adjoint(XLA_FFI_CallFrame* frame) {
    static auto* handler = throughtime::binding("inputs").To(throughtime::adjoint_any).release();
    return handler->Call(frame);
}

THROUGHTIME_EXPORT double throughtime_fma_peak(int bytes, double seconds) {
    return throughtime::instruction_set().fma_peak(bytes, seconds);
}

// `reservoir` is a Reservoir<float> or a Reservoir<double>. False: its memory ran out.
THROUGHTIME_EXPORT bool throughtime_reservoir(int bytes, const void* reservoir) {
    using namespace throughtime;
    const InstructionSet& set = instruction_set();
    try {
        if (bytes == 8)
            set.reservoir_f64(*static_cast<const Reservoir<double>*>(reservoir));
        else
            set.reservoir_f32(*static_cast<const Reservoir<float>*>(reservoir));
    } catch (const std::bad_alloc&) {
        return false;
    }
    return true;
}

// `map` is a FlowMap<float> or a FlowMap<double>. False: its memory ran out.
THROUGHTIME_EXPORT bool throughtime_flow_map(int bytes, const void* map, std::int32_t threads) {
    using namespace throughtime;
    const InstructionSet& set = instruction_set();
    const Workers workers{run_on_threads, &threads};
    try {
        return bytes == 8 ? set.flow_map_f64(*static_cast<const FlowMap<double>*>(map), workers)
                          : set.flow_map_f32(*static_cast<const FlowMap<float>*>(map), workers);
    } catch (const std::bad_alloc&) {
        return false;
    }
}

THROUGHTIME_EXPORT const char* throughtime_instruction_set() {
    return throughtime::instruction_set().name;
}
