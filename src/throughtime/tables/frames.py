"""Data frames of every library as one kind, with their index or coordinates as columns."""

from typing import Any

import narwhals as nw

from throughtime.errors import InputError


def as_frame(data: Any) -> nw.DataFrame[Any] | None:
    """A data frame or a named column of any library, None for anything else.

    Parameters
    ----------
    data
        A pandas, Polars or PyArrow table or column, an xarray `DataArray` or `Dataset`, a
        Darts `TimeSeries`. An index is a column, unless it only counts the rows; durations
        become seconds.

    Raises
    ------
    InputError
        If two columns have one name, or the data cannot be collected.
    """
    data = _own_table(nw.to_native(data, pass_through=True))
    data = _index_to_columns(data)
    native: Any = nw.from_native(data, allow_series=True, pass_through=True)
    if isinstance(native, nw.LazyFrame):
        native = _collect(native)
    if isinstance(native, nw.Series):
        native = native.alias(native.name or "value").to_frame()
    return _durations_to_seconds(native) if isinstance(native, nw.DataFrame) else None


def check_distinct(names: list[str]) -> None:
    """Refuse column names of which two are equal."""
    repeated = next((n for n in names if names.count(n) > 1), None)
    if repeated is not None:
        raise InputError(
            "column names must differ", f"`{repeated}` twice", "Rename one of them."
        )


def _own_table(data: Any) -> Any:
    """The table that an object of xarray or Darts makes of itself."""
    library = type(data).__module__.partition(".")[0]
    if library == "xarray":
        if hasattr(data, "data_vars"):
            return data.to_dataframe() if data.dims else data
        return data.to_dataframe(name="value" if data.name is None else data.name)
    if library == "darts":
        make = getattr(data, "to_dataframe", None) or data.pd_dataframe
        return make()
    return data


def _index_to_columns(data: Any) -> Any:
    """Make the index of a pandas object its first columns: Narwhals does not read an index."""
    if nw.dependencies.is_pyarrow_table(data):
        check_distinct(data.column_names)
    if nw.dependencies.is_pandas_like_series(data):
        data = data.to_frame("value" if data.name is None else data.name)
    if not nw.dependencies.is_pandas_like_dataframe(data):
        return data
    data = data.set_axis([_column_name(c) for c in data.columns], axis=1)
    if not _counts_rows(data.index):
        names = _index_names(data)
        data = data.set_axis(data.index.set_names(names), axis=0)
        data = data.reset_index(allow_duplicates=True)
    check_distinct(list(data.columns))
    for i, dtype in enumerate(data.dtypes):
        if type(dtype).__name__ == "PeriodDtype":
            name = data.columns[i]
            data = data.assign(**{name: data[name].dt.to_timestamp()})
    return data


def _column_name(name: Any) -> str:
    return " ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name)


def _counts_rows(index: Any) -> bool:
    """Whether an index has no name and only counts the rows: 0, 1, 2, ..."""
    counted = type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
    return counted and index.name is None


def _index_names(data: Any) -> list[str]:
    """Names for the levels of an index; made-up ones differ from those of the columns."""
    index, names = data.index, []
    for i, name in enumerate(index.names):
        level = index.get_level_values(i)
        times = level.dtype.kind in "Mm" or type(level).__name__ == "PeriodIndex"
        made = "time" if times else "index"
        while name is None and made in [*data.columns, *names]:
            made += "_"
        names.append(made if name is None else _column_name(name))
    return names


def _collect(lazy: Any) -> Any:
    try:
        return lazy.collect()
    except Exception as error:  # whatever the library that it comes from raises
        cause = str(error).strip().split("\n")[0]
        raise InputError(
            "a lazy table must be collectable", cause, "Correct what it reads or computes."
        ) from None


def _durations_to_seconds(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    durations = [name for name in frame.columns if frame[name].dtype == nw.Duration]
    seconds = [nw.col(n).dt.total_microseconds().cast(nw.Float64) / 1e6 for n in durations]
    return frame.with_columns(*seconds) if durations else frame
