// The kernels as plain functions on pointers and sizes: what they take, and who runs them.
//
// Arrays are dense and row-major, as in src/throughtime/recurrence/primitives.py:
//   lengths (E, B)   U (E, G*H, I)   W (E, G*H, H)   b (E, G*H)   d (E, H), GRU alone
//   xs (E, B, T, I)   h0, c0 (E, B, H)   hs, cs (E, B, T, H)   saved (E, B, T, P*H)
// with G gates (RNN 1, GRU 3, LSTM 4) and P values saved per unit (RNN 0, GRU 4, LSTM 4).
// c0 and cs belong to the LSTM alone. E, B, T, I, H >= 1.
#pragma once

#include <cstdint>

namespace throughtime {

struct Sizes {
    std::int64_t E, B, T, I, H;
};

// Runs task(data, 0) ... task(data, tasks - 1) in any order, on as many threads as it likes,
// and returns when all are done. False: a task ran out of memory.
struct Workers {
    using Task = void (*)(void* data, std::int64_t index);
    bool (*run)(void* context, std::int64_t tasks, Task task, void* data);
    void* context;
};

template <class T>
struct Forward {  // unroll
    const std::int32_t* lengths;
    const T *U, *W, *b, *d, *xs, *h0, *c0;
    T *hs, *cs, *saved;  // saved may be null: nothing is kept for a backward pass
};

template <class T>
struct Tangent {  // unroll_tangent
    const std::int32_t* lengths;
    const T *U, *W, *xs, *h0, *c0, *hs, *cs, *saved;
    const T *dU, *dW, *db, *dd, *dxs, *dh0, *dc0;  // dxs may be null: the inputs stay as they are
    T *dhs, *dcs;
};

template <class T>
struct Adjoint {  // unroll_adjoint
    const std::int32_t* lengths;
    const T *U, *W, *xs, *h0, *c0, *hs, *cs, *saved;
    const T *ghs, *gcs;
    T *gU, *gW, *gb, *gd, *gxs, *gh0, *gc0;  // gxs may be null: nobody asks
};

// The three kernels of one cell. Each returns false when memory ran out.
template <class T>
struct Kernels {
    bool (*unroll)(const Sizes&, const Forward<T>&, const Workers&);
    bool (*tangent)(const Sizes&, const Tangent<T>&, const Workers&);
    bool (*adjoint)(const Sizes&, const Adjoint<T>&, const Workers&);
};

enum Cell : std::int32_t { kTanh, kRelu, kLogistic, kIdentity, kGru, kLstm, kCells };

inline std::int64_t gates(std::int32_t cell) { return cell == kLstm ? 4 : cell == kGru ? 3 : 1; }
inline std::int64_t saved_per_unit(std::int32_t cell) { return cell >= kGru ? 4 : 0; }

// A reservoir of N units along a drive, for R settings that share its matrices; see reservoir.cpp.
//   drive, noise (steps, N)   b (N)   leak, radius, scale (R)   state (R, N)   states (R, steps, N)
// W is dense, (N, N), or sparse: the values of row i, and their columns, from starts[i] on.
template <class T>
struct Reservoir {
    std::int64_t N, R, steps;
    std::int32_t linear;             // else tanh
    const std::int64_t* starts;      // null: W is dense
    const std::int32_t* columns;
    const T *W, *b, *drive, *noise;  // noise may be null
    const T *leak, *radius, *scale, *state;
    T* states;
};

template <class T>
using RunReservoir = void (*)(const Reservoir<T>&);  // throws std::bad_alloc

// A map of N random features in closed loop, for B trajectories of d variables and m inputs under
// each of R readouts; see flow_map.cpp. a of the variables are angles: of one with a rate that is not
// 0, U reads sin(rate y) in place of y, and cos(rate y) after all else.
//   rates (d)   U (N, d + m + a)   b (N)   V (R, d, N)   c (R, d)   start (B, d)   us (B, steps, m)   ys (R, B, steps, d)
template <class T>
struct FlowMap {
    std::int64_t R, B, steps, d, m, a, N;
    const T *rates, *U, *b, *V, *c, *start, *us;
    T* ys;
    T bound;  // the state is kept within plus and minus this; infinity for none
};

template <class T>
using RunFlowMap = bool (*)(const FlowMap<T>&, const Workers&);  // throws std::bad_alloc, or false

// One table for each instruction set that was compiled in.
struct InstructionSet {
    const char* name;
    bool (*runs_here)();
    Kernels<float> f32[kCells];
    Kernels<double> f64[kCells];
    RunReservoir<float> reservoir_f32;
    RunReservoir<double> reservoir_f64;
    RunFlowMap<float> flow_map_f32;
    RunFlowMap<double> flow_map_f64;
    double (*fma_peak)(int bytes, double seconds);
};

// The best instruction set of this machine; the variable THROUGHTIME_INSTRUCTION_SET asks for
// another by name.
const InstructionSet& instruction_set();

// All that were compiled in, best first.
const InstructionSet* instruction_sets(int* count);

}  // namespace throughtime
