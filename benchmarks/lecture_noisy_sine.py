"""`throughtime example noisy-sine` beside the lecture's program in Keras on JAX, as processes.

python benchmarks/lecture_noisy_sine.py --peer PYTHON_WITH_KERAS
"""

from beside import compare
from rounds import HERE

compare(
    "lecture_noisy_sine",
    ["example", "noisy-sine", "--seed", "{seed}", "--out", "{out}", "--json", "-q"],
    [str(HERE / "peers" / "noisy_sine_keras.py"), "{out}", "{seed}"],
    lambda said: {"test_mse": said["test MSE"], "training_mse": said["training MSE"]},
    lambda said: {"test_mse": said["mse"], "training_mse": said["training_mse"]},
)
