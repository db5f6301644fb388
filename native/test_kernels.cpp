// Tests the kernels without XLA: random shapes against plain loops, the duality of tangent and
// adjoint, NaN, any number of threads. Made to be built with sanitizers (scripts/sanitize).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "kernels.h"

using namespace throughtime;

namespace {

bool on_threads(void*, std::int64_t tasks, Workers::Task task, void* data) {
    std::atomic<std::int64_t> next{0};
    auto work = [&] {
        for (std::int64_t i; (i = next.fetch_add(1)) < tasks;) task(data, i);
    };
    std::thread other(work);
    work();
    other.join();
    return true;
}

bool in_a_row(void*, std::int64_t tasks, Workers::Task task, void* data) {
    for (std::int64_t i = 0; i < tasks; ++i) task(data, i);
    return true;
}

thread_local std::mt19937_64 random_bits;  // seeded in one_set

std::int64_t uniform(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_bits);
}

template <class T>
std::vector<T> normal(std::int64_t n, double scale) {
    std::normal_distribution<double> draw(0, scale);
    std::vector<T> values(n);
    for (T& v : values) v = T(draw(random_bits));
    return values;
}

// All arrays of one problem, with the results of the three kernels.
template <class T>
struct Problem {
    Sizes s;
    std::int32_t cell;
    std::int64_t G, P;
    std::vector<std::int32_t> lengths;
    std::vector<T> U, W, b, d, xs, h0, c0, hs, cs, saved, dU, dW, db, dd, dxs, dh0, dc0, dhs, dcs, ghs, gcs, gU,
        gW, gb, gd, gxs, gh0, gc0;

    Problem(Sizes s, std::int32_t cell, double scale) : s(s), cell(cell), G(gates(cell)), P(saved_per_unit(cell)) {
        const std::int64_t rows = s.E * G * s.H, state = s.E * s.B * s.H, steps = state * s.T;
        const std::int64_t inputs = s.E * s.B * s.T * s.I;
        for (std::int64_t i = 0; i < s.E * s.B; ++i) lengths.push_back(std::int32_t(uniform(-1, s.T + 1)));
        W = normal<T>(rows * s.H, scale / std::sqrt(double(s.H))), dW = normal<T>(rows * s.H, .1);
        U = normal<T>(rows * s.I, scale / std::sqrt(double(s.I))), dU = normal<T>(rows * s.I, .3);
        b = normal<T>(rows, .3), db = normal<T>(rows, .3);
        d = normal<T>(s.E * s.H, .3), dd = normal<T>(s.E * s.H, .3);
        xs = normal<T>(inputs, 1), dxs = normal<T>(inputs, 1);
        h0 = normal<T>(state, .5), c0 = normal<T>(state, .5), dh0 = normal<T>(state, 1), dc0 = normal<T>(state, 1);
        ghs = normal<T>(steps, 1), gcs = normal<T>(steps, 1);
        for (auto* v : {&hs, &cs, &dhs, &dcs}) v->assign(steps, T(-7));
        saved.assign(steps * P, T(-7)), gxs.assign(inputs, T(-7)), gU.assign(rows * s.I, T(-7)), gb.assign(rows, T(-7));
        gW.assign(rows * s.H, T(-7)), gd.assign(s.E * s.H, T(-7)), gh0.assign(state, T(-7)), gc0.assign(state, T(-7));
    }
    Forward<T> forward() {
        return {lengths.data(), U.data(), W.data(), b.data(), d.data(), xs.data(), h0.data(), c0.data(),
                hs.data(), cs.data(), saved.data()};
    }
    Tangent<T> tangent() {
        return {lengths.data(), U.data(), W.data(), xs.data(), h0.data(), c0.data(), hs.data(), cs.data(), saved.data(),
                dU.data(), dW.data(), db.data(), dd.data(), dxs.data(), dh0.data(), dc0.data(), dhs.data(), dcs.data()};
    }
    Adjoint<T> adjoint() {
        return {lengths.data(), U.data(), W.data(), xs.data(), h0.data(), c0.data(), hs.data(), cs.data(), saved.data(),
                ghs.data(), gcs.data(), gU.data(), gW.data(), gb.data(), gd.data(), gxs.data(), gh0.data(), gc0.data()};
    }
    void run(const Kernels<T>& kernels, const Workers& workers) {
        if (!kernels.unroll(s, forward(), workers) || !kernels.tangent(s, tangent(), workers) ||
            !kernels.adjoint(s, adjoint(), workers))
            std::printf("a kernel gave up\n"), std::exit(1);
    }
    bool lstm() const { return cell == kLstm; }
    bool gru() const { return cell == kGru; }
};

