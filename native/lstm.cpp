// Long short-term memory, gates (i, f, g, o).
//
//   i, f, o = logistic(drive + W h)    g = tanh(drive_g + W_g h)
//   c <- f c + i g                     h <- o tanh(c)
#include "through_time.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

struct Lstm {
    static constexpr int gates = 4, independent = 4, saved = 4;  // i, f, g, o
    static constexpr bool memory = true, offset = false;

    template <class T>
    static THROUGHTIME_INLINE Vec<T> gate(int g, Vec<T> a) { return g == 2 ? tanh<T>(a) : logistic<T>(a); }

    template <class T>
    static THROUGHTIME_INLINE void forward(const Vec<T>* gate, Vec<T>, Vec<T>, Vec<T>& h, Vec<T>& c,
                                           Vec<T>* saved) {
        Vec<T> i = gate[0], f = gate[1], g = gate[2], o = gate[3];
        c = f * c + i * g;
        h = o * tanh<T>(c);
        saved[0] = i, saved[1] = f, saved[2] = g, saved[3] = o;
    }

    template <class T>
    static THROUGHTIME_INLINE void tangent(const Left<T>& left, const Vec<T>* ddrive, const Vec<T>* dWh,
                                           Vec<T>, Vec<T>& dh, Vec<T>& dc) {
        Vec<T> i = left.saved[0], f = left.saved[1], g = left.saved[2], o = left.saved[3];
        Vec<T> tc = tanh<T>(left.c);
        Vec<T> di = i * (T(1) - i) * (ddrive[0] + dWh[0]);
        Vec<T> df = f * (T(1) - f) * (ddrive[1] + dWh[1]);
        Vec<T> dg = (T(1) - g * g) * (ddrive[2] + dWh[2]);
        Vec<T> d_o = o * (T(1) - o) * (ddrive[3] + dWh[3]);
        dc = df * left.c_previous + f * dc + di * g + i * dg;
        dh = d_o * tc + o * (T(1) - tc * tc) * dc;
    }

    // gc: in, the adjoint of c from later steps; out, that of the previous c.
    template <class T>
    static THROUGHTIME_INLINE void adjoint(const Left<T>& left, Vec<T>& gh, Vec<T>& gc, Vec<T>* ga, Vec<T>*) {
        Vec<T> i = left.saved[0], f = left.saved[1], g = left.saved[2], o = left.saved[3];
        Vec<T> tc = tanh<T>(left.c);
        gc += gh * o * (T(1) - tc * tc);
        ga[0] = gc * g * i * (T(1) - i);
        ga[1] = gc * left.c_previous * f * (T(1) - f);
        ga[2] = gc * i * (T(1) - g * g);
        ga[3] = gh * tc * o * (T(1) - o);
        gc = gc * f;
        gh = Vec<T>{};
    }
};

extern const Kernels<float> lstm_f32 = kernels_of<Lstm, float>();
extern const Kernels<double> lstm_f64 = kernels_of<Lstm, double>();

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
