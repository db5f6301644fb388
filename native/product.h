// Matrix products for the recurrence, by register blocks: kRows rows times two vectors of
// columns stay in registers while k runs, so that each loaded weight feeds kRows multiply-adds.
//
// The right factor is packed once into panels, two vectors wide and zero-padded, that are read
// from front to back; any number of rows, columns and steps of k is allowed.
#pragma once

#include <new>

#include "vectors.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// Uninitialised memory on a cache line's boundary.
template <class T>
class Buffer {
  public:
    explicit Buffer(std::int64_t n)
        : data_(static_cast<T*>(::operator new(n * sizeof(T) + kLine, std::align_val_t(kLine)))) {}
    ~Buffer() { ::operator delete(data_, std::align_val_t(kLine)); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    operator T*() const { return data_; }

  private:
    static constexpr std::size_t kLine = 64;
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
                     bool add) {
    if constexpr (MR > 1)
        if (rows < MR) return block_of<T, NV, MR - 1>(rows, K, a, lda, b, c, add);
    constexpr int width = NV * kLanes<T>;
    block<T, MR, NV, false>(K, a, lda, b, width, c, width, add);
}

// c = a b for any number of rows, shared out evenly among register blocks. `before(first, n)` is
// called ahead of the rows of every block: it may ask for memory that is needed soon.
template <class T, class F>
THROUGHTIME_INLINE void rows_times_panel(std::int64_t rows, std::int64_t K, const T* a, std::int64_t lda,
                                         const T* b, int vectors, T* c, bool add, F&& before) {
    const std::int64_t blocks = ceil_div(rows, kRows);
    const auto multiply = vectors == 2 ? block_of<T, 2> : block_of<T, 1>;
    for (std::int64_t i = 0; i < blocks; ++i) {
        const std::int64_t first = rows * i / blocks, n = rows * (i + 1) / blocks - first;
        before(first, n);
        multiply(int(n), K, a + first * lda, lda, b, c + first * vectors * kLanes<T>, add);
    }
}

template <class T>
THROUGHTIME_INLINE void rows_times_panel(std::int64_t rows, std::int64_t K, const T* a, std::int64_t lda,
                                         const T* b, int vectors, T* c, bool add) {
    rows_times_panel<T>(rows, K, a, lda, b, vectors, c, add, [](std::int64_t, std::int64_t) {});
}

// The panel b[k][j] = M[j * row + k * column], j < used, zero up to the panel's width.
template <class T>
inline void pack(std::int64_t K, const T* M, std::int64_t row, std::int64_t column, int used,
                 int width, T* b) {
    constexpr std::int64_t some = 16;  // a cache line's worth, when M is read across
    for (std::int64_t first = 0; first < K; first += some) {
        const std::int64_t last = first + some < K ? first + some : K;
        for (int j = 0; j < width; ++j)
            for (std::int64_t k = first; k < last; ++k)
                b[k * width + j] = j < used ? M[j * row + k * column] : T(0);
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
        constexpr int L = kLanes<T>;
        for (std::int64_t j = 0; j < panels.count(); ++j)
            for (int v = 0; v < panels.vectors(j); ++v) {
                const int n = panels.used(j) - v * L;
                const T* from = row + j * Panels<T>::kWidth + v * L;
                store(panel(j) + k * panels.width(j) + v * L, n >= L ? load(from) : load(from, n));
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
