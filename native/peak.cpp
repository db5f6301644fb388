// The multiply-adds that one core can do: the limit that the kernels are held against.
#include <chrono>

#include "vectors.h"

namespace throughtime {
namespace THROUGHTIME_ISA {

template <class T>
double peak(double seconds) {
    using Clock = std::chrono::steady_clock;
    constexpr int chains = 12;  // more than latency times throughput of any core so far
    constexpr int rounds = 20000;
    Vec<T> sum[chains], factor = splat(T(0.999)), add = splat(T(0.001));
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = splat(T(i));
    double best = 0;
    const auto start = Clock::now();
    do {
        const auto before = Clock::now();
        for (int k = 0; k < rounds; ++k)
#pragma GCC unroll 12
            for (int i = 0; i < chains; ++i) sum[i] = sum[i] * factor + add;
        const double took = std::chrono::duration<double>(Clock::now() - before).count();
        const double rate = 2. * kLanes<T> * chains * rounds / took;
        best = rate > best ? rate : best;
    } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
    Vec<T> total{};
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) total += sum[i];
    volatile T used = total[0];  // so that the sums are not left out
    (void)used;
    return best;
}

double fma_peak(int bytes, double seconds) {
    return bytes == 8 ? peak<double>(seconds) : peak<float>(seconds);
}

}  // namespace THROUGHTIME_ISA
}  // namespace throughtime
