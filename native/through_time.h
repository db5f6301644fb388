// A cell run through time, its linearisation and its transpose, for any cell.
//
// A cell says what happens to one vector of units at one step (`forward`, `tangent`,
// `adjoint`); this file runs the steps, the products between them, and the threads. The input
// projection is part of the product: with z = (h, 1, x), one row for each sequence,
//   a = W h + b + U x = (W b U) z'
// Work is cut into shards: one network of the ensemble and some rows of its batch. The cut
// depends on the sizes alone, never on the number of threads, so neither does the result.
//
// Memory beside the arrays of kernels.h: the weights packed; in every thread some blocks of
// (rows, H + I) and a few steps' factors of the weight gradients; and of these at most 16 partial
// sums for each network. Nothing grows with T. A thread keeps 4 MiB of it at most for its next run.
#pragma once

#include <algorithm>

#include "shards.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// The rows of x_t, or of h_{t-1}, where they lie in memory.
template <class T>
const T* at_step(const T* array, const Sizes& s, std::int64_t row, std::int64_t t, std::int64_t width) {
    return array + (row * s.T + t) * width;
}
template <class T>
const T* before(const T* states, const T* initial, const Sizes& s, std::int64_t row, std::int64_t t) {
    return t > 0 ? states + (row * s.T + t - 1) * s.H : initial + row * s.H;
}

// Rows z = (h, 1, x) of a shard; for a tangent (dh, 0, dx).
template <class T>
struct Rows {
    std::int64_t H, I, stride;
    Buffer<T> data;

    Rows(const Sizes& s, std::int64_t rows, T one)
        : H(s.H), I(s.I), stride(ceil_div(s.H + 1 + s.I, 16) * 16), data(rows * stride) {
        std::fill(data + 0, data + rows * stride, T(0));
        for (std::int64_t i = 0; i < rows; ++i) data[i * stride + H] = one;
    }
    T* h(std::int64_t i) const { return data + i * stride; }
    void set_h(std::int64_t i, const T* from) const { copy(from, H, h(i)); }
    void set_x(std::int64_t i, const T* from) const { copy(from, I, h(i) + H + 1); }
};

// What the forward pass has left of one vector of units: the slopes are made of it.
template <class T>
struct Left {
    Vec<T> h, c, h_previous, c_previous, saved[4];
};

// The same of a sequence at one step: where it lies in memory.
template <class Cell, class T>
struct LeftRow {
    std::int64_t H;
    const T *h, *h_previous, *c = nullptr, *c_previous = nullptr, *saved;

    template <class Arrays>
    LeftRow(const Arrays& x, const Sizes& s, std::int64_t row, std::int64_t t)
        : H(s.H), h(at_step(x.hs, s, row, t, s.H)), h_previous(before(x.hs, x.h0, s, row, t)),
          saved(Cell::saved ? at_step(x.saved, s, row, t, Cell::saved * s.H) : nullptr) {
        if (!Cell::memory) return;
        c = at_step(x.cs, s, row, t, s.H);
        c_previous = before(x.cs, x.c0, s, row, t);
    }

    template <class N>
    THROUGHTIME_INLINE Left<T> at(std::int64_t u, N n) const {
        Left<T> left;
        left.h = load(h + u, n);
        left.h_previous = load(h_previous + u, n);
        if constexpr (Cell::memory) {
            left.c = load(c + u, n);
            left.c_previous = load(c_previous + u, n);
        }
#pragma GCC unroll 4
        for (int k = 0; k < Cell::saved; ++k) left.saved[k] = load(saved + k * H + u, n);
        return left;
    }
};

