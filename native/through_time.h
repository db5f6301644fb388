// A cell run through time, its linearisation and its transpose, for any cell.
//
// A cell says what happens to one vector of units at one step (`forward`, `tangent`,
// `adjoint`); this file runs the steps, the products with W between them, and the threads.
// Work is cut into shards: one network of the ensemble and some rows of its batch. The cut
// depends on the sizes alone, never on the number of threads, so neither does the result.
//
// Memory beside the arrays of kernels.h: a packed copy of W, and per shard some blocks of
// (rows, H) and a few steps' factors of the weight gradient. Nothing grows with T.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels.h"
#include "product.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

template <class F>
bool parallel_for(const Workers& workers, std::int64_t tasks, F&& body) {
    auto task = [](void* data, std::int64_t i) { (*static_cast<std::remove_reference_t<F>*>(data))(i); };
    return workers.run(workers.context, tasks, task, &body);
}

// The rows of a batch in equal shards: small enough to share out and to stay in the cache,
// large enough that a panel of W feeds many rows.
struct Shards {
    std::int64_t count, B;

    explicit Shards(const Sizes& s) : count(ceil_div(s.B, 32)), B(s.B) {}
    std::int64_t first(std::int64_t i) const { return B * i / count; }
};

// What one shard works on: network e, rows b to b + rows.
struct Shard {
    std::int64_t e, part, b, rows;
    const std::int32_t* lengths;
    std::int64_t longest = 0;

    Shard(const Shards& shards, std::int64_t i, const std::int32_t* all)
        : e(i / shards.count), part(i % shards.count), b(shards.first(part)),
          rows(shards.first(part + 1) - b), lengths(all + e * shards.B + b) {
        for (std::int64_t r = 0; r < rows; ++r)
            longest = std::max(longest, std::int64_t(lengths[r]));
    }
};

// W of every network in panels of units, the gates of a panel side by side: for W h.
template <class T, int G>
struct GatePanels {
    Panels<T> panels;
    std::int64_t H;
    Buffer<T> data;

    explicit GatePanels(const Sizes& s) : panels{s.H}, H(s.H), data(s.E * G * panels.padded() * s.H) {}

    T* panel(std::int64_t e, std::int64_t j, int g) const {
        return data + (G * (e * panels.padded() + j * Panels<T>::kWidth) + g * panels.width(j)) * H;
    }
    void fill(std::int64_t e, std::int64_t j, const T* W) const {
        for (int g = 0; g < G; ++g)
            pack(H, W + ((e * G + g) * H + j * Panels<T>::kWidth) * H, H, 1, panels.used(j),
                 panels.width(j), panel(e, j, g));
    }
};

// W of every network in panels of its columns, all gates in one: for W' delta.
template <class T, int G>
struct ColumnPanels {
    Panels<T> panels;
    std::int64_t H;
    Buffer<T> data;

    explicit ColumnPanels(const Sizes& s) : panels{s.H}, H(s.H), data(s.E * G * panels.padded() * s.H) {}

    T* panel(std::int64_t e, std::int64_t j) const {
        return data + (e * panels.padded() + j * Panels<T>::kWidth) * G * H;
    }
    void fill(std::int64_t e, std::int64_t j, const T* W) const {
        pack(G * H, W + e * G * H * H + j * Panels<T>::kWidth, 1, H, panels.used(j), panels.width(j),
             panel(e, j));
    }
};

// Calls f(row, unit, v, n) for the vectors of units u, u + lanes, ... of every row; v = unit - u.
// n says how many units there are: `Full`, or a number for the last, partial vector.
struct Full {};

constexpr auto no_prefetch = [](std::int64_t, std::int64_t) {};

template <class T>
THROUGHTIME_INLINE Vec<T> load(const T* p, Full) {
    return load(p);
}
template <class T>
THROUGHTIME_INLINE void store(T* p, Vec<T> v, Full) {
    store(p, v);
}

