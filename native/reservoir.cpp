// A reservoir along a drive: weights that are not trained, dense or sparse, and leaky units.
//
//   h <- (1 - a) h + a f(rho W h + sigma d + b) + nu
//
// for several (a, rho, sigma) at once that share W, b, d and nu.
#include "kernels.h"
#include "product.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// W h of every setting, by the rows of a sparse matrix.
template <class T>
class SparseProduct {
  public:
    explicit SparseProduct(const Reservoir<T>& x) : x_(x) {}

    void operator()(const T* h, T* z, std::int64_t ldz) const {
        for (std::int64_t r = 0; r < x_.R; ++r)
            for (std::int64_t i = 0; i < x_.N; ++i) z[r * ldz + i] = row(i, h + r * x_.N);
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

// The same of a dense matrix: its rows are the columns of panels, so that each loaded weight serves
// all settings.
template <class T>
class DenseProduct {
  public:
    explicit DenseProduct(const Reservoir<T>& x) : panels_{x.N}, N_(x.N), R_(x.R), data_(x.N * panels_.padded()) {
        for (std::int64_t j = 0; j < panels_.count(); ++j)
            pack_transposed(N_, x.W + j * Panels<T>::kWidth * N_, N_, panels_.used(j), panels_.width(j), panel(j));
    }

    void operator()(const T* h, T* z, std::int64_t ldz) const {
        for (std::int64_t j = 0; j < panels_.count(); ++j)
            rows_times_panel<T>(R_, N_, h, N_, panel(j), panels_.vectors(j), z + j * Panels<T>::kWidth, ldz, false);
    }

  private:
    T* panel(std::int64_t j) const { return data_ + j * Panels<T>::kWidth * N_; }

    const Panels<T> panels_;
    std::int64_t N_, R_;
    Buffer<T> data_;
};

template <class T, bool Linear, class Product>
void run(const Reservoir<T>& x, const Product& product) {
    const std::int64_t N = x.N, ldz = Panels<T>{N}.padded();
    Buffer<T> z(x.R * ldz);
    const T* before = x.state;
    for (std::int64_t t = 0; t < x.steps; ++t) {
        T* now = x.states + t * x.R * N;
        const T *d = x.drive + t * N, *nu = x.noise ? x.noise + t * N : nullptr;
        product(before, z, ldz);
        for (std::int64_t r = 0; r < x.R; ++r) {
            const T a = x.leak[r], rho = x.radius[r], sigma = x.scale[r];
            const T *old = before + r * N, *zr = z + r * ldz;
            T* h = now + r * N;
            each_vector<T>(0, N, [&](auto u, auto n) THROUGHTIME_INLINED {
                Vec<T> v = rho * load(zr + u, n) + sigma * load(d + u, n) + load(x.b + u, n);
                if (!Linear) v = tanh<T>(v);
                v = (T(1) - a) * load(old + u, n) + a * v;
                if (nu) v += load(nu + u, n);
                store(h + u, v, n);
            });
        }
        before = now;
    }
}

template <class T>
void run_reservoir(const Reservoir<T>& x) {
    const auto by = [&](const auto& product) {
        return x.linear ? run<T, true>(x, product) : run<T, false>(x, product);
    };
    x.starts ? by(SparseProduct<T>(x)) : by(DenseProduct<T>(x));
}

extern const RunReservoir<float> reservoir_f32 = run_reservoir<float>;
extern const RunReservoir<double> reservoir_f64 = run_reservoir<double>;

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
