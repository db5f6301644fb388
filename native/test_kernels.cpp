// Tests the kernels without XLA: random shapes against plain loops, the duality of tangent and
// adjoint, NaN, any number of threads. Made to be built with sanitizers (scripts/sanitize).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
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

std::mt19937_64 random_bits(1);

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
    std::vector<T> W, d, drive, h0, c0, hs, cs, saved, dW, dd, ddrive, dh0, dc0, dhs, dcs, ghs, gcs, gW, gd,
        gdrive, gh0, gc0;

    Problem(Sizes s, std::int32_t cell, double scale) : s(s), cell(cell), G(gates(cell)), P(saved_per_unit(cell)) {
        const std::int64_t weights = s.E * G * s.H * s.H, state = s.E * s.B * s.H, steps = state * s.T;
        for (std::int64_t i = 0; i < s.E * s.B; ++i) lengths.push_back(std::int32_t(uniform(0, s.T + 1)));
        W = normal<T>(weights, scale / std::sqrt(double(s.H))), dW = normal<T>(weights, .1);
        d = normal<T>(s.E * s.H, .3), dd = normal<T>(s.E * s.H, .3);
        drive = normal<T>(steps * G, scale), ddrive = normal<T>(steps * G, 1);
        h0 = normal<T>(state, .5), c0 = normal<T>(state, .5), dh0 = normal<T>(state, 1), dc0 = normal<T>(state, 1);
        ghs = normal<T>(steps, 1), gcs = normal<T>(steps, 1);
        for (auto* v : {&hs, &cs, &dhs, &dcs}) v->assign(steps, T(-7));
        saved.assign(steps * P, T(-7)), gdrive.assign(steps * G, T(-7));
        gW.assign(weights, T(-7)), gd.assign(s.E * s.H, T(-7)), gh0.assign(state, T(-7)), gc0.assign(state, T(-7));
    }
    Forward<T> forward() {
        return {lengths.data(), W.data(), d.data(), drive.data(), h0.data(), c0.data(),
                hs.data(), cs.data(), saved.data()};
    }
    Tangent<T> tangent() {
        return {lengths.data(), W.data(), h0.data(), c0.data(), hs.data(), cs.data(), saved.data(),
                dW.data(), dd.data(), ddrive.data(), dh0.data(), dc0.data(), dhs.data(), dcs.data()};
    }
    Adjoint<T> adjoint() {
        return {lengths.data(), W.data(), h0.data(), c0.data(), hs.data(), cs.data(), saved.data(),
                ghs.data(), gcs.data(), gW.data(), gd.data(), gdrive.data(), gh0.data(), gc0.data()};
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
    std::int64_t H;

    static double logistic(double a) { return 1 / (1 + std::exp(-a)); }
    double act(double a) const {
        return cell == kTanh ? std::tanh(a) : cell == kRelu ? (a < 0 ? 0 : a) : cell == kLogistic ? logistic(a) : a;
    }
    double slope(double h) const {
        return cell == kTanh ? 1 - h * h : cell == kRelu ? (h > 0) : cell == kLogistic ? h * (1 - h) : 1;
    }

    template <class T>
    void step(const T* W, const T* d, const T* drive, const T* dW, const T* dd, const T* ddrive,
              std::vector<double>& h, std::vector<double>& c, std::vector<double>& dh, std::vector<double>& dc) const {
        const std::int64_t G = gates(cell);
        std::vector<double> Wh(G * H), dWh(G * H), h1(H), dh1(H);
        for (std::int64_t r = 0; r < G * H; ++r)
            for (std::int64_t k = 0; k < H; ++k) {
                Wh[r] += W[r * H + k] * h[k];
                dWh[r] += W[r * H + k] * dh[k] + dW[r * H + k] * h[k];
            }
        for (std::int64_t u = 0; u < H; ++u) {
            auto a = [&](int g) { return drive[g * H + u] + Wh[g * H + u]; };
            auto da = [&](int g) { return ddrive[g * H + u] + dWh[g * H + u]; };
            if (cell == kLstm) {
                const double i = logistic(a(0)), f = logistic(a(1)), g = std::tanh(a(2)), o = logistic(a(3));
                const double c1 = f * c[u] + i * g, tc = std::tanh(c1);
                dc[u] = f * (1 - f) * da(1) * c[u] + f * dc[u] + i * (1 - i) * da(0) * g + i * (1 - g * g) * da(2);
                c[u] = c1, h1[u] = o * tc;
                dh1[u] = o * (1 - o) * da(3) * tc + o * (1 - tc * tc) * dc[u];
            } else if (cell == kGru) {
                const double r = logistic(a(0)), z = logistic(a(1)), m = Wh[2 * H + u] + d[u];
                const double n = std::tanh(drive[2 * H + u] + r * m);
                const double dr = r * (1 - r) * da(0), dz = z * (1 - z) * da(1), dm = dWh[2 * H + u] + dd[u];
                const double dn = (1 - n * n) * (ddrive[2 * H + u] + dr * m + r * dm);
                h1[u] = (1 - z) * n + z * h[u];
                dh1[u] = (1 - z) * dn - dz * n + dz * h[u] + z * dh[u];
            } else {
                h1[u] = act(a(0)), dh1[u] = slope(h1[u]) * da(0);
            }
        }
        h = h1, dh = dh1;
    }
};