// Asks for `rows` rows of `n` values, a panel's share of an array that is larger than the cache,
// while a product keeps the processor busy: the stride between rows hides them from the
// hardware's own prefetching.
template <bool Write, class T>
THROUGHTIME_INLINE void prefetch(const T* p, std::int64_t rows, std::int64_t stride, int n) {
    constexpr int line = 64 / int(sizeof(T));
    for (std::int64_t i = 0; i < rows; ++i)
        for (int k = 0; k < n; k += line) __builtin_prefetch(p + i * stride + k, Write);
}

template <class T, class F>
THROUGHTIME_INLINE void each_vector(std::int64_t rows, std::int64_t u, std::int64_t used, F&& f) {
    constexpr int L = kLanes<T>;
    for (std::int64_t i = 0; i < rows; ++i) {
        std::int64_t v = 0;
        for (; v + L <= used; v += L) f(i, u + v, v, Full{});
        if (v < used) f(i, u + v, v, int(used - v));
    }
}

// The rows (e, t, b) and (e, t - 1, b) of the arrays that have a row for every step.
struct Step {
    std::int64_t t, row, initial;

    Step(const Sizes& s, const Shard& shard, std::int64_t t)
        : t(t), row((shard.e * s.T + t) * s.B + shard.b), initial(shard.e * s.B + shard.b), B_(s.B) {}

    template <class T>
    const T* previous(const T* states, const T* first, std::int64_t H) const {
        return t > 0 ? states + (row - B_) * H : first + initial * H;
    }

  private:
    std::int64_t B_;
};

// The values of one vector of units that the forward pass has left: the slopes are made of them.
template <class T>
struct Left {
    Vec<T> h, c, h_previous, c_previous, saved[4];
};

template <class Cell, class T, class Sources, class N>
THROUGHTIME_INLINE Left<T> left_by_forward(const Sources& x, const Step& step, std::int64_t H,
                                           std::int64_t i, std::int64_t u, N n) {
    Left<T> left;
    const std::int64_t at = (step.row + i) * H + u;
    left.h = load(x.hs + at, n);
    left.h_previous = load(step.previous(x.hs, x.h0, H) + i * H + u, n);
    if constexpr (Cell::memory) {
        left.c = load(x.cs + at, n);
        left.c_previous = load(step.previous(x.cs, x.c0, H) + i * H + u, n);
    }
    if constexpr (Cell::saved > 0)
        for (int k = 0; k < Cell::saved; ++k)
            left.saved[k] = load(x.saved + ((step.row + i) * Cell::saved + k) * H + u, n);
    return left;
}

