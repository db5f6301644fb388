// How the work is cut up: shards of the batch, panels of the weights, vectors of units.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels.h"
#include "product.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// body(0) ... body(tasks - 1), shared out among threads if there is enough to do: `work` is the
// number of multiply-adds or copied values of all tasks.
template <class F>
bool parallel_for(const Workers& workers, std::int64_t tasks, double work, F&& body) {
    if (work < 2e5) {  // a few microseconds, as waking a thread would take
        for (std::int64_t i = 0; i < tasks; ++i) body(i);
        return true;
    }
    auto task = [](void* data, std::int64_t i) { (*static_cast<std::remove_reference_t<F>*>(data))(i); };
    return workers.run(workers.context, tasks, task, &body);
}

// The multiply-adds of a run, forwards.
template <class Cell>
double multiply_adds(const Sizes& s) {
    return double(s.E) * s.B * s.T * Cell::gates * s.H * (s.H + s.I);
}

// The values of all weights.
template <class Cell>
double weight_count(const Sizes& s) {
    return double(s.E) * Cell::gates * s.H * (s.H + s.I);
}

// The rows of a batch in equal shards: small enough to share out and to stay in the cache,
// large enough that a panel of weights feeds many rows. A small batch of one network is halved,
// so that two cores have work.
struct Shards {
    static constexpr std::int64_t kRows = 32;  // at most

    std::int64_t count, B;

    explicit Shards(const Sizes& s) : count(ceil_div(s.B, s.E * s.B < 2 * kRows ? kRows / 2 : kRows)), B(s.B) {}
    std::int64_t first(std::int64_t i) const { return B * i / count; }
};

// What one shard works on: network e, the sequences row to row + rows of all (E, B).
struct Shard {
    std::int64_t e, row, rows;
    const std::int32_t* lengths;
    std::int64_t longest = 0;

    Shard(const Shards& shards, std::int64_t i, const std::int32_t* all)
        : e(i / shards.count), row(e * shards.B + shards.first(i % shards.count)),
          rows(e * shards.B + shards.first(i % shards.count + 1) - row), lengths(all + row) {
        for (std::int64_t r = 0; r < rows; ++r) longest = std::max(longest, std::int64_t(lengths[r]));
    }
};

// The weights (W b U) of every network in panels of units, the products of a panel in turn.
// A product may take a part of z = (h, 1, x) only: with (h, 1) its bias is d, else b.
template <class Cell, class T>
class Weights {
  public:
    explicit Weights(const Sizes& s)
        : panels{s.H}, s_(s), size_((s.H + 1 + s.I) * Panels<T>::kWidth),
          data_(tasks() * Cell::products * size_) {}

    const Panels<T> panels;

    std::int64_t tasks() const { return s_.E * panels.count(); }
    std::int64_t k(int q) const { return Cell::parts[q].hidden ? 0 : s_.H; }
    std::int64_t K(int q) const { return s_.H + 1 + (Cell::parts[q].input ? s_.I : 0) - k(q); }
    T* panel(std::int64_t e, std::int64_t j, int q) const {
        return data_ + ((e * panels.count() + j) * Cell::products + q) * size_;
    }

    void fill(std::int64_t task, const T* W, const T* b, const T* d, const T* U) const {
        const std::int64_t e = task / panels.count(), j = task % panels.count(), H = s_.H;
        const int used = panels.used(j), width = panels.width(j);
        for (int q = 0; q < Cell::products; ++q) {
            const auto part = Cell::parts[q];
            const std::int64_t unit = j * Panels<T>::kWidth, gate = (e * Cell::gates + part.gate) * H + unit;
            T* to = panel(e, j, q);
            if (part.hidden) {
                pack_transposed(H, W + gate * H, H, used, width, to);
                to += H * width;
            }
            pack(1, part.input ? b + gate : d + e * H + unit, 0, used, width, to);
            if (part.input) pack_transposed(s_.I, U + gate * s_.I, s_.I, used, width, to + width);
        }
    }

  private:
    Sizes s_;
    std::int64_t size_;
    Buffer<T> data_;
};

// One product of a cell: of which gate's weights, with which parts of z.
struct Part {
    int gate;
    bool hidden, input;
};

// A matrix (E, K, N) of every network in panels of its columns: for products with its transpose.
template <class T>
class Columns {
  public:
    Columns(std::int64_t E, std::int64_t K, std::int64_t N)
        : panels{N}, K_(K), data_(E * K * panels.padded()) {}

    const Panels<T> panels;

    T* panel(std::int64_t e, std::int64_t j) const {
        return data_ + (e * panels.padded() + j * Panels<T>::kWidth) * K_;
    }
    void fill(std::int64_t task, const T* matrix) const {
        const std::int64_t e = task / panels.count(), j = task % panels.count();
        pack(K_, matrix + e * K_ * panels.n + j * Panels<T>::kWidth, panels.n, panels.used(j), panels.width(j),
             panel(e, j));
    }

  private:
    std::int64_t K_;
    Buffer<T> data_;
};

// f applied to n values, a whole number of vectors, in place.
template <class T, class F>
THROUGHTIME_INLINE void map(std::int64_t n, T* p, F&& f) {
    for (std::int64_t i = 0; i < n; i += kLanes<T>) store(p + i, f(load(p + i)));
}

// Whether `n` arrays (E, B, T, H) are more than a core's own cache holds.
template <class T>
bool exceeds_cache(const Sizes& s, std::int64_t n) {
    return double(s.E) * s.B * s.T * s.H * n * sizeof(T) > 1e6;
}

// Asks for `rows` rows of `n` values ahead of time, while a product keeps the processor busy:
// the stride between rows hides them from the hardware's own prefetching.
template <class T>
THROUGHTIME_INLINE void prefetch(const T* p, std::int64_t rows, std::int64_t stride, int n) {
    constexpr int line = 64 / int(sizeof(T));
    for (std::int64_t i = 0; i < rows; ++i)
        for (int k = 0; k < n; k += line) __builtin_prefetch(p + i * stride + k, 0, 2);
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