int failures = 0;

void expect(bool good, const char* what, const char* set, const Sizes& s, int cell, double error) {
    if (good) return;
    ++failures;
    std::printf("FAILED %s: %s, cell %d, E T B H = %ld %ld %ld %ld, error %g\n", what, set, cell, long(s.E),
                long(s.T), long(s.B), long(s.H), error);
}

template <class T>
void against_loops(Problem<T>& p, const char* set, double tolerance) {
    const Sizes& s = p.s;
    const Plain plain{p.cell, s.H};
    double worst = 0, worst_tangent = 0, size = 1;
    for (std::int64_t e = 0; e < s.E; ++e)
        for (std::int64_t b = 0; b < s.B; ++b) {
            auto row = [&](const std::vector<T>& v) {
                auto from = v.begin() + (e * s.B + b) * s.H;
                return std::vector<double>(from, from + s.H);
            };
            std::vector<double> h = row(p.h0), c = row(p.c0), dh = row(p.dh0), dc = row(p.dc0);
            for (std::int64_t t = 0; t < s.T; ++t) {
                const std::int64_t at = (e * s.T + t) * s.B + b, wide = p.G * s.H;
                if (t < p.lengths[e * s.B + b])
                    plain.step(&p.W[e * wide * s.H], &p.d[e * s.H], &p.drive[at * wide], &p.dW[e * wide * s.H],
                               &p.dd[e * s.H], &p.ddrive[at * wide], h, c, dh, dc);
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
    add(left, p.ghs, p.dhs), add(right, p.gW, p.dW), add(right, p.gdrive, p.ddrive), add(right, p.gh0, p.dh0);
    if (p.gru()) add(right, p.gd, p.dd);
    if (p.lstm()) add(left, p.gcs, p.dcs), add(right, p.gc0, p.dc0);
    expect(std::fabs(left - right) <= tolerance * (size + 1), "duality", set, p.s, p.cell, (left - right) / (size + 1));
}

template <class T>
void one_problem(const Sizes& s, std::int32_t cell, const Kernels<T>& kernels, const char* set) {
    const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12, scale = uniform(0, 9) ? .7 : 8;
    // Saturated gates are stable; an unbounded activation is not, and its tangent may grow.
    Problem<T> p(s, cell, cell == kRelu || cell == kIdentity ? .5 : scale);
    Problem<T> q = p;
    p.run(kernels, {in_a_row, nullptr});
    against_loops(p, set, scale > 1 ? 100 * tolerance : tolerance);
    duality(p, set, tolerance);
    q.run(kernels, {on_threads, nullptr});
    expect(p.hs == q.hs && p.dhs == q.dhs && p.gW == q.gW && p.gdrive == q.gdrive && p.gh0 == q.gh0,
           "threads change no bit", set, s, cell, 0);

    // NaN in the padding is not looked at; NaN in a step that counts comes out.
    const T nan = std::numeric_limits<T>::quiet_NaN();
    for (std::int64_t i = 0; i < s.E * s.T * s.B; ++i)
        if (i / s.B % s.T >= q.lengths[i / (s.T * s.B) * s.B + i % s.B]) q.drive[i * q.G * s.H] = q.ddrive[i * q.G * s.H] = nan;
    q.run(kernels, {in_a_row, nullptr});
    expect(p.hs == q.hs && p.dhs == q.dhs && p.gW == q.gW, "NaN in the padding", set, s, cell, 0);
    q.lengths[0] = std::int32_t(s.T);
    q.drive.back() = std::numeric_limits<T>::infinity(), q.drive[0] = nan;
    q.run(kernels, {in_a_row, nullptr});
    bool any = false;
    for (T h : q.hs) any = any || std::isnan(h);
    expect(any, "NaN comes out", set, s, cell, 0);
}

}  // namespace

int main(int argc, char** argv) {
    const int problems = argc > 1 ? std::atoi(argv[1]) : 40;
    int count;
    const InstructionSet* sets = instruction_sets(&count);
    for (int k = 0; k < count; ++k) {
        if (!sets[k].runs_here()) {
            std::printf("%s: not on this machine\n", sets[k].name);
            continue;
        }
        for (int i = 0; i < problems; ++i)
            for (std::int32_t cell = 0; cell < kCells; ++cell) {
                const Sizes s{uniform(1, 3), uniform(1, 6), uniform(1, i % 4 ? 20 : 80), uniform(1, i % 4 ? 40 : 130)};
                one_problem<float>(s, cell, sets[k].f32[cell], sets[k].name);
                one_problem<double>(s, cell, sets[k].f64[cell], sets[k].name);
            }
        std::printf("%s: %d problems of each cell and type\n", sets[k].name, problems);
    }
    std::printf(failures ? "%d FAILED\n" : "all good\n", failures);
    return failures ? 1 : 0;
}
