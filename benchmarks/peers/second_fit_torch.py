"""PyTorch's side of `second_fit.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from second_fit import BATCH, EPOCHS, HIDDEN, WASHOUT, timed, windows

torch.set_num_threads(1)  # a network of this size has no use for more


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(1, HIDDEN, batch_first=True)
        self.readout = torch.nn.Linear(HIDDEN, 1)

    def forward(self, xs):
        return self.readout(self.gru(xs)[0])


def error(network, xs, ys):
    return torch.nn.functional.mse_loss(network(xs)[:, WASHOUT:], ys[:, WASHOUT:])


def fit(values):
    xs, ys, other_xs, other_ys = map(torch.from_numpy, windows(values))
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(xs)).split(BATCH):
            optimiser.zero_grad()
            error(network, xs[rows], ys[rows]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        with torch.no_grad():
            error(network, other_xs, other_ys).item()


timed(fit)
