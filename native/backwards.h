// The transpose of a cell's tangent: backpropagation through time.
//
//   delta_t = adjoint(g_t)    g_{t-1} = ghs_{t-1} + direct + W' delta_t    gx_t = U' delta_t
//
// and the weights' gradients are sums over all steps and sequences of delta (h, 1, x), taken
// many steps at once. delta holds a block of H values for each of the cell's products; those
// with a hidden part come first, in the order of W's gates.
#pragma once

#include "through_time.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// Rows of delta and of (h, 1, x), collected until there are enough for a product.
template <class Cell, class T>
class WeightGradient {
  public:
    const std::int64_t stride;  // of the rows of delta

    WeightGradient(const Sizes& s, std::int64_t rows)
        : stride(Cell::products * s.H + kStagger), H_(s.H), I_(s.I), capacity_(std::max(rows, std::int64_t(128))),
          delta_(capacity_ * stride), h_(s.H, capacity_), one_x_(1 + s.I, capacity_), row_(1 + s.I) {}

    // Where the next rows of delta go.
    T* delta() const { return delta_ + K_ * stride; }
    bool full(std::int64_t rows) const { return K_ + rows > capacity_; }

    // The row of (h, 1, x) beside the next of delta; without x it does not count.
    void put(const T* h, const T* x) {
        row_[0] = x ? 1 : 0;
        for (std::int64_t i = 0; i < I_; ++i) row_[1 + i] = x ? x[i] : T(0);
        h_.put(K_, h);
        one_x_.put(K_++, row_);
    }

    // Adds what was put so far to gW (G*H, H) and gbU (G*H, 1 + I); the first time it writes.
    void flush(T* gW, T* gbU) {
        for (int q = 0; q < Cell::products; ++q) {
            const Part part = Cell::parts[q];
            const T* left = delta_ + q * H_;
            if (part.hidden) add_outer_products<T>(K_, left, H_, stride, h_, gW + part.gate * H_ * H_, !first_);
            if (part.input)
                add_outer_products<T>(K_, left, H_, stride, one_x_, gbU + part.gate * H_ * (1 + I_), !first_);
        }
        first_ = false;
        K_ = 0;
    }

  private:
    std::int64_t H_, I_, capacity_, K_ = 0;
    Buffer<T> delta_;
    PanelRows<T> h_, one_x_;
    Buffer<T> row_;
    bool first_ = true;
};

// The gradients of the weights that a shard has found: gW (G*H, H), gbU (G*H, 1 + I), gd (H).
template <class Cell, class T>
class Found {
  public:
    explicit Found(const Sizes& s, std::int64_t shards)
        : H_(s.H), I_(s.I), shards_(shards), size_(GH() * (H_ + 1 + I_) + H_), data_(s.E * shards * size_) {}

    T* gW(std::int64_t shard) const { return data_ + shard * size_; }
    T* gbU(std::int64_t shard) const { return gW(shard) + GH() * H_; }
    T* gd(std::int64_t shard) const { return gbU(shard) + GH() * (1 + I_); }

    // Row r of all (E, G*H): the sum over the shards of its network, always in one order.
    void sum(std::int64_t r, const Adjoint<T>& x) const {
        const std::int64_t e = r / GH(), row = r % GH();
        for (std::int64_t part = 0; part < shards_; ++part) {
            const std::int64_t shard = e * shards_ + part;
            const T* bU = gbU(shard) + row * (1 + I_);
            add(gW(shard) + row * H_, x.gW + r * H_, H_, part);
            add(bU, x.gb + r, 1, part);
            add(bU + 1, x.gU + r * I_, I_, part);
            if (Cell::split && row == 0) add(gd(shard), x.gd + e * H_, H_, part);
        }
    }

  private:
    std::int64_t GH() const { return Cell::gates * H_; }
    static void add(const T* from, T* to, std::int64_t n, std::int64_t part) {
        if (part == 0)
            std::copy(from, from + n, to);
        else
            for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
    }

    std::int64_t H_, I_, shards_, size_;
    Buffer<T> data_;
};