// One step of one sequence by plain loops in double precision, with its tangent.
struct Plain {
    std::int32_t cell;
    std::int64_t H, I;

    static double logistic(double a) { return 1 / (1 + std::exp(-a)); }
    double act(double a) const {
        return cell == kTanh ? std::tanh(a) : cell == kRelu ? (a < 0 ? 0 : a) : cell == kLogistic ? logistic(a) : a;
    }
    double slope(double h) const {
        return cell == kTanh ? 1 - h * h : cell == kRelu ? (h > 0) : cell == kLogistic ? h * (1 - h) : 1;
    }

    // (W h + b + U x) and its tangent, for every gate and unit. The GRU's candidate comes in two
    // parts: what the reset gate scales, and `apart`, what it does not.
    template <class T>
    void step(const Problem<T>& p, std::int64_t e, std::int64_t at, std::vector<double>& h, std::vector<double>& c,
              std::vector<double>& dh, std::vector<double>& dc) const {
        const std::int64_t G = gates(cell);
        std::vector<double> A(G * H), dA(G * H), apart(H), dapart(H), h1(H), dh1(H);
        for (std::int64_t r = 0; r < G * H; ++r) {
            const bool split = cell == kGru && r >= 2 * H;
            const std::int64_t row = e * G * H + r, u = r % H;
            double &drive = split ? apart[u] : A[r], &ddrive = split ? dapart[u] : dA[r];
            drive += p.b[row], ddrive += p.db[row];
            for (std::int64_t k = 0; k < I; ++k) {
                const double x = p.xs[at * I + k], dx = p.dxs[at * I + k];
                drive += p.U[row * I + k] * x, ddrive += p.dU[row * I + k] * x + p.U[row * I + k] * dx;
            }
            if (split) A[r] += p.d[e * H + u], dA[r] += p.dd[e * H + u];
            for (std::int64_t k = 0; k < H; ++k) {
                A[r] += p.W[row * H + k] * h[k];
                dA[r] += p.W[row * H + k] * dh[k] + p.dW[row * H + k] * h[k];
            }
        }
        for (std::int64_t u = 0; u < H; ++u) {
            auto a = [&](int g) { return A[g * H + u]; };
            auto da = [&](int g) { return dA[g * H + u]; };
            if (cell == kLstm) {
                const double i = logistic(a(0)), f = logistic(a(1)), g = std::tanh(a(2)), o = logistic(a(3));
                const double c1 = f * c[u] + i * g, tc = std::tanh(c1);
                dc[u] = f * (1 - f) * da(1) * c[u] + f * dc[u] + i * (1 - i) * da(0) * g + i * (1 - g * g) * da(2);
                c[u] = c1, h1[u] = o * tc;
                dh1[u] = o * (1 - o) * da(3) * tc + o * (1 - tc * tc) * dc[u];
            } else if (cell == kGru) {
                const double r = logistic(a(0)), z = logistic(a(1)), m = a(2);
                const double n = std::tanh(apart[u] + r * m);
                const double dr = r * (1 - r) * da(0), dz = z * (1 - z) * da(1), dm = da(2);
                const double dn = (1 - n * n) * (dapart[u] + dr * m + r * dm);
                h1[u] = (1 - z) * n + z * h[u];
                dh1[u] = (1 - z) * dn - dz * n + dz * h[u] + z * dh[u];
            } else {
                h1[u] = act(a(0)), dh1[u] = slope(h1[u]) * da(0);
            }
        }
        h = h1, dh = dh1;
    }
};

std::atomic<int> failures{0};

void expect(bool good, const char* what, const char* set, const Sizes& s, int cell, double error) {
    if (good) return;
    ++failures;
    std::printf("FAILED %s: %s, cell %d, E B T I H = %ld %ld %ld %ld %ld, error %g\n", what, set, cell, long(s.E),
                long(s.B), long(s.T), long(s.I), long(s.H), error);
}