// h_t, c_t = forward(drive_t, W h_{t-1})
template <class Cell, class T>
bool unroll(const Sizes& s, const Forward<T>& x, const Workers& workers) {
    constexpr int G = Cell::gates, P = Cell::saved;
    const std::int64_t H = s.H;
    const GatePanels<T, G> W(s);
    const std::int64_t panels = W.panels.count();
    const Shards shards(s);
    auto pack_panel = [&](std::int64_t i) { W.fill(i / panels, i % panels, x.W); };
    auto run_shard = [&](std::int64_t index) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows;
        const T* d = Cell::offset ? x.d + shard.e * H : nullptr;
        Buffer<T> products(rows * G * Panels<T>::kWidth);
        for (std::int64_t t = 0; t < s.T; ++t) {
            const Step step(s, shard, t);
            const T* h = step.previous(x.hs, x.h0, H);
            const T* c = Cell::memory ? step.previous(x.cs, x.c0, H) : nullptr;
            for (std::int64_t j = 0; j < panels; ++j) {
                const int width = W.panels.width(j);
                const std::int64_t u = j * Panels<T>::kWidth;
                for (int g = 0; g < G && t < shard.longest; ++g)
                    rows_times_panel<T>(rows, H, h, H, W.panel(shard.e, j, g), W.panels.vectors(j),
                                        products + g * rows * width, false,
                                        [&](std::int64_t i, std::int64_t n) THROUGHTIME_INLINED {
                        const std::int64_t row = step.row + i;
                        prefetch<false>(x.drive + (row * G + g) * H + u, n, G * H, width);
                        if (g == 0) prefetch<true>(x.hs + row * H + u, n, H, width);
                        if (Cell::memory && g == 1) prefetch<true>(x.cs + row * H + u, n, H, width);
                        for (int k = g; x.saved && k < P; k += G)
                            prefetch<true>(x.saved + (row * P + k) * H + u, n, P * H, width);
                    });
                // The gates that need no other gate first, in a loop of their own: many short
                // chains of instructions overlap, where few long ones would wait.
                each_vector<T>(rows, u, W.panels.used(j), [&](auto i, auto u, auto v, auto n) {
                    for (int g = 0; g < Cell::independent; ++g) {
                        T* gate = products + (g * rows + i) * width + v;
                        const Vec<T> drive = load(x.drive + ((step.row + i) * G + g) * H + u, n);
                        store(gate, Cell::template gate<T>(g, drive + load(gate)));
                    }
                });
                each_vector<T>(rows, u, W.panels.used(j), [&](auto i, auto u, auto v, auto n) {
                    const std::int64_t row = step.row + i, at = row * H + u;
                    T* keep = P && x.saved ? x.saved + row * P * H + u : nullptr;
                    if (t >= shard.lengths[i]) {
                        store(x.hs + at, load(h + i * H + u, n), n);
                        if constexpr (Cell::memory) store(x.cs + at, load(c + i * H + u, n), n);
                        for (int k = 0; keep && k < P; ++k) store(keep + k * H, Vec<T>{}, n);
                        return;
                    }
                    Vec<T> drive{}, gate[G], saved[4], h_new = load(h + i * H + u, n), c_new{}, offset{};
                    if constexpr (Cell::memory) c_new = load(c + i * H + u, n);
                    if constexpr (Cell::offset) offset = load(d + u, n);
                    if constexpr (Cell::independent < G)
                        drive = load(x.drive + (row * G + G - 1) * H + u, n);
                    for (int g = 0; g < G; ++g) gate[g] = load(products + (g * rows + i) * width + v);
                    Cell::template forward<T>(gate, drive, offset, h_new, c_new, saved);
                    store(x.hs + at, h_new, n);
                    if constexpr (Cell::memory) store(x.cs + at, c_new, n);
                    for (int k = 0; keep && k < P; ++k) store(keep + k * H, saved[k], n);
                });
            }
        }
    };
    return parallel_for(workers, s.E * panels, pack_panel) &&
           parallel_for(workers, s.E * shards.count, run_shard);
}

