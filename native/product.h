// Matrix products for the recurrence, by register blocks: kRows rows times two vectors of
// columns stay in registers while k runs, so that each loaded weight feeds kRows multiply-adds.
//
// The right factor is packed once into panels, two vectors wide and zero-padded, that are read
// from front to back; any number of rows, columns and steps of k is allowed.
#pragma once

#include <new>
#include <utility>

#include "vectors.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// Memory that a thread gave back, for its next buffers: to get fresh pages from the system, and to
// give them back, would cost as much as a small product.
class Spare {
  public:
    static constexpr std::size_t kLine = 64;

    ~Spare() {
        for (const Block& block : blocks_) ::operator delete(block.data, std::align_val_t(kLine));
    }
    void* take(std::size_t bytes) {
        for (Block& block : blocks_)
            if (block.data && block.bytes == bytes) return std::exchange(block.data, nullptr);
        return ::operator new(bytes, std::align_val_t(kLine));
    }
    void put(void* data, std::size_t bytes) {
        if (bytes <= kMost) {
            Block* place = blocks_;  // an empty one, else each in turn
            while (place < blocks_ + kBlocks && place->data) ++place;
            if (place == blocks_ + kBlocks) place = blocks_ + next_++ % kBlocks;
            data = std::exchange(place->data, data);
            place->bytes = bytes;
        }
        ::operator delete(data, std::align_val_t(kLine));
    }

  private:
    // A thread keeps 4 MiB at most. Sanitizers are to see every buffer's own end and life.
#if defined(__SANITIZE_ADDRESS__)
    static constexpr std::size_t kMost = 0;
#else
    static constexpr std::size_t kMost = 1 << 18;
#endif
    static constexpr std::size_t kBlocks = 16;
    struct Block {
        void* data = nullptr;
        std::size_t bytes = 0;
    };
    Block blocks_[kBlocks];
    std::size_t next_ = 0;
};

inline Spare& spare() {
    static thread_local Spare memory;
    return memory;
}

// Uninitialised memory on a cache line's boundary.
template <class T>
class Buffer {
  public:
    explicit Buffer(std::int64_t n)
        : bytes_(n * sizeof(T) + Spare::kLine), data_(static_cast<T*>(spare().take(bytes_))) {}
    ~Buffer() { spare().put(data_, bytes_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    operator T*() const { return data_; }

  private:
    std::size_t bytes_;
    T* data_;
};

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The columns 0..n in panels of two vectors; the last has one if no more is needed.
template <class T>
struct Panels {
    static constexpr int kWidth = 2 * kLanes<T>;
    std::int64_t n;

    std::int64_t count() const { return ceil_div(n, kWidth); }
    int vectors(std::int64_t j) const { return n - j * kWidth > kLanes<T> ? 2 : 1; }
    int width(std::int64_t j) const { return vectors(j) * kLanes<T>; }
    int used(std::int64_t j) const { return n - j * kWidth < kWidth ? int(n - j * kWidth) : kWidth; }
    std::int64_t padded() const { return (count() - 1) * kWidth + width(count() - 1); }
};

// c (MR rows x NV vectors) = a b, or += if `add`. b has K rows of NV vectors, ldb values apart.
// a(i, k) is a[i * lda + k], or a[k * lda + i] if `Transposed`.
template <class T, int MR, int NV, bool Transposed>
THROUGHTIME_INLINE void block(std::int64_t K, const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T* c,
                              std::int64_t ldc, bool add) {
    constexpr int L = kLanes<T>;
    // With few rows the chains of dependent sums are too short to fill the pipeline: several
    // steps of k get sums of their own.
    constexpr int S = MR * NV >= 8 ? 1 : MR * NV >= 4 ? 2 : 4;
    Vec<T> sum[S][MR][NV] = {};
    std::int64_t k = 0;
    for (; k + S <= K; k += S) {
#pragma GCC unroll 4
        for (int s = 0; s < S; ++s) {
            Vec<T> w[NV];
#pragma GCC unroll 2
            for (int v = 0; v < NV; ++v) w[v] = load(b + (k + s) * ldb + v * L);
#pragma GCC unroll 8
            for (int i = 0; i < MR; ++i) {
                Vec<T> x = splat(Transposed ? a[(k + s) * lda + i] : a[i * lda + k + s]);
#pragma GCC unroll 2
                for (int v = 0; v < NV; ++v) sum[s][i][v] += x * w[v];
            }
        }
    }
    for (; k < K; ++k)
#pragma GCC unroll 8
        for (int i = 0; i < MR; ++i) {
            Vec<T> x = splat(Transposed ? a[k * lda + i] : a[i * lda + k]);
#pragma GCC unroll 2
            for (int v = 0; v < NV; ++v) sum[0][i][v] += x * load(b + k * ldb + v * L);
        }
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i, c += ldc)
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) {
            Vec<T> total = sum[0][i][v];
#pragma GCC unroll 4
            for (int s = 1; s < S; ++s) total += sum[s][i][v];
            if (add) total += load(c + v * L);
            store(c + v * L, total);
        }
}

template <class T, int NV, int MR = kRows>
inline void block_of(int rows, std::int64_t K, const T* a, std::int64_t lda, const T* b, T* c,
                     std::int64_t ldc, bool add) {
    if constexpr (MR > 1)
        if (rows < MR) return block_of<T, NV, MR - 1>(rows, K, a, lda, b, c, ldc, add);
    block<T, MR, NV, false>(K, a, lda, b, NV * kLanes<T>, c, ldc, add);
}

