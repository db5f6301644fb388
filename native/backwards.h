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

// The gradients of the weights that some shards of a network have found, in `parts` partial sums:
// gW (G*H, H), gb (G*H), gd (H) and the transpose of gU (I, G*H).
template <class Cell, class T>
class Found {
  public:
    Found(const Sizes& s, std::int64_t parts)
        : H_(s.H), I_(s.I), parts_(parts), size_(GH() * (H_ + 1 + I_) + H_), data_(s.E * parts * size_) {}

    T* gW(std::int64_t part) const { return data_ + part * size_; }
    T* gU(std::int64_t part) const { return gW(part) + GH() * H_; }
    T* gb(std::int64_t part) const { return gU(part) + GH() * I_; }
    T* gd(std::int64_t part) const { return gb(part) + GH(); }
    std::int64_t GH() const { return Cell::gates * H_; }

    // Row r of all (E, G*H): the sum over the parts of its network, always in one order.
    void sum(std::int64_t r, const Adjoint<T>& x) const {
        const std::int64_t e = r / GH(), row = r % GH();
        for (std::int64_t part = 0; part < parts_; ++part) {
            const std::int64_t from = e * parts_ + part;
            add(gW(from) + row * H_, 1, x.gW + r * H_, H_, part);
            add(gU(from) + row, GH(), x.gU + r * I_, I_, part);
            add(gb(from) + row, 1, x.gb + r, 1, part);
            if (Cell::split && row == 0) add(gd(from), 1, x.gd + e * H_, H_, part);
        }
    }

  private:
    static void add(const T* from, std::int64_t stride, T* to, std::int64_t n, std::int64_t part) {
        for (std::int64_t i = 0; i < n; ++i) to[i] = (part ? to[i] : 0) + from[i * stride];
    }

    std::int64_t H_, I_, parts_, size_;
    Buffer<T> data_;
};

// Rows of delta, h and x, collected until there are enough for a product.
template <class Cell, class T>
class WeightGradient {
  public:
    const std::int64_t stride;  // of the rows of delta

    WeightGradient(const Sizes& s, std::int64_t rows)
        : stride(Cell::products * s.H + kStagger * 2), H_(s.H), I_(s.I),
          capacity_(std::max(rows, std::int64_t(128))), ldx_(ceil_div(s.I, kRows) * kRows),
          delta_(capacity_ * stride + Panels<T>::kWidth), h_(s.H, capacity_), x_(capacity_ * ldx_) {
        std::fill(x_ + 0, x_ + capacity_ * ldx_, T(0));
    }

    // Where the next rows of delta go.
    T* delta() const { return delta_ + K_ * stride; }
    bool full(std::int64_t rows) const { return K_ + rows > capacity_; }

    // h and x beside the next row of delta; without an x, which may be NaN where delta is 0.
    void put(const T* h, const T* x) {
        h_.put(K_, h);
        if (x)
            copy(x, I_, x_ + K_ * ldx_);
        else
            std::fill_n(x_ + K_ * ldx_, I_, T(0));
        ++K_;
    }

    // Adds what was put so far; the first time it writes.
    void flush(const Found<Cell, T>& found, std::int64_t to) {
        const Panels<T> units{H_};
        for (int q = 0; q < Cell::products; ++q) {
            const Part part = Cell::parts[q];
            const T* delta = delta_ + q * H_;
            const std::int64_t gate = part.gate * H_;
            if (part.hidden)
                add_outer_products<T>(K_, delta, H_, stride, h_.panels, [&](auto j) { return h_.panel(j); },
                                      [&](auto j) { return h_.panels.width(j); }, found.gW(to) + gate * H_, H_,
                                      !first_);
            if (part.input)
                add_outer_products<T>(K_, x_, I_, ldx_, units,
                                      [&](auto j) { return delta + j * Panels<T>::kWidth; },
                                      [&](auto) { return stride; }, found.gU(to) + gate, found.GH(), !first_);
            add_rows(delta, part.input ? found.gb(to) + gate : found.gd(to));
        }
        first_ = false;
        K_ = 0;
    }

  private:
    // The sum of all rows of delta; four sums at a time, for one would wait for itself.
    void add_rows(const T* delta, T* to) const {
        each_vector<T>(0, H_, [&](auto u, auto n) THROUGHTIME_INLINED {
            Vec<T> sum[4] = {first_ ? Vec<T>{} : load(to + u, n)};
            std::int64_t k = 0;
            for (; k + 4 <= K_; k += 4)
#pragma GCC unroll 4
                for (int i = 0; i < 4; ++i) sum[i] += load(delta + (k + i) * stride + u, n);
            for (; k < K_; ++k) sum[0] += load(delta + k * stride + u, n);
            store(to + u, (sum[0] + sum[1]) + (sum[2] + sum[3]), n);
        });
    }

    std::int64_t H_, I_, capacity_, ldx_, K_ = 0;
    Buffer<T> delta_;
    PanelRows<T> h_;
    Buffer<T> x_;
    bool first_ = true;
};