template <class T>
void against_loops(Problem<T>& p, const char* set, double tolerance) {
    const Sizes& s = p.s;
    const Plain plain{p.cell, s.H, s.I};
    double worst = 0, worst_tangent = 0, size = 1;
    for (std::int64_t e = 0; e < s.E; ++e)
        for (std::int64_t b = 0; b < s.B; ++b) {
            auto row = [&](const std::vector<T>& v) {
                auto from = v.begin() + (e * s.B + b) * s.H;
                return std::vector<double>(from, from + s.H);
            };
            std::vector<double> h = row(p.h0), c = row(p.c0), dh = row(p.dh0), dc = row(p.dc0);
            for (std::int64_t t = 0; t < s.T; ++t) {
                const std::int64_t at = (e * s.B + b) * s.T + t;
                if (t < p.lengths[e * s.B + b]) plain.step(p, e, at, h, c, dh, dc);
                for (std::int64_t u = 0; u < s.H; ++u) {
                    auto differ = [&](double mine, T theirs) { return std::fabs(mine - theirs); };
                    worst = std::max(worst, differ(h[u], p.hs[at * s.H + u]));
                    worst_tangent = std::max(worst_tangent, differ(dh[u], p.dhs[at * s.H + u]));
                    size = std::max({size, std::fabs(h[u]), std::fabs(dh[u])});
                    if (p.lstm()) worst = std::max(worst, differ(c[u], p.cs[at * s.H + u]));
                    if (p.lstm()) worst_tangent = std::max(worst_tangent, differ(dc[u], p.dcs[at * s.H + u]));
                }
            }
        }
    expect(worst <= tolerance * size, "states against loops", set, s, p.cell, worst / size);
    expect(worst_tangent <= tolerance * size, "tangent against loops", set, s, p.cell, worst_tangent / size);
}

// <g, J v> = <J' g, v>
template <class T>
void duality(Problem<T>& p, const char* set, double tolerance) {
    double left = 0, right = 0, size = 0;
    auto add = [&](double& sum, const std::vector<T>& a, const std::vector<T>& b) {
        for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i], size += std::fabs(double(a[i]) * b[i]);
    };
    add(left, p.ghs, p.dhs), add(right, p.gU, p.dU), add(right, p.gW, p.dW), add(right, p.gb, p.db);
    add(right, p.gxs, p.dxs), add(right, p.gh0, p.dh0);
    if (p.gru()) add(right, p.gd, p.dd);
    if (p.lstm()) add(left, p.gcs, p.dcs), add(right, p.gc0, p.dc0);
    expect(std::fabs(left - right) <= tolerance * (size + 1), "duality", set, p.s, p.cell, (left - right) / (size + 1));
}

template <class T>
bool same_forward(const Problem<T>& p, const Problem<T>& q) {
    return p.hs == q.hs && p.cs == q.cs && p.dhs == q.dhs && p.dcs == q.dcs && p.saved == q.saved;
}

template <class T>
bool same_gradients(const Problem<T>& p, const Problem<T>& q) {
    return p.gU == q.gU && p.gW == q.gW && p.gb == q.gb && p.gd == q.gd && p.gxs == q.gxs && p.gh0 == q.gh0 &&
           p.gc0 == q.gc0;
}

template <class T>
void one_problem(const Sizes& s, std::int32_t cell, const Kernels<T>& kernels, const char* set) {
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12, scale = uniform(0, 9) ? .7 : 8;
    const Workers alone{in_a_row, nullptr};
    // Saturated gates are stable; an unbounded activation is not, and its tangent may grow.
    Problem<T> p(s, cell, cell == kRelu || cell == kIdentity ? .5 : scale);
    Problem<T> q = p, few = p;
    p.run(kernels, alone);
    against_loops(p, set, scale > 1 ? 100 * tolerance : tolerance);
    duality(p, set, tolerance);
    q.run(kernels, {on_threads, nullptr});
    expect(same_forward(p, q) && same_gradients(p, q), "threads change no bit", set, s, cell, 0);

    // Nothing saved, inputs that neither move nor are asked for.
    Forward<T> forward = few.forward();
    forward.saved = nullptr;
    kernels.unroll(s, forward, alone);
    expect(p.hs == few.hs && p.cs == few.cs, "without what is saved", set, s, cell, 0);
    few.saved = p.saved;
    Adjoint<T> adjoint = few.adjoint();
    adjoint.gxs = nullptr;
    kernels.adjoint(s, adjoint, alone);
    few.gxs = p.gxs;
    expect(same_gradients(p, few), "without the inputs' gradient", set, s, cell, 0);
    Problem<T> still = p;
    std::fill(still.dxs.begin(), still.dxs.end(), T(0));
    kernels.tangent(s, still.tangent(), alone);
    few.hs = p.hs, few.cs = p.cs;
    Tangent<T> tangent = few.tangent();
    tangent.dxs = nullptr;
    kernels.tangent(s, tangent, alone);
    expect(still.dhs == few.dhs && still.dcs == few.dcs, "without the inputs' tangent", set, s, cell, 0);

    // NaN in the padding is not looked at; NaN in a step that counts comes out.
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (std::int64_t i = 0; i < s.E * s.B * s.T; ++i)
        if (i % s.T >= q.lengths[i / s.T]) q.xs[i * s.I] = q.dxs[i * s.I] = nan;
    q.run(kernels, alone);
    expect(same_forward(p, q) && same_gradients(p, q), "NaN in the padding", set, s, cell, 0);
    q.lengths[0] = std::int32_t(s.T);
    q.xs.back() = std::numeric_limits<T>::infinity(), q.xs[0] = nan;
    q.run(kernels, alone);
    bool any = false;
    for (T h : q.hs) any = any || std::isnan(h);
    expect(any, "NaN comes out", set, s, cell, 0);
}