// c = a b for any number of rows, shared out evenly among register blocks. `before(first, n)` is
// called ahead of the rows of every block: it may ask for memory that is needed soon.
template <class T, class F>
THROUGHTIME_INLINE void rows_times_panel(std::int64_t rows, std::int64_t K, const T* a, std::int64_t lda, const T* b,
                                         int vectors, T* c, std::int64_t ldc, bool add, F&& before) {
    const std::int64_t blocks = ceil_div(rows, kRows);
    const auto multiply = vectors == 2 ? block_of<T, 2> : block_of<T, 1>;
    for (std::int64_t i = 0; i < blocks; ++i) {
        const std::int64_t first = rows * i / blocks, n = rows * (i + 1) / blocks - first;
        before(first, n);
        multiply(int(n), K, a + first * lda, lda, b, c + first * ldc, ldc, add);
    }
}

template <class T>
THROUGHTIME_INLINE void rows_times_panel(std::int64_t rows, std::int64_t K, const T* a, std::int64_t lda, const T* b,
                                         int vectors, T* c, std::int64_t ldc, bool add) {
    rows_times_panel<T>(rows, K, a, lda, b, vectors, c, ldc, add, [](std::int64_t, std::int64_t) {});
}

// Calls f(v, n) for the vectors v, v + lanes, ... of `count` values from `first` on. n says how many
// values there are: `Full`, or a number for the last, partial vector.
struct Full {};

template <class T>
THROUGHTIME_INLINE Vec<T> load(const T* p, Full) {
    return load(p);
}
template <class T>
THROUGHTIME_INLINE void store(T* p, Vec<T> v, Full) {
    store(p, v);
}

template <class T, class F>
THROUGHTIME_INLINE void each_vector(std::int64_t first, std::int64_t count, F&& f) {
    constexpr int L = kLanes<T>;
    const std::int64_t end = first + count;
    for (; first + L <= end; first += L) f(first, Full{});
    if (first < end) f(first, int(end - first));
}

template <class T>
THROUGHTIME_INLINE void copy(const T* from, std::int64_t n, T* to) {
    each_vector<T>(0, n, [&](auto v, auto part) THROUGHTIME_INLINED { store(to + v, load(from + v, part), part); });
}

// The panel b[k][j] = M[k * stride + j], j < used, zero up to the panel's width.
template <class T>
inline void pack(std::int64_t K, const T* M, std::int64_t stride, int used, int width, T* b) {
    for (std::int64_t k = 0; k < K; ++k) {
        copy(M + k * stride, used, b + k * width);
        for (int j = used; j < width; ++j) b[k * width + j] = 0;
    }
}

// The same of a transpose, b[k][j] = M[j * stride + k].
template <class T>
inline void pack_transposed(std::int64_t K, const T* M, std::int64_t stride, int used, int width, T* b) {
    constexpr int L = kLanes<T>;
    for (int j = 0; j < width; j += L) {
        std::int64_t k = 0;
#ifdef THROUGHTIME_TRANSPOSE
        for (; j + L <= used && k + L <= K; k += L) {
            Vec<T> square[L];
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) square[i] = load(M + (j + i) * stride + k);
            transpose<T>(square, std::make_index_sequence<L>{});
#pragma GCC unroll 16
            for (int i = 0; i < L; ++i) store(b + (k + i) * width + j, square[i]);
        }
#endif
        for (; k < K; ++k)
            for (int i = j; i < j + L; ++i) b[k * width + i] = i < used ? M[i * stride + k] : T(0);
    }
}

// A power of two between rows or panels would put them all into one set of the cache.
constexpr std::int64_t kStagger = 16;

// Right factors: rows of N values, packed in panels.
template <class T>
class PanelRows {
  public:
    PanelRows(std::int64_t N, std::int64_t capacity)
        : panels{N}, stride_(capacity + kStagger / 8), data_(panels.padded() * stride_) {}

    const Panels<T> panels;

    T* panel(std::int64_t j) const { return data_ + j * Panels<T>::kWidth * stride_; }

    void put(std::int64_t k, const T* row) {
        for (std::int64_t j = 0; j < panels.count(); ++j) {
            T* to = panel(j) + k * panels.width(j);
            const T* from = row + j * Panels<T>::kWidth;
            each_vector<T>(0, panels.used(j), [&](auto v, auto n) THROUGHTIME_INLINED { store(to + v, load(from + v, n)); });
        }
    }

  private:
    std::int64_t stride_;
    Buffer<T> data_;
};

// out (M x N) = the sum over k < K of left(k)' right(k), or += if `add`; left is (K, M) with rows
// `ldl` apart, right is (K, N): the panel j begins at `panel(j)`, its rows are `ldr(j)` apart. Of
// both, as much may be read as fills the last block.
template <class T, class Panel, class Stride>
void add_outer_products(std::int64_t K, const T* left, std::int64_t M, std::int64_t ldl, Panels<T> panels,
                        Panel&& panel, Stride&& ldr, T* out, std::int64_t ldo, bool add) {
    T corner[kRows * Panels<T>::kWidth];
    for (std::int64_t j = 0; j < panels.count(); ++j)
        for (std::int64_t i = 0; i < M; i += kRows) {
            const int used = panels.used(j), width = panels.width(j);
            T* to = out + i * ldo + j * Panels<T>::kWidth;
            const bool whole = i + kRows <= M && used == width;
            T* c = whole ? to : corner;
            const std::int64_t ldc = whole ? ldo : width;
            if (panels.vectors(j) == 2)
                block<T, kRows, 2, true>(K, left + i, ldl, panel(j), ldr(j), c, ldc, add && whole);
            else
                block<T, kRows, 1, true>(K, left + i, ldl, panel(j), ldr(j), c, ldc, add && whole);
            if (whole) continue;
            for (std::int64_t r = 0; r < kRows && i + r < M; ++r)
                for (int k = 0; k < used; ++k) to[r * ldo + k] = (add ? to[r * ldo + k] : 0) + corner[r * width + k];
        }
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
