// The gated recurrent unit, gates (r, z, n); the reset gate scales m = W_n h + d.
//
//   r = logistic(W_r h + b_r + U_r x)    z = logistic(W_z h + b_z + U_z x)
//   n = tanh(b_n + U_n x + r m)          h <- (1 - z) n + z h
#include "backwards.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

struct Gru {
    static constexpr int gates = 3, products = 4, saved = 4;  // r, z, n, m
    static constexpr bool memory = false, split = true;
    static constexpr Part parts[] = {{0, true, true}, {1, true, true}, {2, true, false}, {2, false, true}};

    // The gates that need no other gate: n values of each.
    template <class T>
    static THROUGHTIME_INLINE void gates_alone(std::int64_t n, T* r) {
        map(2 * n, r, [](Vec<T> a) THROUGHTIME_INLINED { return logistic<T>(a); });
    }

    template <class T>
    static THROUGHTIME_INLINE void forward(const Vec<T>* gate, Vec<T>& h, Vec<T>&, Vec<T>* saved) {
        Vec<T> r = gate[0], z = gate[1], m = gate[2];
        Vec<T> n = tanh<T>(gate[3] + r * m);
        h = (T(1) - z) * n + z * h;
        saved[0] = r, saved[1] = z, saved[2] = n, saved[3] = m;
    }

    template <class T>
    static THROUGHTIME_INLINE void tangent(const Left<T>& left, const Vec<T>* da, Vec<T>& dh, Vec<T>&) {
        Vec<T> r = left.saved[0], z = left.saved[1], n = left.saved[2], m = left.saved[3];
        Vec<T> dr = r * (T(1) - r) * da[0];
        Vec<T> dz = z * (T(1) - z) * da[1];
        Vec<T> dn = (T(1) - n * n) * (da[3] + dr * m + r * da[2]);
        dh = (T(1) - z) * dn + dz * (left.h_previous - n) + z * dh;
    }

    template <class T>
    static THROUGHTIME_INLINE void adjoint(const Left<T>& left, Vec<T>& g, Vec<T>&, Vec<T>* ga) {
        Vec<T> r = left.saved[0], z = left.saved[1], n = left.saved[2], m = left.saved[3];
        ga[3] = g * (T(1) - z) * (T(1) - n * n);
        ga[2] = ga[3] * r;
        ga[1] = g * (left.h_previous - n) * z * (T(1) - z);
        ga[0] = ga[3] * m * r * (T(1) - r);
        g = g * z;
    }
};

extern const Kernels<float> gru_f32 = kernels_of<Gru, float>();
extern const Kernels<double> gru_f64 = kernels_of<Gru, double>();

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