// dh_t, dc_t = tangent(ddrive_t, W dh_{t-1} + dW h_{t-1}): the linear map of the slopes.
template <class Cell, class T>
bool unroll_tangent(const Sizes& s, const Tangent<T>& x, const Workers& workers) {
    constexpr int G = Cell::gates;
    const std::int64_t H = s.H, weights = G * H * H;
    const GatePanels<T, G> W(s), dW(s);
    const std::int64_t panels = W.panels.count();
    const Shards shards(s);
    auto pack_panel = [&](std::int64_t i) {
        W.fill(i / panels, i % panels, x.W);
        dW.fill(i / panels, i % panels, x.dW);
    };
    auto run_shard = [&](std::int64_t index) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows;
        const T* dd = Cell::offset ? x.dd + shard.e * H : nullptr;
        const T* perturbed = x.dW + shard.e * weights;
        const bool weights_move = std::any_of(perturbed, perturbed + weights, [](T w) { return w != 0; });
        Buffer<T> products(rows * G * Panels<T>::kWidth);
        for (std::int64_t t = 0; t < s.T; ++t) {
            const Step step(s, shard, t);
            const T *h = step.previous(x.hs, x.h0, H), *dh = step.previous(x.dhs, x.dh0, H);
            const T* dc = Cell::memory ? step.previous(x.dcs, x.dc0, H) : nullptr;
            for (std::int64_t j = 0; j < panels; ++j) {
                const int width = W.panels.width(j), vectors = W.panels.vectors(j);
                for (int g = 0; g < G && t < shard.longest; ++g) {
                    T* to = products + g * rows * width;
                    rows_times_panel<T>(rows, H, dh, H, W.panel(shard.e, j, g), vectors, to, false, no_prefetch);
                    if (weights_move)
                        rows_times_panel<T>(rows, H, h, H, dW.panel(shard.e, j, g), vectors, to, true, no_prefetch);
                }
                each_vector<T>(rows, j * Panels<T>::kWidth, W.panels.used(j), [&](auto i, auto u, auto v, auto n) {
                    const std::int64_t row = step.row + i, at = row * H + u;
                    Vec<T> ddrive[G], dWh[G], dh_new = load(dh + i * H + u, n), dc_new{}, offset{};
                    if constexpr (Cell::memory) dc_new = load(dc + i * H + u, n);
                    if constexpr (Cell::offset) offset = load(dd + u, n);
                    if (t < shard.lengths[i]) {
                        for (int g = 0; g < G; ++g) {
                            ddrive[g] = load(x.ddrive + (row * G + g) * H + u, n);
                            dWh[g] = load(products + (g * rows + i) * width + v);
                        }
                        const auto left = left_by_forward<Cell, T>(x, step, H, i, u, n);
                        Cell::template tangent<T>(left, ddrive, dWh, offset, dh_new, dc_new);
                    }
                    store(x.dhs + at, dh_new, n);
                    if constexpr (Cell::memory) store(x.dcs + at, dc_new, n);
                });
            }
        }
    };
    return parallel_for(workers, s.E * panels, pack_panel) &&
           parallel_for(workers, s.E * shards.count, run_shard);
}

