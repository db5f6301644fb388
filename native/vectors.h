// Vectors of the instruction set that this file is compiled for, by the compiler's own vector
// types: full and partial loads and stores, and the activations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

// Every function that is compiled once per instruction set lives in a namespace of its own:
// the linker must never give the older machine the newer code.
namespace throughtime {
namespace THROUGHTIME_ISA {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
constexpr int kRows = 8;  // rows of a register block, 2 vectors wide: 16 of 32 registers
#elif defined(__AVX2__)
constexpr int kBytes = 32;
constexpr int kRows = 6;  // 12 of 16 registers
#else
constexpr int kBytes = 16;
constexpr int kRows = 6;
#endif

template <class T>
struct Types;
template <>
struct Types<float> {
    typedef float V __attribute__((vector_size(kBytes)));
    typedef float Unaligned __attribute__((vector_size(kBytes), aligned(sizeof(float))));
    typedef std::uint32_t U __attribute__((vector_size(kBytes)));
};
template <>
struct Types<double> {
    typedef double V __attribute__((vector_size(kBytes)));
    typedef double Unaligned __attribute__((vector_size(kBytes), aligned(sizeof(double))));
    typedef std::uint64_t U __attribute__((vector_size(kBytes)));
};
template <class T>
using Vec = typename Types<T>::V;

template <class T>
constexpr int kLanes = kBytes / int(sizeof(T));

#define THROUGHTIME_INLINED __attribute__((always_inline))
#define THROUGHTIME_INLINE inline THROUGHTIME_INLINED

template <class T>
THROUGHTIME_INLINE Vec<T> splat(T x) {
    return x - Vec<T>{};  // x - 0 is x, also for -0: the compiler broadcasts
}

// Not by `memcpy`: to the compiler that may write to anything, so that a loop with a store would
// read all its sizes and pointers again.
template <class T>
THROUGHTIME_INLINE Vec<T> load(const T* p) {
    return *reinterpret_cast<const typename Types<T>::Unaligned*>(p);
}

template <class T>
THROUGHTIME_INLINE void store(T* p, Vec<T> v) {
    *reinterpret_cast<typename Types<T>::Unaligned*>(p) = v;
}

// The first n lanes, 0 < n <= lanes; the others are zero, and their memory is not touched.
#if defined(__AVX512F__)
THROUGHTIME_INLINE Vec<float> load(const float* p, int n) {
    return (Vec<float>)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
}
THROUGHTIME_INLINE Vec<double> load(const double* p, int n) {
    return (Vec<double>)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
}
THROUGHTIME_INLINE void store(float* p, Vec<float> v, int n) {
    _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
}
THROUGHTIME_INLINE void store(double* p, Vec<double> v, int n) {
    _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)v);
}
#elif defined(__AVX2__)
THROUGHTIME_INLINE __m256i first_lanes32(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
THROUGHTIME_INLINE __m256i first_lanes64(int n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
THROUGHTIME_INLINE Vec<float> load(const float* p, int n) {
    return (Vec<float>)_mm256_maskload_ps(p, first_lanes32(n));
}
THROUGHTIME_INLINE Vec<double> load(const double* p, int n) {
    return (Vec<double>)_mm256_maskload_pd(p, first_lanes64(n));
}
THROUGHTIME_INLINE void store(float* p, Vec<float> v, int n) {
    _mm256_maskstore_ps(p, first_lanes32(n), (__m256)v);
}
THROUGHTIME_INLINE void store(double* p, Vec<double> v, int n) {
    _mm256_maskstore_pd(p, first_lanes64(n), (__m256d)v);
}
#else
template <class T>
THROUGHTIME_INLINE Vec<T> load(const T* p, int n) {
    Vec<T> v{};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return v;
}
template <class T>
THROUGHTIME_INLINE void store(T* p, Vec<T> v, int n) {
    for (int i = 0; i < n; ++i) p[i] = v[i];
}
#endif

// v[i][j] becomes v[j][i], for i, j < lanes: log2(lanes) times row i and row i + lanes/2 are shuffled
// into one another, as two halves of a pack of cards.
#if defined(__clang__) || __GNUC__ >= 12
#define THROUGHTIME_TRANSPOSE 1
template <class T, std::size_t... i>
THROUGHTIME_INLINE void transpose(Vec<T>* v, std::index_sequence<i...>) {
    constexpr int L = kLanes<T>;
#pragma GCC unroll 4
    for (int stage = 1; stage < L; stage *= 2) {
        Vec<T> w[L];
#pragma GCC unroll 8
        for (int k = 0; k < L / 2; ++k) {
            w[2 * k] = __builtin_shufflevector(v[k], v[k + L / 2], (i % 2 * L + i / 2)...);
            w[2 * k + 1] = __builtin_shufflevector(v[k], v[k + L / 2], (i % 2 * L + (L + i) / 2)...);
        }
#pragma GCC unroll 16
        for (int k = 0; k < L; ++k) v[k] = w[k];
    }
}
#endif

// y, but at least (at most) c; a NaN passes through.
#if defined(__AVX512F__)
THROUGHTIME_INLINE Vec<float> at_least(Vec<float> y, float c) {
    return (Vec<float>)_mm512_max_ps(_mm512_set1_ps(c), (__m512)y);
}
THROUGHTIME_INLINE Vec<double> at_least(Vec<double> y, double c) {
    return (Vec<double>)_mm512_max_pd(_mm512_set1_pd(c), (__m512d)y);
}
#elif defined(__AVX2__)
THROUGHTIME_INLINE Vec<float> at_least(Vec<float> y, float c) {
    return (Vec<float>)_mm256_max_ps(_mm256_set1_ps(c), (__m256)y);
}
THROUGHTIME_INLINE Vec<double> at_least(Vec<double> y, double c) {
    return (Vec<double>)_mm256_max_pd(_mm256_set1_pd(c), (__m256d)y);
}
#else
template <class T>
THROUGHTIME_INLINE Vec<T> at_least(Vec<T> y, T c) {
    return y < c ? splat(c) : y;
}
#endif

// 1 / y, for normal y.
#if defined(__AVX512F__)
THROUGHTIME_INLINE Vec<float> reciprocal(Vec<float> y) {
    // The estimate has 14 digits; a step of Newton's method doubles them, in half the time
    // of a division.
    const Vec<float> estimate = (Vec<float>)_mm512_rcp14_ps((__m512)y);
    return estimate + estimate * (1 - y * estimate);
}
THROUGHTIME_INLINE Vec<double> reciprocal(Vec<double> y) { return 1 / y; }
#else
template <class V>
THROUGHTIME_INLINE V reciprocal(V y) {
    return 1 / y;
}
#endif

// 2^y = 2^n 2^f with |f| <= 1/2: `scale` is 2^n, `rest` is 2^f - 1 by its Taylor series, of which
// the first term left out is under a rounding error. Keeping 2^f - 1 keeps the digits near
// y = 0. The bounds of y keep n in the exponent's range.
template <class T>
struct Power;
template <>
struct Power<float> {
    static constexpr int terms = 7, mantissa = 23, bias = 127;
    static constexpr float round = 12582912.f;  // 1.5 * 2^23: adding it leaves n in the last bits
    static constexpr float bound = 126.f, saturated = -60.f;
};
template <>
struct Power<double> {
    static constexpr int terms = 13, mantissa = 52, bias = 1023;
    static constexpr double round = 6755399441055744.;  // 1.5 * 2^52
    static constexpr double bound = 1022., saturated = -120.;
};

constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.69314718055994531;

template <class T>
constexpr T taylor(int k) {  // ln(2)^k / k!
    double term = 1;
    for (int i = 1; i <= k; ++i) term *= kLn2 / i;
    return T(term);
}

template <class T>
THROUGHTIME_INLINE void power_of_2(Vec<T> y, Vec<T>& scale, Vec<T>& rest) {
    using P = Power<T>;
    using U = typename Types<T>::U;
    const Vec<T> shifted = y + P::round, f = y - (shifted - P::round);
    scale = (Vec<T>)(((U)shifted + P::bias) << P::mantissa);
    Vec<T> sum = splat(taylor<T>(P::terms));
#pragma GCC unroll 16
    for (int k = P::terms - 1; k >= 1; --k) sum = sum * f + taylor<T>(k);
    rest = sum * f;
}

template <class T>
THROUGHTIME_INLINE Vec<T> logistic(Vec<T> x) {  // 1 / (1 + e^-x)
    using P = Power<T>;
    Vec<T> scale, rest;
    power_of_2<T>(at_least(-at_least(x * T(kLog2e), -P::bound), -P::bound), scale, rest);
    return reciprocal(T(1) + (scale * rest + scale));
}

template <class T>
THROUGHTIME_INLINE Vec<T> tanh(Vec<T> x) {  // +-(1 - e^y) / (1 + e^y) at y = -2|x|
    using P = Power<T>;
    using U = typename Types<T>::U;
    const U sign = (U)splat(T(-0.));
    Vec<T> scale, rest;
    power_of_2<T>(at_least(T(2 * kLog2e) * (Vec<T>)((U)x | sign), P::saturated), scale, rest);
    const Vec<T> minus = scale * rest + (scale - T(1));  // e^y - 1
    const Vec<T> t = minus * reciprocal(T(2) + minus);
    return (Vec<T>)(((U)t & ~sign) | ((U)x & sign));
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
