// The map of a state by random features, in closed loop, for many trajectories:
//
//   y <- y + c + V tanh(U (y, u) + b)
//
// Of a variable that is an angle, U reads sine and cosine.
//
// The lanes of a vector are trajectories, and every weight is one number for all of them: there is
// no product that is too small, and the state stays in the nearest cache.
#include <algorithm>
#include <cmath>

#include "shards.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// Units at a time: each value that is loaded serves all of them, and they stay in registers.
constexpr int kUnits = 8;

// How many values a unit reads.
template <class T>
std::int64_t reads(const FlowMap<T>& x) {
    return x.d + x.m + x.a;
}

// b, U and V of every readout in the order in which a step reads them: of kUnits units b, the
// columns of U, the rows of V. After the last unit it is repeated with V = 0: a unit of zeros would
// make a state that is infinite NaN.
template <class T>
class Features {
  public:
    explicit Features(const FlowMap<T>& x)
        : blocks_(ceil_div(x.N, kUnits)), size_(blocks_ * kUnits * (1 + reads(x) + x.d)), data_(x.R * size_) {
        for (std::int64_t r = 0; r < x.R; ++r) {
            T* to = data_ + r * size_;
            for (std::int64_t first = 0; first < x.N; first += kUnits) to = pack(x, r, first, to);
        }
    }

    std::int64_t blocks() const { return blocks_; }
    const T* of(std::int64_t r) const { return data_ + r * size_; }

  private:
    static T* pack(const FlowMap<T>& x, std::int64_t r, std::int64_t first, T* to) {
        const std::int64_t n = reads(x);
        auto unit = [&](int q) { return std::min(first + q, x.N - 1); };
        for (int q = 0; q < kUnits; ++q) *to++ = x.b[unit(q)];
        for (std::int64_t i = 0; i < n; ++i)
            for (int q = 0; q < kUnits; ++q) *to++ = x.U[unit(q) * n + i];
        for (std::int64_t k = 0; k < x.d; ++k)
            for (int q = 0; q < kUnits; ++q) *to++ = first + q < x.N ? x.V[(r * x.d + k) * x.N + first + q] : T(0);
        return to;
    }

    std::int64_t blocks_, size_;
    Buffer<T> data_;
};

// The change of the state by kUnits units, whose weights begin at w; returns where the next begin.
template <class T>
THROUGHTIME_INLINE const T* add_units(const T* w, std::int64_t n, const T* read, std::int64_t d, T* change) {
    constexpr int L = kLanes<T>;
    Vec<T> h[kUnits];
#pragma GCC unroll 8
    for (int q = 0; q < kUnits; ++q) h[q] = splat(w[q]);
    for (std::int64_t i = 0; i < n; ++i) {
        w += kUnits;
        const Vec<T> x = load(read + i * L);
#pragma GCC unroll 8
        for (int q = 0; q < kUnits; ++q) h[q] += w[q] * x;
    }
#pragma GCC unroll 8
    for (int q = 0; q < kUnits; ++q) h[q] = tanh<T>(h[q]);
    for (std::int64_t k = 0; k < d; ++k) {
        w += kUnits;
        Vec<T> sum[2] = {load(change + k * L), Vec<T>{}};  // one sum would wait for itself
#pragma GCC unroll 8
        for (int q = 0; q < kUnits; ++q) sum[q % 2] += w[q] * h[q];
        store(change + k * L, sum[0] + sum[1]);
    }
    return w + kUnits;
}

// What U reads of the variables of one vector of trajectories.
template <class T>
THROUGHTIME_INLINE void read_state(const FlowMap<T>& x, const T* state, T* read) {
    constexpr int L = kLanes<T>;
    T* cosines = read + (x.d + x.m) * L;
    for (std::int64_t k = 0; k < x.d; ++k) {
        const T rate = x.rates[k], *y = state + k * L;
        if (rate == 0) {
            std::copy(y, y + L, read + k * L);
            continue;
        }
        for (int l = 0; l < L; ++l) read[k * L + l] = std::sin(rate * y[l]);
        for (int l = 0; l < L; ++l) *cosines++ = std::cos(rate * y[l]);
    }
}

// One vector of trajectories, from the `first` on, under readout r. What a lane beyond the last
// computes is not looked at.
template <class T>
void run_lanes(const FlowMap<T>& x, const Features<T>& features, std::int64_t r, std::int64_t first) {
    constexpr int L = kLanes<T>;
    const std::int64_t d = x.d, n = reads(x), lanes = std::min<std::int64_t>(L, x.B - first);
    Buffer<T> state(d * L), read(n * L), change(d * L);  // y, what is read of (y, u), c + V h
    std::fill(state + 0, state + d * L, T(0));
    std::fill(read + 0, read + n * L, T(0));
    for (std::int64_t l = 0; l < lanes; ++l)
        for (std::int64_t k = 0; k < d; ++k) state[k * L + l] = x.start[(first + l) * d + k];
    for (std::int64_t t = 0; t < x.steps; ++t) {
        read_state<T>(x, state, read);
        for (std::int64_t l = 0; l < lanes; ++l)
            for (std::int64_t i = 0; i < x.m; ++i)
                read[(d + i) * L + l] = x.us[((first + l) * x.steps + t) * x.m + i];
        for (std::int64_t k = 0; k < d; ++k) store(change + k * L, splat(x.c[r * d + k]));
        const T* w = features.of(r);
        for (std::int64_t j = 0; j < features.blocks(); ++j) w = add_units<T>(w, n, read, d, change);
        for (std::int64_t k = 0; k < d; ++k) {
            const Vec<T> y = load(state + k * L) + load(change + k * L);
            store(state + k * L, -at_least(-at_least(y, -x.bound), -x.bound));
        }
        for (std::int64_t l = 0; l < lanes; ++l)
            for (std::int64_t k = 0; k < d; ++k)
                x.ys[((r * x.B + first + l) * x.steps + t) * d + k] = state[k * L + l];
    }
}

template <class T>
bool run_flow_map(const FlowMap<T>& x, const Workers& workers) {
    const Features<T> features(x);
    const std::int64_t shards = ceil_div(x.B, kLanes<T>);
    const double work = double(x.R) * x.B * x.steps * x.N * (x.d + reads(x));
    return parallel_for(workers, x.R * shards, work, [&](std::int64_t i) {
        run_lanes(x, features, i / shards, i % shards * kLanes<T>);
    });
}

extern const RunFlowMap<float> flow_map_f32 = run_flow_map<float>;
extern const RunFlowMap<double> flow_map_f64 = run_flow_map<double>;

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
