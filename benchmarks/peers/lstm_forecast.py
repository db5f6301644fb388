"""The lecture's LSTM as a forecaster, in PyTorch, for `forecasting.py`.

    python -m peers.lstm_forecast LSTM FOLDER...

One layer of 32 units and a linear readout of the last step, on windows of 40 steps or a season,
Adam at 1e-3 on shuffled batches of 32, one step ahead; the epoch is kept whose validation error
on the last fifth of the training part is lowest. Predictions are fed back. It gives no
intervals. Three seeds; the file is that of `statistical_forecasts.py`, with `mean`
`(seed, origin, steps)`.
"""

import copy
import sys
import time
from pathlib import Path

import numpy as np
import torch
from peers.statistical_forecasts import save, standardised
from torch import nn

HIDDEN, WINDOW, RATE, BATCH, EPOCHS, PATIENCE, SEEDS = 32, 40, 1e-3, 32, 300, 20, 3
BATCHES, UPDATES = 100, 5000
"""At most, in an epoch and in all: for a long series batches are larger, epochs fewer."""


def main(method: str, folders: list[Path]) -> None:
    torch.set_num_threads(1)
    for folder in folders:
        if not (folder / f"{method}.npz").exists():
            run(folder, folder / f"{method}.npz")


def run(folder: Path, path: Path) -> None:
    """All seeds on one series; the seconds are those of one."""
    asked = np.load(folder / "job.npz")
    values, origins, steps = asked["values"], asked["origins"], int(asked["steps"])
    wall, cpu = time.perf_counter(), time.process_time()
    scaled, centre, scale = standardised(values, origins[0])
    scaled = torch.tensor(scaled, dtype=torch.float32)
    end = int(origins[0])
    fitted = end - end // 5
    window = min(max(WINDOW, int(asked["season"])), fitted // 2)
    forecasts = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        network = train(scaled[:end], fitted, window)
        forecasts.append(centre + scale * closed_loop(network, scaled, origins, steps, window))
    seconds = [(time.perf_counter() - wall) / SEEDS, (time.process_time() - cpu) / SEEDS]
    nothing = np.full((len(origins), steps), np.nan)
    note = f"window {window}, {SEEDS} seeds, no intervals"
    save(path, np.stack(forecasts), nothing, nothing, note, *seconds)
    print(f"{folder.name:<24}{path.stem:<24}{seconds[1]:>8.1f} s  {note}", flush=True)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(1, HIDDEN, batch_first=True)
        self.readout = nn.Linear(HIDDEN, 1)

    def forward(self, xs):
        hs, _ = self.rnn(xs[..., None])
        return self.readout(hs[:, -1])[:, 0]


def train(values: torch.Tensor, fitted: int, window: int) -> Network:
    """The network of the epoch with the lowest validation error."""
    xs, ys = values.unfold(0, window, 1)[:-1], values[window:]
    inside = fitted - window  # windows whose target is in the fitted part
    batch = max(BATCH, -(-inside // BATCHES))
    network, mse = Network(), nn.MSELoss()
    adam = torch.optim.Adam(network.parameters(), lr=RATE)
    best, kept, since = float("inf"), network, 0
    for _ in range(min(EPOCHS, UPDATES // -(-inside // batch))):
        for rows in torch.randperm(inside).split(batch):
            adam.zero_grad()
            mse(network(xs[rows]), ys[rows]).backward()
            adam.step()
        with torch.no_grad():
            error = mse(network(xs[inside:]), ys[inside:]).item()
        since += 1
        if error < best:
            best, kept, since = error, copy.deepcopy(network), 0
        if since == PATIENCE:
            break
    return kept


def closed_loop(network, values, origins, steps, window) -> np.ndarray:
    """Forecasts (origin, steps), each fed back as a value."""
    past = torch.stack([values[o - window : o] for o in origins.tolist()])
    with torch.no_grad():
        for _ in range(steps):
            past = torch.cat([past, network(past[:, -window:])[:, None]], dim=1)
    return past[:, window:].double().numpy()


if __name__ == "__main__":
    main(sys.argv[1], [Path(folder) for folder in sys.argv[2:]])