// h_t, c_t = forward(W h_{t-1} + b + U x_t)
template <class Cell, class T>
bool unroll(const Sizes& s, const Forward<T>& x, const Workers& workers) {
    constexpr int Q = Cell::products, P = Cell::saved;
    const std::int64_t H = s.H;
    const Weights<Cell, T> weights(s);
    const Shards shards(s);
    const bool large = exceeds_cache<T>(s, P + 2);
    auto pack_panel = [&](std::int64_t i) { weights.fill(i, x.W, x.b, x.d, x.U); };
    auto run_shard = [&](std::int64_t index) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows;
        Buffer<T> products(rows * Q * Panels<T>::kWidth), c(Cell::memory ? rows * H : 0);
        Rows<T> one(s, rows, 1), other(s, rows, 1), *z = &one, *next = &other;
        for (std::int64_t i = 0; i < rows; ++i) {
            z->set_h(i, x.h0 + (shard.row + i) * H);
            if (Cell::memory) std::copy_n(x.c0 + (shard.row + i) * H, H, c + i * H);
        }
        for (std::int64_t t = 0; t < s.T; ++t, std::swap(z, next)) {
            for (std::int64_t i = 0; i < rows; ++i)
                if (t < shard.lengths[i]) z->set_x(i, at_step(x.xs, s, shard.row + i, t, s.I));
            for (std::int64_t j = 0; j < weights.panels.count(); ++j) {
                const int width = weights.panels.width(j);
                const std::int64_t first = j * Panels<T>::kWidth;
                for (int q = 0; q < Q && t < shard.longest; ++q)
                    rows_times_panel<T>(rows, weights.K(q), z->h(0) + weights.k(q), z->stride,
                                        weights.panel(shard.e, j, q), weights.panels.vectors(j),
                                        products + q * rows * width, width, false,
                                        [&](std::int64_t i, std::int64_t n) THROUGHTIME_INLINED {
                        if (!large) return;
                        const std::int64_t row = shard.row + i;
                        if (q == 0) prefetch(at_step(x.hs, s, row, t, H) + first, n, s.T * H, width);
                        if (Cell::memory && q == 1) prefetch(at_step(x.cs, s, row, t, H) + first, n, s.T * H, width);
                        if (P && x.saved)
                            prefetch(at_step(x.saved, s, row, t, P * H) + q * H + first, n, s.T * P * H, width);
                    });
                // The gates that need no other gate first, in a loop of their own: many short
                // chains of instructions overlap, where few long ones would wait.
                if (t < shard.longest) Cell::template gates_alone<T>(rows * width, products);
                const std::int64_t used = weights.panels.used(j);
                for (std::int64_t i = 0; i < rows; ++i) {
                    const bool runs = t < shard.lengths[i];
                    const std::int64_t at = (shard.row + i) * s.T + t;
                    const T *old = z->h(i), *gates = products + i * width - first;
                    T *hs = x.hs + at * H, *to = next->h(i), *ci = c + i * H;
                    T* cs = Cell::memory ? x.cs + at * H : nullptr;
                    T* keep = P && x.saved ? x.saved + at * P * H : nullptr;
                    each_vector<T>(first, used, [&](auto u, auto n) THROUGHTIME_INLINED {
                        Vec<T> gate[Q], saved[4] = {}, h = load(old + u, n), c_new{};
                        if constexpr (Cell::memory) c_new = load(ci + u, n);
                        if (runs) {
#pragma GCC unroll 4
                            for (int q = 0; q < Q; ++q) gate[q] = load(gates + q * rows * width + u);
                            Cell::template forward<T>(gate, h, c_new, saved);
                        }
                        store(hs + u, h, n);
                        store(to + u, h, n);
                        if constexpr (Cell::memory) {
                            store(cs + u, c_new, n);
                            store(ci + u, c_new, n);
                        }
                        if (keep)
#pragma GCC unroll 4
                            for (int k = 0; k < P; ++k) store(keep + k * H + u, saved[k], n);
                    });
                }
            }
        }
    };
    return parallel_for(workers, weights.tasks(), weight_count<Cell>(s), pack_panel) &&
           parallel_for(workers, s.E * shards.count, multiply_adds<Cell>(s), run_shard);
}

