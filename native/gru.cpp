// The gated recurrent unit, gates (r, z, n); the reset gate scales m = W_n h + d.
//
//   r = logistic(drive_r + W_r h)    z = logistic(drive_z + W_z h)
//   n = tanh(drive_n + r m)          h <- (1 - z) n + z h
#include "through_time.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

struct Gru {
    static constexpr int gates = 3, independent = 2, saved = 4;  // r, z, n, m
    static constexpr bool memory = false, offset = true;

    template <class T>
    static THROUGHTIME_INLINE Vec<T> gate(int, Vec<T> a) { return logistic<T>(a); }

    template <class T>
    static THROUGHTIME_INLINE void forward(const Vec<T>* gate, Vec<T> drive, Vec<T> d, Vec<T>& h, Vec<T>&,
                                           Vec<T>* saved) {
        Vec<T> r = gate[0], z = gate[1], m = gate[2] + d;
        Vec<T> n = tanh<T>(drive + r * m);
        h = (T(1) - z) * n + z * h;
        saved[0] = r, saved[1] = z, saved[2] = n, saved[3] = m;
    }

    template <class T>
    static THROUGHTIME_INLINE void tangent(const Left<T>& left, const Vec<T>* ddrive, const Vec<T>* dWh,
                                           Vec<T> dd, Vec<T>& dh, Vec<T>&) {
        Vec<T> r = left.saved[0], z = left.saved[1], n = left.saved[2], m = left.saved[3];
        Vec<T> dr = r * (T(1) - r) * (ddrive[0] + dWh[0]);
        Vec<T> dz = z * (T(1) - z) * (ddrive[1] + dWh[1]);
        Vec<T> dn = (T(1) - n * n) * (ddrive[2] + dr * m + r * (dWh[2] + dd));
        dh = (T(1) - z) * dn + dz * (left.h_previous - n) + z * dh;
    }

    // ga is the adjoint of the drive, gWh that of W h: they differ in n, by the reset gate.
    template <class T>
    static THROUGHTIME_INLINE void adjoint(const Left<T>& left, Vec<T>& g, Vec<T>&, Vec<T>* ga, Vec<T>* gWh) {
        Vec<T> r = left.saved[0], z = left.saved[1], n = left.saved[2], m = left.saved[3];
        ga[2] = g * (T(1) - z) * (T(1) - n * n);
        ga[1] = g * (left.h_previous - n) * z * (T(1) - z);
        ga[0] = ga[2] * m * r * (T(1) - r);
        gWh[0] = ga[0], gWh[1] = ga[1], gWh[2] = ga[2] * r;
        g = g * z;
    }
};

extern const Kernels<float> gru_f32 = kernels_of<Gru, float>();
extern const Kernels<double> gru_f64 = kernels_of<Gru, double>();

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
