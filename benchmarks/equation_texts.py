"""Equations as they are written, and texts that are nearly so: what is read, what is answered.

    python benchmarks/equation_texts.py --seed 0 --count 5000

Each text is one of `WRITTEN` with a few changes: a sign left out, doubled or put in, a part of
another text, another number. It must become a system that can be solved for a few steps, or
an `InputError` of one line. The script prints every kind of message once, and fails at the
first other exception.
"""

import argparse
import collections
import random
import re
import sys
import time

from throughtime.dynamics.equations import equations
from throughtime.dynamics.simulate import simulate
from throughtime.errors import InputError

WRITTEN = [
    "x' = v; v' = F - 0.2*v - x; F = cos(1.2*t); x(0) = 1",
    "x'' + δ x' + α x + β x³ = γ cos(ω t); δ = 0.3; α = -1; β = 1; γ = 0.5; ω = 1.2",
    "x'' = μ (1 − x²) x′ − x; μ = 1.5",
    "dx/dt = σ (y − x), dy/dt = x (ρ − z) − y, dz/dt = x y − β z; σ = 10; ρ = 28; β = 8/3",
    "d²θ/dt² = −(g/l) sin(θ) − c dθ/dt; g = 9.81; l = 1; c = 0.1; θ(0) = 1",
    "ẋ = −y − z, ẏ = x + a y, ż = b + z (x − c); a = 0.2, b = 0.2, c = 5.7",
    "x''' = -A x'' + x'^2 - x; A = 2.017; x(0) = 0.1",
    "m x'' + c x' + k x = F0 sin(w t); m = 2; c = 0.1; k = 1; F0 = 1; w = 0.7",
    "x' = beta*x(t - tau)/(1 + x(t - tau)^n) - gamma*x; beta = 0.2; gamma = 0.1; n = 10;"
    " tau = 17; x(0) = 1.2",
    "x' = -x(t - 1); x(t <= 0) = cos(t)",
    "N' = r N (1 - N(t - T)/K); r = 0.5; T = 3; K = 10; N(0) = 2",
    "x_i' = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F; F = 8; i = 1..8",
    "θ_i' = ω_i + K/N*sum_j(sin(θ_j - θ_i)); ω_i = 0.1*i; K = 2; N = 5; i = 1..N; j = 1..N",
    "u_i'' = u_{i+1} - 2 u_i + u_{i-1} + a ((u_{i+1} - u_i)^2 - (u_i - u_{i-1})^2); a = 0.25;"
    " i = 1..6; u_0 = 0; u_7 = 0; u_i(0) = sin(pi i/7)",
    "x[n+1] = r*x[n]*(1 - x[n]); r = 3.9; x[0] = 0.3",
    "x_{n+1} = 1 - a x_n^2 + b x_{n-1}; a = 1.4; b = 0.3; x_0 = 0.1; x_1 = 0.1",
    "p_{n+1} = p_n + K sin(q_n); q_{n+1} = q_n + p_{n+1}; K = 0.9",
    "C dV/dt = I - gL (V - EL) - gCa m(V) (V - ECa) - gK w (V - EK);"
    " dw/dt = phi (winf(V) - w)/tau(V); m(V) = 0.5 (1 + tanh((V + 1.2)/18));"
    " winf(V) = 0.5 (1 + tanh((V - 2)/30)); tau(V) = 1/cosh((V - 2)/60); C = 20; I = 100;"
    " gL = 2; EL = -60; gCa = 4.4; ECa = 120; gK = 8; EK = -84; phi = 0.04; V(0) = -60",
    "S' = -b S I, I' = b S I - g I, R' = g I; b = 0.5; g = 0.1; S(0) = 0.99; I(0) = 0.01",
    "x' = a (y - x - f(x)); y' = x - y + z; z' = -b y; "
    " f(x) = m1 x + (m0 - m1)/2*(|x+1| - |x-1|); "
    "a = 15.6; b = 28; m0 = -8/7; m1 = -5/7; x(0) = 0.7",
    "x'' = -x - 0.1*sign(x') + where(mod(t, 10) < 5, 1, 0)",
    "A' = k1 e^(-E/T) - A; T' = 0.1 (1 - T) + A; k1 = 2; E = 3; T(0) = 1",
    "x' = k/t; k = 1", "x' = k/p; k = 1; p = 0", "x' = k^2; k = 1e300",
    "x' = k^p; k = -1; p = 0.5", "x' = x*t^p; p = -1", "x' = max(x, 0, t) - sqrt(|x|)",
    "x_{n+1}^i = x_n", "u_{i,j}' = u_{i+1,j} + u_{i,j-1} - 2 u_{i,j}; i = 1..3; j = 0..2",
    "θ_i' = ω_i + K/N sum_{j=1}^N sin(θ_j - θ_i); ω_i = 0.1*i; K = 2; N = 4; i = 1..N",
    "m x'' + c x' + k x = F0 sin w t cos 2t; m = k = 1; c = 0.1; F0 = 2; w = 3",
    r"\dot{x} &= \sigma (y - x), \\ \dot{y} &= x(\rho - z) - y, \\ \dot{z} &= x y - \beta z;"
    r" \sigma = 10; \rho = 28; \beta = \frac{8}{3}",
    r"\frac{d^2\theta}{dt^2} = -\frac{g}{l}\sin\left(\theta\right) - \sqrt{c}\,\dot\theta;"
    r" g = 9.8; l = 2; c = 0.1",
    "x' = x(1 - x) - h x y/(a + x); y' = y (x/(a + x) - d); h = 0.8; a = 0.2; d = 0.5",
]  # fmt: skip

