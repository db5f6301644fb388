// The Elman network: h = activation(W h + b + U x).
#include "backwards.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

// The activations, and their slopes as functions of what they returned.
struct Tanh {
    template <class T>
    static THROUGHTIME_INLINE Vec<T> value(Vec<T> a) { return tanh<T>(a); }
    template <class T>
    static THROUGHTIME_INLINE Vec<T> slope(Vec<T> h) { return T(1) - h * h; }
};

struct Relu {
    template <class T>
    static THROUGHTIME_INLINE Vec<T> value(Vec<T> a) { return a < 0 ? Vec<T>{} : a; }  // NaN stays
    template <class T>
    static THROUGHTIME_INLINE Vec<T> slope(Vec<T> h) { return h > 0 ? splat(T(1)) : Vec<T>{}; }
};

struct Logistic {
    template <class T>
    static THROUGHTIME_INLINE Vec<T> value(Vec<T> a) { return logistic<T>(a); }
    template <class T>
    static THROUGHTIME_INLINE Vec<T> slope(Vec<T> h) { return h * (T(1) - h); }
};

struct Identity {
    template <class T>
    static THROUGHTIME_INLINE Vec<T> value(Vec<T> a) { return a; }
    template <class T>
    static THROUGHTIME_INLINE Vec<T> slope(Vec<T>) { return splat(T(1)); }
};

template <class Activation>
struct Rnn {
    static constexpr int gates = 1, products = 1, saved = 0;
    static constexpr bool memory = false, split = false;
    static constexpr Part parts[] = {{0, true, true}};

    template <class T>
    static THROUGHTIME_INLINE void gates_alone(std::int64_t, T*) {}

    template <class T>
    static THROUGHTIME_INLINE void forward(const Vec<T>* a, Vec<T>& h, Vec<T>&, Vec<T>*) {
        h = Activation::template value<T>(a[0]);
    }

    template <class T>
    static THROUGHTIME_INLINE void tangent(const Left<T>& left, const Vec<T>* da, Vec<T>& dh, Vec<T>&) {
        dh = Activation::template slope<T>(left.h) * da[0];
    }

    // g: in, the adjoint of h; out, what of it goes to the previous h other than through W.
    template <class T>
    static THROUGHTIME_INLINE void adjoint(const Left<T>& left, Vec<T>& g, Vec<T>&, Vec<T>* ga) {
        ga[0] = Activation::template slope<T>(left.h) * g;
        g = Vec<T>{};
    }
};

extern const Kernels<float> rnn_f32[4] = {
    kernels_of<Rnn<Tanh>, float>(), kernels_of<Rnn<Relu>, float>(),
    kernels_of<Rnn<Logistic>, float>(), kernels_of<Rnn<Identity>, float>()};
extern const Kernels<double> rnn_f64[4] = {
    kernels_of<Rnn<Tanh>, double>(), kernels_of<Rnn<Relu>, double>(),
    kernels_of<Rnn<Logistic>, double>(), kernels_of<Rnn<Identity>, double>()};

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