// Backwards: delta_t = adjoint(g_t), g_{t-1} = ghs_{t-1} + direct + W' delta_t, and the
// weights' gradient as the sum over all steps of delta_t h_{t-1}'.
template <class Cell, class T>
bool unroll_adjoint(const Sizes& s, const Adjoint<T>& x, const Workers& workers) {
    constexpr int G = Cell::gates;
    const std::int64_t H = s.H, weights = G * H * H;
    const ColumnPanels<T, G> W(s);
    const std::int64_t panels = W.panels.count(), padded = W.panels.padded();
    const Shards shards(s);
    // The first shard of a network writes its gradient in place, the others beside it.
    const std::int64_t others = s.E * (shards.count - 1);
    Buffer<T> gW_others(others * weights), gd_others(Cell::offset ? others * H : 0);
    auto gradient = [&](T* first, T* beside, std::int64_t e, std::int64_t part, std::int64_t size) {
        return part == 0 ? first + e * size : beside + (e * (shards.count - 1) + part - 1) * size;
    };
    auto pack_panel = [&](std::int64_t i) { W.fill(i / panels, i % panels, x.W); };
    auto run_shard = [&](std::int64_t index) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows;
        T* gW = gradient(x.gW, gW_others, shard.e, shard.part, weights);
        T* gd = Cell::offset ? gradient(x.gd, gd_others, shard.e, shard.part, H) : nullptr;
        if (gd) std::fill(gd, gd + H, T(0));
        OuterProducts<T> outer(G * H, H, std::max(rows, std::int64_t(128)));
        Buffer<T> g(rows * padded), gc(Cell::memory ? rows * H : 0);
        Buffer<T> scaled(Cell::offset ? rows * G * H : 0);
        std::fill(g + 0, g + rows * padded, T(0));
        auto g_of = [&](std::int64_t j) { return g + j * Panels<T>::kWidth * rows; };  // a panel's
        if (Cell::memory) std::fill(gc + 0, gc + rows * H, T(0));
        for (std::int64_t t = s.T - 1; t >= 0; --t) {
            const Step step(s, shard, t);
            T* gdrive = x.gdrive + step.row * G * H;
            T* delta = Cell::offset ? scaled + 0 : gdrive;  // the adjoint of W h
            for (std::int64_t j = 0; j < panels; ++j)
              each_vector<T>(rows, j * Panels<T>::kWidth, W.panels.used(j), [&](auto i, auto u, auto v, auto n) {
                T* g_at = g_of(j) + i * W.panels.width(j) + v;
                T* gc_at = gc + i * H + u;
                const std::int64_t at = (step.row + i) * H + u;
                Vec<T> gh = load(g_at) + load(x.ghs + at, n), gm{};
                if constexpr (Cell::memory) gm = load(gc_at, n) + load(x.gcs + at, n);
                Vec<T> ga[G]{}, gWh[G]{};
                if (t < shard.lengths[i]) {
                    const auto left = left_by_forward<Cell, T>(x, step, H, i, u, n);
                    Cell::template adjoint<T>(left, gh, gm, ga, gWh);
                }
                store(g_at, gh);
                if constexpr (Cell::memory) store(gc_at, gm, n);
                for (int k = 0; k < G; ++k) store(gdrive + (i * G + k) * H + u, ga[k], n);
                if constexpr (Cell::offset) {
                    for (int k = 0; k < G; ++k) store(delta + (i * G + k) * H + u, gWh[k], n);
                    store(gd + u, load(gd + u, n) + gWh[G - 1], n);
                }
            });
            if (t >= shard.longest) continue;
            for (std::int64_t j = 0; j < panels; ++j)
                rows_times_panel<T>(rows, G * H, delta, G * H, W.panel(shard.e, j), W.panels.vectors(j),
                                    g_of(j), true, no_prefetch);
            const T* h = step.previous(x.hs, x.h0, H);
            if (outer.free() < rows) outer.flush(gW);
            for (std::int64_t i = 0; i < rows; ++i)
                if (t < shard.lengths[i]) outer.push(delta + i * G * H, h + i * H);
        }
        outer.flush(gW);
        const std::int64_t initial = shard.e * s.B + shard.b;
        for (std::int64_t j = 0; j < panels; ++j)
            for (std::int64_t i = 0; i < rows; ++i) {
                const T* from = g_of(j) + i * W.panels.width(j);
                std::copy(from, from + W.panels.used(j), x.gh0 + (initial + i) * H + j * Panels<T>::kWidth);
            }
        if (Cell::memory) std::copy(gc + 0, gc + rows * H, x.gc0 + initial * H);
    };
    auto add_shards = [&](std::int64_t row) {  // one row of one network's W, always in one order
        const std::int64_t e = row / (G * H), within = row % (G * H) * H;
        for (std::int64_t part = 1; part < shards.count; ++part) {
            const T* from = gradient(x.gW, gW_others, e, part, weights) + within;
            for (std::int64_t k = 0; k < H; ++k) x.gW[row * H + k] += from[k];
            if (Cell::offset && within == 0)
                for (std::int64_t k = 0; k < H; ++k)
                    x.gd[e * H + k] += gradient(x.gd, gd_others, e, part, H)[k];
        }
    };
    return parallel_for(workers, s.E * panels, pack_panel) &&
           parallel_for(workers, s.E * shards.count, run_shard) &&
           (others == 0 || parallel_for(workers, s.E * G * H, add_shards));
}

template <class Cell, class T>
constexpr Kernels<T> kernels_of() {
    return {unroll<Cell, T>, unroll_tangent<Cell, T>, unroll_adjoint<Cell, T>};
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