template <class Cell, class T>
bool unroll_adjoint(const Sizes& s, const Adjoint<T>& x, const Workers& workers) {
    constexpr int G = Cell::gates, P = Cell::saved;
    const std::int64_t H = s.H, GH = G * H, I = s.I;
    const Columns<T> W(s.E, GH, H), U(x.gxs ? s.E : 0, GH, I);
    const std::int64_t panels = W.panels.count();
    const Shards shards(s);
    const Found<Cell, T> found(s, shards.count);
    const bool large = exceeds_cache<T>(s, P + 2);
    auto pack_W = [&](std::int64_t i) { W.fill(i, x.W); };
    auto pack_U = [&](std::int64_t i) { U.fill(i, x.U); };
    auto run_shard = [&](std::int64_t index) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows;
        T* gd = found.gd(index);
        std::fill(gd, gd + H, T(0));
        WeightGradient<Cell, T> gradient(s, rows);
        Buffer<T> g(rows * W.panels.padded()), gc(Cell::memory ? rows * H : 0), gx(rows * Panels<T>::kWidth);
        const std::int64_t stride = gradient.stride;
        auto g_of = [&](std::int64_t j) { return g + j * Panels<T>::kWidth * rows; };  // a panel's
        std::fill(g + 0, g + rows * W.panels.padded(), T(0));
        if (Cell::memory) std::fill(gc + 0, gc + rows * H, T(0));
        for (std::int64_t t = s.T - 1; t >= 0; --t) {
            if (gradient.full(rows)) gradient.flush(found.gW(index), found.gbU(index));
            T* delta = gradient.delta();
            for (std::int64_t j = 0; j < panels; ++j)
                each_vector<T>(rows, j * Panels<T>::kWidth, W.panels.used(j), [&](auto i, auto u, auto v, auto n) {
                    const std::int64_t row = shard.row + i;
                    T* g_at = g_of(j) + i * W.panels.width(j) + v;
                    Vec<T> gh = load(g_at) + load(at_step(x.ghs, s, row, t, H) + u, n), gm{};
                    if constexpr (Cell::memory)
                        gm = load(gc + i * H + u, n) + load(at_step(x.gcs, s, row, t, H) + u, n);
                    Vec<T> ga[Cell::products] = {};
                    if (t < shard.lengths[i])
                        Cell::template adjoint<T>(left_by_forward<Cell, T>(x, s, row, t, u, n), gh, gm, ga);
                    store(g_at, gh);
                    if constexpr (Cell::memory) store(gc + i * H + u, gm, n);
                    for (int q = 0; q < Cell::products; ++q) {
                        store(delta + i * stride + q * H + u, ga[q], n);
                        if (!Cell::parts[q].input) store(gd + u, load(gd + u, n) + ga[q], n);
                    }
                });
            if (t < shard.longest)
                for (std::int64_t j = 0; j < panels; ++j)
                    rows_times_panel<T>(rows, GH, delta, stride, W.panel(shard.e, j), W.panels.vectors(j), g_of(j), true,
                                        [&](std::int64_t i, std::int64_t n) THROUGHTIME_INLINED {
                        if (!large || t == 0) return;
                        const std::int64_t row = shard.row + i, u = j * Panels<T>::kWidth;
                        const int width = W.panels.width(j);
                        prefetch(at_step(x.ghs, s, row, t - 1, H) + u, n, s.T * H, width);
                        if (t > 1) prefetch(at_step(x.hs, s, row, t - 2, H) + u, n, s.T * H, width);
                        if (Cell::memory && t > 1) prefetch(at_step(x.cs, s, row, t - 2, H) + u, n, s.T * H, width);
                        if (Cell::memory) prefetch(at_step(x.gcs, s, row, t - 1, H) + u, n, s.T * H, width);
                        for (int k = 0; k < P; ++k)
                            prefetch(at_step(x.saved, s, row, t - 1, P * H) + k * H + u, n, s.T * P * H, width);
                    });
            for (std::int64_t j = 0; x.gxs && j < U.panels.count(); ++j) {
                const int vectors = U.panels.vectors(j), width = U.panels.width(j);
                const T* panel = U.panel(shard.e, j);
                // The last gate's input part may be a product of its own, in the last block.
                const std::int64_t together = Cell::split ? GH - H : GH;
                rows_times_panel<T>(rows, together, delta, stride, panel, vectors, gx, false);
                if (Cell::split)
                    rows_times_panel<T>(rows, H, delta + GH, stride, panel + together * width, vectors, gx, true);
                for (std::int64_t i = 0; i < rows; ++i)
                    std::copy_n(gx + i * width, U.panels.used(j),
                                x.gxs + ((shard.row + i) * s.T + t) * I + j * Panels<T>::kWidth);
            }
            for (std::int64_t i = 0; i < rows; ++i)
                gradient.put(before(x.hs, x.h0, s, shard.row + i, t),
                             t < shard.lengths[i] ? at_step(x.xs, s, shard.row + i, t, I) : nullptr);
        }
        gradient.flush(found.gW(index), found.gbU(index));
        for (std::int64_t j = 0; j < panels; ++j)
            for (std::int64_t i = 0; i < rows; ++i)
                std::copy_n(g_of(j) + i * W.panels.width(j), W.panels.used(j),
                            x.gh0 + (shard.row + i) * H + j * Panels<T>::kWidth);
        if (Cell::memory) std::copy_n(gc + 0, rows * H, x.gc0 + shard.row * H);
    };
    return parallel_for(workers, s.E * panels, pack_W) &&
           (!x.gxs || parallel_for(workers, s.E * U.panels.count(), pack_U)) &&
           parallel_for(workers, s.E * shards.count, run_shard) &&
           parallel_for(workers, s.E * GH, [&](std::int64_t r) { found.sum(r, x); });
}

template <class Cell, class T>
constexpr Kernels<T> kernels_of() {
    return {unroll<Cell, T>, unroll_tangent<Cell, T>, unroll_adjoint<Cell, T>};
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