// dh_t, dc_t = tangent((W b U) (dh, 0, dx)' + (dW db dU) (h, 1, x)'): the linear map of slopes.
template <class Cell, class T>
bool unroll_tangent(const Sizes& s, const Tangent<T>& x, const Workers& workers) {
    constexpr int Q = Cell::products;
    const std::int64_t H = s.H, G = Cell::gates;
    const Weights<Cell, T> weights(s), moves(s);
    const Shards shards(s);
    auto pack_panel = [&](std::int64_t i) {
        weights.fill(i, x.W, x.db, x.dd, x.U);  // the bias meets a 0
        moves.fill(i, x.dW, x.db, x.dd, x.dU);
    };
    auto any = [](const T* values, std::int64_t n) {
        return std::any_of(values, values + n, [](T v) { return v != 0; });
    };
    auto run_shard = [&](std::int64_t index) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows, e = shard.e;
        const bool weights_move = any(x.dW + e * G * H * H, G * H * H) || any(x.dU + e * G * H * s.I, G * H * s.I) ||
                                  any(x.db + e * G * H, G * H) || (x.dd && any(x.dd + e * H, H));
        Buffer<T> products(rows * Q * Panels<T>::kWidth);
        const Rows<T> z(s, rows, 1), dz(s, rows, 0);
        for (std::int64_t t = 0; t < s.T; ++t) {
            for (std::int64_t i = 0; i < rows; ++i) {
                const std::int64_t row = shard.row + i;
                z.set_h(i, before(x.hs, x.h0, s, row, t));
                dz.set_h(i, before<T>(x.dhs, x.dh0, s, row, t));
                if (t >= shard.lengths[i]) continue;
                z.set_x(i, at_step(x.xs, s, row, t, s.I));
                if (x.dxs) dz.set_x(i, at_step(x.dxs, s, row, t, s.I));
            }
            for (std::int64_t j = 0; j < weights.panels.count(); ++j) {
                const int width = weights.panels.width(j), vectors = weights.panels.vectors(j);
                for (int q = 0; q < Q && t < shard.longest; ++q) {
                    T* to = products + q * rows * width;
                    const std::int64_t K = weights.K(q), k = weights.k(q);
                    rows_times_panel<T>(rows, K, dz.h(0) + k, dz.stride, weights.panel(e, j, q), vectors, to, width, false);
                    if (weights_move)
                        rows_times_panel<T>(rows, K, z.h(0) + k, z.stride, moves.panel(e, j, q), vectors, to, width, true);
                }
                const std::int64_t first = j * Panels<T>::kWidth, used = weights.panels.used(j);
                for (std::int64_t i = 0; i < rows; ++i) {
                    const bool runs = t < shard.lengths[i];
                    const std::int64_t row = shard.row + i, at = (row * s.T + t) * H;
                    const LeftRow<Cell, T> left(x, s, row, t);
                    const T *dh_old = dz.h(i), *da_row = products + i * width - first;
                    const T* dc_old = Cell::memory ? before<T>(x.dcs, x.dc0, s, row, t) : nullptr;
                    each_vector<T>(first, used, [&](auto u, auto n) THROUGHTIME_INLINED {
                        Vec<T> da[Q], dh = load(dh_old + u, n), dc{};
                        if constexpr (Cell::memory) dc = load(dc_old + u, n);
                        if (runs) {
#pragma GCC unroll 4
                            for (int q = 0; q < Q; ++q) da[q] = load(da_row + q * rows * width + u);
                            Cell::template tangent<T>(left.at(u, n), da, dh, dc);
                        }
                        store(x.dhs + at + u, dh, n);
                        if constexpr (Cell::memory) store(x.dcs + at + u, dc, n);
                    });
                }
            }
        }
    };
    return parallel_for(workers, weights.tasks(), weight_count<Cell>(s), pack_panel) &&
           parallel_for(workers, s.E * shards.count, multiply_adds<Cell>(s), run_shard);
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
