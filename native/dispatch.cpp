// Which instruction set's kernels run: the best that this machine has.
#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace throughtime {

#define THROUGHTIME_KERNELS(isa)                                                        \
    namespace isa {                                                                     \
    extern const Kernels<float> rnn_f32[4], gru_f32, lstm_f32;                          \
    extern const Kernels<double> rnn_f64[4], gru_f64, lstm_f64;                         \
    extern const RunReservoir<float> reservoir_f32;                                     \
    extern const RunReservoir<double> reservoir_f64;                                    \
    extern const RunFlowMap<float> flow_map_f32;                                        \
    extern const RunFlowMap<double> flow_map_f64;                                       \
    double fma_peak(int bytes, double seconds);                                         \
    InstructionSet table(const char* name, bool (*runs_here)()) {                       \
        return {name, runs_here,                                                        \
                {rnn_f32[0], rnn_f32[1], rnn_f32[2], rnn_f32[3], gru_f32, lstm_f32},    \
                {rnn_f64[0], rnn_f64[1], rnn_f64[2], rnn_f64[3], gru_f64, lstm_f64},    \
                reservoir_f32, reservoir_f64, flow_map_f32, flow_map_f64, fma_peak};    \
    }                                                                                   \
    }

THROUGHTIME_KERNELS(portable)
#ifdef THROUGHTIME_X86
THROUGHTIME_KERNELS(avx2)
THROUGHTIME_KERNELS(avx512)
#endif

const InstructionSet* instruction_sets(int* count) {
    static const InstructionSet sets[] = {
#ifdef THROUGHTIME_X86
        avx512::table("avx512",
                      [] {
                          return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
                      }),
        avx2::table("avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }),
#endif
        portable::table("portable", [] { return true; }),
    };
    *count = int(sizeof sets / sizeof sets[0]);
    return sets;
}

const InstructionSet& instruction_set() {
    static const InstructionSet& chosen = [&]() -> const InstructionSet& {
        int count;
        const InstructionSet* sets = instruction_sets(&count);
        const char* wanted = std::getenv("THROUGHTIME_INSTRUCTION_SET");
        for (int i = 0; i < count; ++i)
            if (wanted && !std::strcmp(sets[i].name, wanted) && sets[i].runs_here()) return sets[i];
        for (int i = 0; i < count; ++i)
            if (sets[i].runs_here()) return sets[i];
        return sets[count - 1];
    }();
    return chosen;
}

}  // namespace throughtime
