"""Scaling to mean 0 and standard deviation 1, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from throughtime.errors import InputError


@dataclass(frozen=True, eq=False)
class Scaler:
    """To zero mean and unit variance and back, $z = (x - \\mu) / \\sigma$, per column."""

    mean: Float64[np.ndarray, " columns"]
    std: Float64[np.ndarray, " columns"]

    @classmethod
    def fit(
        cls,
        parts: Sequence[Float[np.ndarray, "_ columns"]],
        names: Sequence[str] | None = None,
    ) -> "Scaler":
        """Mean and standard deviation over the rows of all `parts`: training data only.

        **Arguments:** `parts`, arrays (time, columns); `names`, one per column, for errors.

        **Raises:** `InputError` if there is no row, or if a column is constant.
        """
        rows = np.concatenate(parts).astype(np.float64) if parts else np.empty((0, 0))
        if not len(rows):
            raise InputError(
                "a scaler needs at least one row", "none", "Pass the training part."
            )
        names = [f"column {i + 1}" for i in range(rows.shape[1])] if names is None else names
        mean = rows.mean(axis=0)
        spread = np.abs(rows - mean).max(axis=0)
        # Relative, because the mean of equal values is itself rounded.
        constant = spread <= 1e-14 * np.abs(mean)
        if constant.any():
            i = int(constant.argmax())
            raise InputError(
                "a column must vary in the training part",
                f"{rows[0, i]:g} in each row of `{names[i]}`",
                "Leave the column out, or train on a longer part.",
            )
        # Squares of the deviation over its largest neither overflow nor vanish.
        return cls(mean, spread * np.sqrt(np.mean(((rows - mean) / spread) ** 2, axis=0)))

    def transform(
        self, values: Float[np.ndarray, "*batch columns"]
    ) -> Float64[np.ndarray, "*batch columns"]:
        """To scaled units, same shape. **Raises:** `InputError` if columns do not match."""
        return (self._columns(values) - self.mean) / self.std

    def inverse(
        self, values: Float[np.ndarray, "*batch columns"]
    ) -> Float64[np.ndarray, "*batch columns"]:
        """Back to the data's units, same shape; as `transform`."""
        return self._columns(values) * self.std + self.mean

    def _columns(self, values: np.ndarray) -> np.ndarray:
        if values.shape[-1:] != self.mean.shape:
            raise InputError(
                f"the last axis must hold the {len(self.mean)} columns of the scaler",
                f"shape {values.shape}",
                "Pass the columns that it was fitted on.",
            )
        return values

    def to_json(self) -> dict[str, list[float]]:
        """A plain dict that `from_json` reads back exactly."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, plain: dict[str, list[float]]) -> "Scaler":
        """The `Scaler` that `to_json` wrote."""
        return cls(np.array(plain["mean"], np.float64), np.array(plain["std"], np.float64))
