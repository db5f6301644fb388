"""Twenty equations as they stand in textbooks and papers, each through `throughtime surrogate`.

    python benchmarks/textbook_equations.py

Each is learned with the defaults and judged on 20 unseen trajectories of 1,000 steps, or
answered in one line, as a delay is. The script prints exit status, processor seconds and the
error of each, writes them as JSON, and fails at any other end.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "results" / "textbook_equations.json"

TEXTS = {
    "Van der Pol": "d²x/dt² − μ (1 − x²) dx/dt + x = 0; μ = 1.5",
    "Duffing, driven": "x'' + δ x' + α x + β x³ = γ cos(ω t);"
    " δ = 0.3; α = -1; β = 1; γ = 0.5; ω = 1.2",
    "Lorenz 1963": "dx/dt = σ (y − x), dy/dt = x (ρ − z) − y, dz/dt = x y − β z;"
    " σ = 10; ρ = 28; β = 8/3",
    "Rössler 1976": "ẋ = −y − z; ẏ = x + a y; ż = b + z (x − c); a = 0.2; b = 0.2; c = 5.7",
    "Mackey and Glass 1977": "dx/dt = β x(t − τ)/(1 + x(t − τ)^n) − γ x;"
    " β = 0.2; γ = 0.1; n = 10; τ = 17; x(0) = 1.2",
    "Lorenz 1996": "dx_i/dt = (x_{i+1} − x_{i−2}) x_{i−1} − x_i + F; F = 8; i = 1..8",
    "FitzHugh and Nagumo": "v' = v − v³/3 − w + I; τ w' = v + a − b w;"
    " I = 0.5; a = 0.7; b = 0.8; τ = 12.5",
    "Hindmarsh and Rose 1984": "x' = y − a x³ + b x² − z + I; y' = c − d x² − y;"
    " z' = r (s (x − x1) − z);"
    " a = 1; b = 3; c = 1; d = 5; r = 0.006; s = 4; x1 = -1.6; I = 3.2",
    "Chua": "x' = α (y − x − f(x)); y' = x − y + z; z' = −β y;"
    " f(x) = m1 x + 0.5 (m0 − m1) (|x + 1| − |x − 1|);"
    " α = 15.6; β = 28; m0 = -8/7; m1 = -5/7; x(0) = 0.7",
    "Lotka and Volterra": "x' = α x − β x y; y' = δ x y − γ y;"
    " α = 1.1; β = 0.4; δ = 0.1; γ = 0.4; x(0) = 10; y(0) = 5",
    "SIR": "S' = −β S I/N; I' = β S I/N − γ I; R' = γ I; N = S + I + R;"
    " β = 0.5; γ = 0.1; S(0) = 0.99; I(0) = 0.01",
    "pendulum": "θ″ + c θ′ + (g/l) sin θ = 0; g = 9.81; l = 2; c = 0.1; θ(0) = 1",
    "Kuramoto, ring": "θ_i' = ω_i + K sin(θ_{i+1} − θ_i) + K sin(θ_{i−1} − θ_i);"
    " ω_i = 0.1*i; K = 0.5; i = 1..5",
    "logistic map": "x_{n+1} = r x_n (1 − x_n); r = 3.9; x_0 = 0.3",
    "Hénon map": "x_{n+1} = 1 − a x_n² + y_n; y_{n+1} = b x_n; a = 1.4; b = 0.3",
    "Ikeda, delayed": "x' = −x + μ sin(x(t − τ) − x0); μ = 6; τ = 1; x0 = 0.7; x(t <= 0) = 1",
    "Brusselator": "x' = A + x² y − (B + 1) x; y' = B x − x² y; A = 1; B = 3",
    "Oregonator, stiff": "ε x' = x (1 − x) − f z (x − q)/(x + q); z' = x − z;"
    " ε = 0.04; q = 8e-4; f = 1; x(0) = 0.2; z(0) = 0.2",
    "Stuart and Landau": "x' = μ x − ω y − (x² + y²) x; y' = ω x + μ y − (x² + y²) y;"
    " μ = 1; ω = 2",
    "dry friction on a belt": "m x'' + k x = −F sign(x' − V) / (1 + |x' − V|);"
    " m = 1; k = 1; F = 0.5; V = 0.3",
}  # fmt: skip


def run(name: str, text: str, folder: Path) -> dict[str, Any]:
    """Learn one text, and say how it went."""
    from throughtime.__main__ import main

    arguments = ["surrogate", text, "--unseen", "20", "--quiet", "--json"]
    out, err = io.StringIO(), io.StringIO()
    before, began = sys.argv, time.process_time()
    sys.argv = ["throughtime", *arguments, "--out", str(folder / name)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main()
    except SystemExit as end:
        status = end.code
    finally:
        sys.argv = before
    seconds = time.process_time() - began
    row = {"name": name, "text": text, "status": status, "seconds": round(seconds, 1)}
    row["said"] = err.getvalue().strip().splitlines()
    found = json.loads(out.getvalue()) if out.getvalue().strip() else {}
    schemes = found.get("schemes", {})
    row |= {"nrmse": found.get("nrmse", {}), "valid_time": found.get("valid_time")}
    return row | {"runge_kutta": schemes.get("Runge-Kutta 4", {}), "dt": found.get("dt")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="a part of the name")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    done = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in TEXTS.items():
            if options.only.lower() not in name.lower():
                continue
            one = run(name, text, Path(folder))
            done.append(one)
            error, told = one["nrmse"].get("median"), "; ".join(one["said"])
            line = f"{name:26}{one['status']!s:>4}{one['seconds']:>8} s  {error}  {told}"
            print(line, flush=True)
            written = json.dumps({"rows": done}, indent=1, ensure_ascii=False)
            options.out.write_text(written + "\n")
    learned = [one["name"] for one in done if one["status"] in (0, None)]
    answered = [one["name"] for one in done if one["status"] == 2 and len(one["said"]) == 1]
    print(f"{len(learned)} of {len(done)} learned, {len(answered)} answered in one line")
    failed = [one["name"] for one in done if one["name"] not in (*learned, *answered)]
    if failed:
        sys.exit(f"neither learned nor answered: {', '.join(failed)}")


if __name__ == "__main__":
    main()
