// Long short-term memory, gates (i, f, g, o).
//
//   i, f, o = logistic(W h + b + U x)    g = tanh(W_g h + b_g + U_g x)
//   c <- f c + i g                       h <- o tanh(c)
#include "backwards.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

struct Lstm {
    static constexpr int gates = 4, products = 4, saved = 4;  // i, f, g, o
    static constexpr bool memory = true, split = false;
    static constexpr Part parts[] = {{0, true, true}, {1, true, true}, {2, true, true}, {3, true, true}};

    // The gates that need no other gate, all of them: n values of each.
    template <class T>
    static THROUGHTIME_INLINE void gates_alone(std::int64_t n, T* i) {
        const auto open = [](Vec<T> a) THROUGHTIME_INLINED { return logistic<T>(a); };
        map(2 * n, i, open);
        map(n, i + 2 * n, [](Vec<T> a) THROUGHTIME_INLINED { return tanh<T>(a); });
        map(n, i + 3 * n, open);
    }

    template <class T>
    static THROUGHTIME_INLINE void forward(const Vec<T>* gate, Vec<T>& h, Vec<T>& c, Vec<T>* saved) {
        Vec<T> i = gate[0], f = gate[1], g = gate[2], o = gate[3];
        c = f * c + i * g;
        h = o * tanh<T>(c);
        saved[0] = i, saved[1] = f, saved[2] = g, saved[3] = o;
    }

    template <class T>
    static THROUGHTIME_INLINE void tangent(const Left<T>& left, const Vec<T>* da, Vec<T>& dh, Vec<T>& dc) {
        Vec<T> i = left.saved[0], f = left.saved[1], g = left.saved[2], o = left.saved[3];
        Vec<T> tc = tanh<T>(left.c);
        Vec<T> di = i * (T(1) - i) * da[0];
        Vec<T> df = f * (T(1) - f) * da[1];
        Vec<T> dg = (T(1) - g * g) * da[2];
        Vec<T> d_o = o * (T(1) - o) * da[3];
        dc = df * left.c_previous + f * dc + di * g + i * dg;
        dh = d_o * tc + o * (T(1) - tc * tc) * dc;
    }

    // gc: in, the adjoint of c from later steps; out, that of the previous c.
    template <class T>
    static THROUGHTIME_INLINE void adjoint(const Left<T>& left, Vec<T>& gh, Vec<T>& gc, Vec<T>* ga) {
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
