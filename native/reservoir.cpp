// A reservoir along a drive: weights that are not trained, dense or sparse, and leaky units.
//
//   h <- (1 - a) h + a f(rho W h + sigma d + b) + nu
//
// for several (a, rho, sigma) at once that share W, b, d and nu.
#include <algorithm>
#include <utility>

#include "kernels.h"
#include "product.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// W h of one setting, by the rows of a sparse matrix.
template <class T>
class SparseProduct {
  public:
    explicit SparseProduct(const Reservoir<T>& x) : x_(x) {}

    void operator()(const T* h, std::int64_t, T* z, std::int64_t) const {
        for (std::int64_t i = 0; i < x_.N; ++i) z[i] = row(i, h);
    }

  private:
    T row(std::int64_t i, const T* h) const {
        T sum[4] = {};  // one sum would wait for itself
        std::int64_t k = x_.starts[i];
        const std::int64_t end = x_.starts[i + 1];
        for (; k + 4 <= end; k += 4)
#pragma GCC unroll 4
            for (int j = 0; j < 4; ++j) sum[j] += x_.W[k + j] * h[x_.columns[k + j]];
        for (; k < end; ++k) sum[0] += x_.W[k] * h[x_.columns[k]];
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }

    const Reservoir<T>& x_;
};

// W h of every setting, by a dense matrix: its rows are the columns of panels, so that each loaded
// weight serves all settings.
template <class T>
class DenseProduct {
  public:
    explicit DenseProduct(const Reservoir<T>& x) : panels_{x.N}, N_(x.N), R_(x.R), data_(x.N * panels_.padded()) {
        for (std::int64_t j = 0; j < panels_.count(); ++j)
            pack_transposed(N_, x.W + j * Panels<T>::kWidth * N_, N_, panels_.used(j), panels_.width(j), panel(j));
    }

    void operator()(const T* h, std::int64_t ldh, T* z, std::int64_t ldz) const {
        for (std::int64_t j = 0; j < panels_.count(); ++j)
            rows_times_panel<T>(R_, N_, h, ldh, panel(j), panels_.vectors(j), z + j * Panels<T>::kWidth, ldz, false);
    }

  private:
    T* panel(std::int64_t j) const { return data_ + j * Panels<T>::kWidth * N_; }

    const Panels<T> panels_;
    std::int64_t N_, R_;
    Buffer<T> data_;
};

// One step of a unit, or of several: z is W h.
template <class T, bool Linear>
THROUGHTIME_INLINE Vec<T> stepped(Vec<T> z, Vec<T> d, Vec<T> b, Vec<T> old, Vec<T> a, Vec<T> rho, Vec<T> sigma) {
    Vec<T> v = rho * z + sigma * d + b;
    if (!Linear) v = tanh<T>(v);
    return (T(1) - a) * old + a * v;
}

// Setting after setting.
template <class T, bool Linear, class Product>
void run(const Reservoir<T>& x, const Product& product) {
    const std::int64_t N = x.N, ldz = Panels<T>{N}.padded();
    Buffer<T> z(x.R * ldz);
    const T* before = x.state;
    std::int64_t apart = N;  // from the state of a setting to the next one's
    for (std::int64_t t = 0; t < x.steps; ++t) {
        const T *d = x.drive + t * N, *nu = x.noise ? x.noise + t * N : nullptr;
        product(before, apart, z, ldz);
        for (std::int64_t r = 0; r < x.R; ++r) {
            const Vec<T> a = splat<T>(x.leak[r]), rho = splat<T>(x.radius[r]), sigma = splat<T>(x.scale[r]);
            const T *old = before + r * apart, *zr = z + r * ldz;
            T* h = x.states + (r * x.steps + t) * N;
            each_vector<T>(0, N, [&](auto u, auto n) THROUGHTIME_INLINED {
                Vec<T> v = stepped<T, Linear>(load(zr + u, n), load(d + u, n), load(x.b + u, n), load(old + u, n), a,
                                              rho, sigma);
                if (nu) v += load(nu + u, n);
                store(h + u, v, n);
            });
        }
        before = x.states + t * N;
        apart = x.steps * N;
    }
}

// to[r][i] = h[i * width + r] for the first R < width settings of a vector.
template <class T>
void scatter(std::int64_t N, const T* h, std::int64_t width, std::int64_t R, T* to, std::int64_t apart) {
    std::int64_t i = 0;
#ifdef THROUGHTIME_TRANSPOSE
    constexpr int L = kLanes<T>;
    for (; i + L <= N; i += L) {
        Vec<T> square[L];
#pragma GCC unroll 16
        for (int j = 0; j < L; ++j) square[j] = load(h + (i + j) * width);
        transpose<T>(square, std::make_index_sequence<L>{});
        for (std::int64_t r = 0; r < R; ++r) store(to + r * apart + i, square[r]);
    }
#endif
    for (; i < N; ++i)
        for (std::int64_t r = 0; r < R; ++r) to[r * apart + i] = h[i * width + r];
}

// Several settings of a sparse matrix: those of a unit lie side by side, so that each loaded weight
// serves a vector of them.
template <class T, bool Linear>
void run_side_by_side(const Reservoir<T>& x) {
    constexpr int L = kLanes<T>;
    const std::int64_t N = x.N;
    Buffer<T> states(2 * N * L);
    for (std::int64_t first = 0; first < x.R; first += L) {
        const std::int64_t R = std::min<std::int64_t>(L, x.R - first);
        T *before = states, *now = before + N * L;
        std::fill(before, before + 2 * N * L, T(0));
        for (std::int64_t r = 0; r < R; ++r)
            for (std::int64_t i = 0; i < N; ++i) before[i * L + r] = x.state[(first + r) * N + i];
        const Vec<T> a = load(x.leak + first, int(R)), rho = load(x.radius + first, int(R)),
                     sigma = load(x.scale + first, int(R));
        for (std::int64_t t = 0; t < x.steps; ++t) {
            const T *d = x.drive + t * N, *nu = x.noise ? x.noise + t * N : nullptr;
            for (std::int64_t i = 0; i < N; ++i) {
                Vec<T> sum[4] = {};
                std::int64_t k = x.starts[i];
                const std::int64_t end = x.starts[i + 1];
                for (; k + 4 <= end; k += 4)
#pragma GCC unroll 4
                    for (int j = 0; j < 4; ++j) sum[j] += x.W[k + j] * load(before + x.columns[k + j] * L);
                for (; k < end; ++k) sum[0] += x.W[k] * load(before + x.columns[k] * L);
                Vec<T> v = stepped<T, Linear>((sum[0] + sum[1]) + (sum[2] + sum[3]), splat<T>(d[i]), splat<T>(x.b[i]),
                                              load(before + i * L), a, rho, sigma);
                if (nu) v += nu[i];
                store(now + i * L, v);
            }
            scatter(N, now, L, R, x.states + (first * x.steps + t) * N, x.steps * N);
            std::swap(before, now);
        }
    }
}

template <class T, bool Linear>
void run_kind(const Reservoir<T>& x) {
    if (!x.starts) return run<T, Linear>(x, DenseProduct<T>(x));
    x.R == 1 ? run<T, Linear>(x, SparseProduct<T>(x)) : run_side_by_side<T, Linear>(x);
}

template <class T>
void run_reservoir(const Reservoir<T>& x) {
    x.linear ? run_kind<T, true>(x) : run_kind<T, false>(x);
}

extern const RunReservoir<float> reservoir_f32 = run_reservoir<float>;
extern const RunReservoir<double> reservoir_f64 = run_reservoir<double>;

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
