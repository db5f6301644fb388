"""The lecture's Keras program, written anew with its settings; prints what it reached as JSON.

SimpleRNN of 32 relu units on one step of 4 features, Dense 8 relu, Dense 1, RMSprop, 100
epochs of batches of 16, evaluate, predict both parts, plot.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import matplotlib

matplotlib.use("Agg")
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

STEP, TRAINING = 4, 800


def last_four(values):
    values = np.append(values, np.repeat(values[-1], STEP))
    pairs = [(values[i : i + STEP], values[i + STEP]) for i in range(len(values) - STEP)]
    xs, ys = (np.array(part) for part in zip(*pairs, strict=True))
    return xs.reshape(len(xs), 1, STEP), ys


def main(folder: Path, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    t = np.arange(1000)
    frame = pd.DataFrame(np.sin(0.02 * t) + 2 * np.random.default_rng(seed).random(1000))
    values = frame.values[:, 0]
    (train_x, train_y), (test_x, test_y) = (
        last_four(values[:TRAINING]),
        last_four(values[TRAINING:]),
    )
    network = keras.Sequential(
        [
            keras.Input((1, STEP)),
            keras.layers.SimpleRNN(32, activation="relu"),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    network.compile(loss="mean_squared_error", optimizer="rmsprop")
    network.summary(print_fn=lambda line: print(line, file=sys.stderr))
    network.fit(train_x, train_y, epochs=100, batch_size=16, verbose=0)
    predicted = np.concatenate([network.predict(x, verbose=0) for x in (train_x, test_x)])
    training = network.evaluate(train_x, train_y, verbose=0)
    test = network.evaluate(test_x, test_y, verbose=0)
    plt.figure()
    plt.plot(frame)
    plt.plot(predicted)
    plt.savefig(folder / "prediction.png")
    print(json.dumps({"mse": float(test), "training_mse": float(training)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
