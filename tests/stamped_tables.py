"""Small tables with a column of stamps, written and read."""

import pandas as pd

from throughtime.data.loading import to_series


def read(tmp_path, stamps, name="date", values=None, **options):
    """The series in a table of these stamps and some values."""
    values = range(100, 100 + len(stamps)) if values is None else values
    rows = [f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([f"{name},y", *rows, ""]), encoding="utf-8")
    (series,) = to_series(path, **options)
    return series


def days(periods=60, freq="D", start="2021-01-29", form="%Y-%m-%d"):
    """Regular stamps as text."""
    return [t.strftime(form) for t in pd.date_range(start, periods=periods, freq=freq)]
