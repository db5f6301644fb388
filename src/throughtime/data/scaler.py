"""Scaling to mean 0 and standard deviation 1, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from throughtime.errors import InputError


@dataclass(frozen=True, eq=False)
class Scaler:
    r"""Standardisation of each column, $z = (x - \mu) / \sigma$, and its inverse.

    Fit it on training data only: see `fit`.

    Parameters
    ----------
    mean
        (columns,) the mean $\mu$.
    std
        (columns,) the standard deviation $\sigma$.
    """

    mean: Float64[np.ndarray, " columns"]
    std: Float64[np.ndarray, " columns"]

    @classmethod
    def fit(
        cls,
        parts: Sequence[Float[np.ndarray, "_ columns"]],
        names: Sequence[str] | None = None,
        *,
        still: bool = False,
    ) -> "Scaler":
        """Mean and standard deviation over the rows of all parts.

        Parameters
        ----------
        parts
            Arrays (time, columns): the training data of one series or several.
        names
            One name per column, for errors.
        still
            Whether a column may be constant. Its standard deviation is then 1.

        Raises
        ------
        InputError
            If there is no row, or if a column is constant that may not be.
        """
        rows = np.concatenate(parts).astype(np.float64) if parts else np.empty((0, 0))
        if not len(rows):
            raise InputError(
                "a scaler needs at least one row", "none", "Pass the training part."
            )
        names = [f"column {i + 1}" for i in range(rows.shape[1])] if names is None else names
        mean = rows.mean(axis=0)
        largest = np.abs(rows - mean).max(axis=0)
        constant = ~varies(rows)
        if constant.any() and not still:
            i = int(constant.argmax())
            raise InputError(
                "a column must vary in the training part",
                f"{rows[0, i]:g} in each row of `{names[i]}`",
                "Leave the column out, or train on a longer part.",
            )
        if still:
            largest = np.where(constant, 1.0, largest)
        # Squared in units of the largest deviation, which neither overflows nor underflows.
        std = largest * np.sqrt(np.mean(((rows - mean) / largest) ** 2, axis=0))
        return cls(mean, np.where(constant, 1.0, std))

    def transform(
        self, values: Float[np.ndarray, "*batch columns"]
    ) -> Float64[np.ndarray, "*batch columns"]:
        """Convert values to scaled units.

        Parameters
        ----------
        values
            (..., columns) in the units of the data.

        Returns
        -------
        Array
            The scaled values, of the same shape.

        Raises
        ------
        InputError
            If the number of columns is not that of the scaler.
        """
        return (self._check_columns(values) - self.mean) / self.std

    def inverse(
        self, values: Float[np.ndarray, "*batch columns"]
    ) -> Float64[np.ndarray, "*batch columns"]:
        """Convert scaled values back to the units of the data; the inverse of `transform`."""
        return self._check_columns(values) * self.std + self.mean

    def _check_columns(self, values: np.ndarray) -> np.ndarray:
        if values.shape[-1:] != self.mean.shape:
            raise InputError(
                f"the last axis must hold the {len(self.mean)} columns of the scaler",
                f"shape {values.shape}",
                "Pass the columns that it was fitted on.",
            )
        return values

    def to_json(self) -> dict[str, list[float]]:
        """A dict of plain values, from which `from_json` restores the scaler exactly."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, plain: dict[str, list[float]]) -> "Scaler":
        """The scaler that `to_json` described.

        Raises
        ------
        ValueError
            If it is none: numbers that are not finite, or a deviation that is not positive.
        """
        mean, std = (np.array(plain[name], np.float64) for name in ("mean", "std"))
        if mean.shape != std.shape or not np.isfinite([mean, std]).all() or (std <= 0).any():
            raise ValueError("a scaler has a finite mean and a positive deviation each")
        return cls(mean, std)


def varies(rows: Float[np.ndarray, "time columns"]) -> Bool[np.ndarray, " columns"]:
    """Which columns are not constant."""
    mean = rows.mean(axis=0)
    # Relative, because the mean of equal values is itself rounded.
    return np.asarray(np.abs(rows - mean).max(axis=0) > 1e-14 * np.abs(mean))
