"""Splitting a series by time into training, validation and test parts."""

from dataclasses import dataclass

from throughtime.errors import InputError


@dataclass(frozen=True)
class Split:
    """Boundaries in time between the training, validation and test parts of a series.

    Training is `[0, train)`, validation `[train, validation)` and test `[validation, total)`.

    Attributes
    ----------
    train
        The first row after the training part.
    validation
        The first row after the validation part.
    total
        The number of rows.
    """

    train: int
    validation: int
    total: int

    @classmethod
    def by_time(
        cls,
        length: int,
        validation: float | int = 0.2,
        test: float | int = 0.2,
        *,
        short: bool = False,
    ) -> "Split":
        """Cut the end off for testing, then the end of what is left for validation.

        Parameters
        ----------
        length
            The number of rows.
        validation
            The share of the rows before the test part.
        test
            The share of all rows. The defaults give 64 %, 16 % and 20 % of the rows.
        short
            Leave out a validation or test part whose share is less than half a row.

        Raises
        ------
        InputError
            If a share is outside [0, 1), or a part would be empty.
        """
        shares = {"validation": validation, "test": test}
        for name, share in shares.items():
            if not 0 <= share < 1:
                raise InputError(
                    f"`{name}` must be a share of at least 0 and below 1",
                    share,
                    f"Pass `{name}=0.2` for a fifth.",
                )
        before_test = length - round(length * test)
        train = before_test - round(before_test * validation)
        sizes = {"training": train}
        if not short:
            sizes |= {"validation": before_test - train, "test": length - before_test}
        for name, size in sizes.items():
            if size < 1 and shares.get(name, 1) > 0:
                raise InputError(
                    f"the {name} part must have at least one row",
                    f"{length} rows, validation={validation:g} and test={test:g}",
                    "Pass a longer series or other shares.",
                )
        return cls(train, before_test, length)