// A reservoir against plain loops in double precision.
template <class T>
void one_reservoir(RunReservoir<T> run, const char* set) {
    const std::int64_t N = uniform(1, 70), R = uniform(1, 10), steps = uniform(0, 6);
    const bool sparse = uniform(0, 1), linear = uniform(0, 1), noisy = uniform(0, 1);
    std::vector<std::int64_t> starts(1, 0);
    std::vector<std::int32_t> columns;
    for (std::int64_t i = 0; i < N; ++i) {
        for (std::int64_t k = 0; k < N; ++k)
            if (!sparse || uniform(0, 4) == 0) columns.push_back(std::int32_t(k));
        starts.push_back(std::int64_t(columns.size()));
    }
    auto W = normal<T>(starts[N], 0.7 / std::sqrt(double(N))), b = normal<T>(N, 0.3), drive = normal<T>(steps * N, 1),
         noise = normal<T>(steps * N, 0.1), state = normal<T>(R * N, 1), leak = normal<T>(R, 0.3), radius = leak,
         scale = normal<T>(R, 1);
    std::vector<T> states(steps * R * N);
    const Reservoir<T> x{N, R, steps, linear, sparse ? starts.data() : nullptr, columns.data(), W.data(), b.data(),
                         drive.data(), noisy ? noise.data() : nullptr, leak.data(), radius.data(), scale.data(),
                         state.data(), states.data()};
    run(x);
    for (std::int64_t r = 0; r < R; ++r) {
        std::vector<double> h(state.begin() + r * N, state.begin() + (r + 1) * N), z(N);
        for (std::int64_t t = 0; t < steps; ++t) {
            for (std::int64_t i = 0; i < N; ++i) {
                z[i] = 0;
                for (std::int64_t k = starts[i]; k < starts[i + 1]; ++k) z[i] += double(W[k]) * h[columns[k]];
                z[i] = double(radius[r]) * z[i] + double(scale[r]) * drive[t * N + i] + b[i];
            }
            for (std::int64_t i = 0; i < N; ++i) {
                h[i] = (1. - leak[r]) * h[i] + leak[r] * (linear ? z[i] : std::tanh(z[i])) +
                       (noisy ? double(noise[t * N + i]) : 0.);
                const double got = states[(r * steps + t) * N + i], limit = sizeof(T) == 8 ? 1e-12 : 2e-5;
                if (!(std::abs(got - h[i]) <= limit * (1 + std::abs(h[i])))) {
                    std::printf("%s: reservoir N %ld R %ld step %ld: %g is not %g\n", set, long(N), long(R), long(t),
                                got, h[i]);
                    ++failures;
                    return;
                }
            }
        }
    }
}