PIECES = [
    "Σ", "x_τ", "dW", r"\frac{", r"\dot{", r"\\", "{", "&",
    *"xyt'=()+-*/^;,.[]{}|<>_012e²ẋ−·≤", "''", "..", "t - 1", "(0)", "1e300", "1e-300", "0",
    "sin", "sin(", "x_i", "i", "_{i+1}", "[n+1]", "x(t - 1)", "where(", "and", "pi", "1/0",
    "dx/dt", "sum_j(", "max(", "sum_{j=1}^", "; x = 1", "; i = 1..3", "\n", " ", "x'", "= ",
]  # fmt: skip


NUMBERS = ["0", "-1", "1e300", "1e-300", "-2.5", "1e9", "0.5"]


def changed(rng: random.Random) -> str:
    """One of the texts with one to four changes."""
    text = rng.choice(WRITTEN)
    for _ in range(rng.randint(1, 4)):
        at, kind = rng.randrange(len(text) + 1), rng.randrange(8)
        end = min(len(text), at + rng.randint(1, 4))
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:at] + text[at:end] * 2 + text[end:]
        elif kind == 2:
            text = text[:at] + rng.choice(PIECES) + text[at:]
        elif kind == 3:
            text = text[:at] + rng.choice(PIECES) + text[end:]
        elif kind > 4:  # a number becomes another
            numbers = [*re.finditer(r"(?<=[= (])\d[\d.e]*", text)] or [re.match("", text)]
            one = rng.choice(numbers)
            text = text[: one.start()] + rng.choice(NUMBERS) + text[one.end() :]
        else:
            other = rng.choice(WRITTEN)
            begin = rng.randrange(len(other))
            text = text[:at] + other[begin : begin + rng.randint(1, 20)] + text[end:]
    return text


def answer(text: str, solve: bool) -> str:
    """`read`, `solved`, or the kind of the error."""
    try:
        system = equations(text)
        if not solve:
            return "read"
        simulate(system, 3, dt=1 if system.kind == "map" else 0.01, scheme="rk4", substeps=2)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 500, str(error)
        return re.sub(r"`[^`]*`|column \d+|got [^.]*?(?= at)", "_", str(error))
    return "solved"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--solve", type=float, default=0.0, help="share that is also solved")
    options = parser.parse_args()
    rng, began = random.Random(options.seed), time.perf_counter()
    kinds: dict[str, int] = collections.Counter()
    first: dict[str, str] = {}
    texts = WRITTEN + [changed(rng) for _ in range(options.count)]
    for text in texts:
        try:
            kind = answer(text, rng.random() < options.solve)
        except Exception:
            print(f"{text!r} ends in", file=sys.stderr)
            raise
        kinds[kind] += 1
        first.setdefault(kind, text)
    for kind, count in sorted(kinds.items(), key=lambda one: -one[1]):
        print(f"{count:6}  {kind}\n          e.g. {' '.join(first[kind].split())}")
    print(f"{len(texts)} texts, {time.perf_counter() - began:.0f} s, no other exception")


if __name__ == "__main__":
    main()