template <class Cell, class T>
bool unroll_adjoint(const Sizes& s, const Adjoint<T>& x, const Workers& workers) {
    constexpr int G = Cell::gates, P = Cell::saved;
    const std::int64_t H = s.H, GH = G * H, I = s.I;
    const Columns<T> W(s.E, GH, H), U(x.gxs ? s.E : 0, GH, I);
    const std::int64_t panels = W.panels.count();
    const Shards shards(s);
    const std::int64_t parts = std::min(shards.count, std::int64_t(16));
    const Found<Cell, T> found(s, parts);
    const bool large = exceeds_cache<T>(s, P + 2);
    auto pack_W = [&](std::int64_t i) { W.fill(i, x.W); };
    auto pack_U = [&](std::int64_t i) { U.fill(i, x.U); };
    auto run_shard = [&](std::int64_t index, WeightGradient<Cell, T>& gradient, std::int64_t part) {
        const Shard shard(shards, index, x.lengths);
        const std::int64_t rows = shard.rows;
        const std::int64_t stride = gradient.stride, ldg = W.panels.padded();
        Buffer<T> g(rows * ldg), gc(Cell::memory ? rows * H : 0), gx(rows * Panels<T>::kWidth);
        std::fill(g + 0, g + rows * ldg, T(0));
        if (Cell::memory) std::fill(gc + 0, gc + rows * H, T(0));
        for (std::int64_t t = s.T - 1; t >= 0; --t) {
            if (gradient.full(rows)) gradient.flush(found, part);
            T* delta = gradient.delta();
            for (std::int64_t i = 0; i < rows; ++i) {
                const bool runs = t < shard.lengths[i];
                const std::int64_t row = shard.row + i;
                const LeftRow<Cell, T> left(x, s, row, t);
                const T* ghs = at_step(x.ghs, s, row, t, H);
                const T* gcs = Cell::memory ? at_step(x.gcs, s, row, t, H) : nullptr;
                T *gi = g + i * ldg, *gci = gc + i * H, *to = delta + i * stride;
                each_vector<T>(0, H, [&](auto u, auto n) THROUGHTIME_INLINED {
                    Vec<T> gh = load(gi + u, n) + load(ghs + u, n), gm{};
                    if constexpr (Cell::memory) gm = load(gci + u, n) + load(gcs + u, n);
                    Vec<T> ga[Cell::products] = {};
                    if (runs) Cell::template adjoint<T>(left.at(u, n), gh, gm, ga);
                    store(gi + u, gh, n);
                    if constexpr (Cell::memory) store(gci + u, gm, n);
#pragma GCC unroll 4
                    for (int q = 0; q < Cell::products; ++q) store(to + q * H + u, ga[q], n);
                });
            }
            if (t < shard.longest)
                for (std::int64_t j = 0; j < panels; ++j)
                    rows_times_panel<T>(rows, GH, delta, stride, W.panel(shard.e, j), W.panels.vectors(j),
                                        g + j * Panels<T>::kWidth, ldg, true,
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
                rows_times_panel<T>(rows, together, delta, stride, panel, vectors, gx, width, false);
                if (Cell::split)
                    rows_times_panel<T>(rows, H, delta + GH, stride, panel + together * width, vectors, gx, width, true);
                for (std::int64_t i = 0; i < rows; ++i)
                    std::copy_n(gx + i * width, U.panels.used(j),
                                x.gxs + ((shard.row + i) * s.T + t) * I + j * Panels<T>::kWidth);
            }
            for (std::int64_t i = 0; i < rows; ++i)
                gradient.put(before(x.hs, x.h0, s, shard.row + i, t),
                             t < shard.lengths[i] ? at_step(x.xs, s, shard.row + i, t, I) : nullptr);
        }
        for (std::int64_t i = 0; i < rows; ++i) std::copy_n(g + i * ldg, H, x.gh0 + (shard.row + i) * H);
        if (Cell::memory) std::copy_n(gc + 0, rows * H, x.gc0 + shard.row * H);
    };
    // A few consecutive shards of a network add to one part.
    auto run_part = [&](std::int64_t part) {
        const std::int64_t network = part / parts * shards.count, within = part % parts;
        WeightGradient<Cell, T> gradient(s, std::min(s.B, Shards::kRows));
        for (std::int64_t i = shards.count * within / parts; i < shards.count * (within + 1) / parts; ++i)
            run_shard(network + i, gradient, part);
        gradient.flush(found, part);
    };
    auto sum_row = [&](std::int64_t r) { found.sum(r, x); };
    const double values = weight_count<Cell>(s);
    return parallel_for(workers, s.E * panels, values, pack_W) &&
           (!x.gxs || parallel_for(workers, s.E * U.panels.count(), values, pack_U)) &&
           parallel_for(workers, s.E * parts, 2 * multiply_adds<Cell>(s), run_part) &&
           parallel_for(workers, s.E * GH, values * parts, sum_row);
}

template <class Cell, class T>
constexpr Kernels<T> kernels_of() {
    return {unroll<Cell, T>, unroll_tangent<Cell, T>, unroll_adjoint<Cell, T>};
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