// A map of random features in closed loop against plain loops in double precision, on threads and
// without; one trajectory that is not a number stays alone.
template <class T>
void one_flow_map(RunFlowMap<T> run, const char* set) {
    const std::int64_t R = uniform(1, 3), B = uniform(1, 40), steps = uniform(0, 5), d = uniform(1, 9),
                       m = uniform(0, 3), N = uniform(1, 70);
    std::vector<T> rates(d);
    std::vector<std::int64_t> angles;
    for (std::int64_t k = 0; k < d; ++k)
        if (uniform(0, 2) == 0) rates[k] = T(1 + k), angles.push_back(k);
    const std::int64_t a = angles.size(), n = d + m + a;
    auto U = normal<T>(N * n, 0.5), b = normal<T>(N, 0.5), V = normal<T>(R * d * N, 0.3 / std::sqrt(double(N))),
         c = normal<T>(R * d, 0.1), start = normal<T>(B * d, 1), us = normal<T>(B * steps * m, 1);
    start[0] = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> ys(R * B * steps * d), again = ys;
    FlowMap<T> x{R,        B,        steps,    d,        m,            a,         N,         rates.data(),
                 U.data(), b.data(), V.data(), c.data(), start.data(), us.data(), ys.data(), T(uniform(0, 1) ? INFINITY : 1)};
    run(x, {in_a_row, nullptr});
    x.ys = again.data();
    run(x, {on_threads, nullptr});
    for (std::int64_t r = 0; r < R; ++r)
        for (std::int64_t p = 0; p < B; ++p) {
            std::vector<double> y(start.begin() + p * d, start.begin() + (p + 1) * d);
            for (std::int64_t t = 0; t < steps; ++t) {
                std::vector<double> read(y), change(c.begin() + r * d, c.begin() + (r + 1) * d);
                for (std::int64_t i = 0; i < m; ++i) read.push_back(us[(p * steps + t) * m + i]);
                for (std::int64_t k : angles) read[k] = std::sin(rates[k] * y[k]), read.push_back(std::cos(rates[k] * y[k]));
                for (std::int64_t j = 0; j < N; ++j) {
                    double z = b[j];
                    for (std::int64_t i = 0; i < n; ++i) z += U[j * n + i] * read[i];
                    for (std::int64_t k = 0; k < d; ++k) change[k] += V[(r * d + k) * N + j] * std::tanh(z);
                }
                for (std::int64_t k = 0; k < d; ++k) {
                    y[k] += change[k];
                    if (std::fabs(y[k]) > x.bound) y[k] = std::copysign(double(x.bound), y[k]);
                    const std::int64_t at = ((r * B + p) * steps + t) * d + k;
                    const double got = ys[at], limit = sizeof(T) == 8 ? 1e-12 : 5e-5;
                    const bool same = std::isnan(got) ? std::isnan(again[at]) : got == again[at];
                    if (same && (p ? std::fabs(got - y[k]) <= limit * (1 + std::fabs(y[k])) : std::isnan(got)))
                        continue;
                    std::printf("%s: map R %ld B %ld d %ld m %ld N %ld, trajectory %ld step %ld: %g is not %g\n", set,
                                long(R), long(B), long(d), long(m), long(N), long(p), long(t), got, y[k]);
                    ++failures;
                    return;
                }
            }
        }
}

// Random problems of each cell and type, `problems` of each. Every fourth is large in all its
// sizes: several shards, several panels of units.
void one_set(const InstructionSet& set, int seed, int problems) {
    random_bits.seed(seed);
    if (!set.runs_here()) {
        std::printf("%s: not on this machine\n", set.name);
        return;
    }
    for (int i = 0; i < problems; ++i)
        for (std::int32_t cell = 0; cell < kCells; ++cell) {
            const Sizes s{uniform(1, 3), uniform(1, i % 4 ? 20 : 80), uniform(1, 6), uniform(1, i % 4 ? 9 : 70),
                          uniform(1, i % 4 ? 40 : 80)};
            if (i == 0) one_problem<double>({2, 600, 2, 3, 7}, cell, set.f64[cell], set.name);  // many shards
            one_problem<float>(s, cell, set.f32[cell], set.name);
            one_problem<double>(s, cell, set.f64[cell], set.name);
        }
    for (int i = 0; i < problems; ++i) {
        one_reservoir<float>(set.reservoir_f32, set.name);
        one_reservoir<double>(set.reservoir_f64, set.name);
        one_flow_map<float>(set.flow_map_f32, set.name);
        one_flow_map<double>(set.flow_map_f64, set.name);
    }
    std::printf("%s: %d problems of each cell and type\n", set.name, problems);
}

}  // namespace

int main(int argc, char** argv) {
    const int problems = argc > 1 ? std::atoi(argv[1]) : 40;
    int count;
    const InstructionSet* sets = instruction_sets(&count);
    std::vector<std::thread> threads;
    for (int k = 0; k < count; ++k) threads.emplace_back(one_set, std::cref(sets[k]), k + 1, problems);
    for (std::thread& thread : threads) thread.join();
    std::printf(failures ? "%d FAILED\n" : "all good\n", failures.load());
    return failures ? 1 : 0;
}
