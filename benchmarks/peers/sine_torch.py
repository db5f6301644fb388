"""The lecture's PyTorch program, written anew with its settings; prints its result as JSON.

An nn.RNN of 64 tanh units on windows of 20 steps, a linear readout of the last step, Adam at
1e-3, 100 epochs of shuffled batches of 32, eager, then 200 steps closed-loop and two pictures.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

WINDOW, HIDDEN, EPOCHS, BATCH = 20, 64, 100, 32


class Windows(Dataset):
    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values) - WINDOW

    def __getitem__(self, i):
        return self.values[i : i + WINDOW].unsqueeze(-1), self.values[i + WINDOW]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(1, HIDDEN, batch_first=True)
        self.readout = nn.Linear(HIDDEN, 1)

    def forward(self, xs):
        hs, _ = self.rnn(xs)
        return self.readout(hs[:, -1])


def main(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    t = torch.linspace(0, 4 * torch.pi, 1000)
    wave = torch.sin(t)
    training = DataLoader(Windows(wave[:800]), batch_size=BATCH, shuffle=True)
    validation = DataLoader(Windows(wave[800:]), batch_size=BATCH)
    network, mse = Network(), nn.MSELoss()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = {"training": [], "validation": []}
    for epoch in range(EPOCHS):
        network.train()
        total = 0.0
        for xs, ys in training:
            adam.zero_grad()
            loss = mse(network(xs), ys.unsqueeze(-1))
            loss.backward()
            adam.step()
            total += loss.item()
        losses["training"].append(total / len(training))
        network.eval()
        with torch.no_grad():
            # The mean over examples, so that both programs report the same quantity.
            squares = [((network(xs)[:, 0] - ys) ** 2).sum().item() for xs, ys in validation]
        losses["validation"].append(sum(squares) / len(validation.dataset))
        print(f"epoch {epoch + 1}: {losses['validation'][-1]:.3g}", file=sys.stderr)

    past = wave[800 - WINDOW : 800].reshape(1, WINDOW, 1)
    forecast = []
    with torch.no_grad():
        for _ in range(200):
            y = network(past)
            forecast.append(y.item())
            past = torch.cat([past[:, 1:], y.unsqueeze(1)], dim=1)
    rmse = (torch.tensor(forecast) - wave[800:]).pow(2).mean().sqrt().item()

    plt.figure(figsize=(12, 6))
    plt.plot(t[800:], wave[800:], label="truth")
    plt.plot(t[800:], forecast, label="network")
    plt.legend()
    plt.savefig(folder / "prediction.png")
    plt.figure(figsize=(10, 5))
    for name, values in losses.items():
        plt.plot(values, label=name)
    plt.legend()
    plt.savefig(folder / "losses.png")
    print(json.dumps({"mse": losses["validation"][-1], "closed_loop_rmse": rmse}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
