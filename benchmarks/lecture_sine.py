"""`throughtime example sine` beside the lecture's PyTorch program, whole processes.

python benchmarks/lecture_sine.py --peer PYTHON_WITH_TORCH
"""

from beside import compare
from rounds import HERE

compare(
    "lecture_sine",
    ["example", "sine", "--seed", "{seed}", "--out", "{out}", "--json", "-q"],
    [str(HERE / "peers" / "sine_torch.py"), "{out}", "{seed}"],
    lambda said: {
        "validation_mse": said["validation MSE, last epoch"],
        "closed_loop_rmse": said["closed-loop RMSE over 200 steps"],
    },
    lambda said: {
        "validation_mse": said["mse"],
        "closed_loop_rmse": said["closed_loop_rmse"],
    },
)
