"""One table, written in the forms that people have; Hypothesis strategies for these."""

import bz2
import datetime as dt
import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass, field

from hypothesis import strategies as st

PACKINGS = {"": None, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@dataclass
class NumberForm:
    """How numbers are written."""

    decimal: str = "."
    group: str = ""
    before: str = ""
    after: str = ""
    minus: str = "-"
    exponent: str = ""

    def write(self, value):
        """A number with three decimals in this form."""
        text = f"{abs(value):,.3f}".replace(",", "\0").replace(".", self.decimal)
        text = text.replace("\0", self.group)
        if self.exponent:
            text = f"{abs(value):.6e}".replace("e", self.exponent).replace(".", self.decimal)
        text = f"{self.before}{text}{self.after}"
        if value >= 0:
            return text
        return f"({text})" if self.minus == "(" else f"{self.minus}{text}"


@dataclass
class Form:
    """How a table is written."""

    numbers: NumberForm = field(default_factory=NumberForm)
    separator: str = ","
    header: bool = True
    title: bool = False
    comment: bool = False
    units: bool = False
    note: bool = False
    blanks: bool = False
    row_names: bool = False
    trailing: bool = False
    spaced: bool = False
    encoding: str = "utf-8"
    newline: str = "\n"
    packing: str = ""
    missing: str | None = None

    def cell(self, text):
        """A cell, quoted where it must be."""
        quoted = self.separator in text or (self.separator == " " and not text)
        return f'"{text}"' if quoted else text

    def write(self, values, stamps=None):
        """The bytes of a file with a stamp and a value in each row; None is missing.

        The stamps are text; by default the days from 29 January 2021 on.
        """
        first = dt.date(2021, 1, 29)
        days = stamps or [str(first + dt.timedelta(days=i)) for i in range(len(values))]
        texts = [self.missing if v is None else self.numbers.write(v) for v in values]
        rows = [[d, t] for d, t in zip(days, texts, strict=True)]
        if self.row_names:
            rows = [[f'"{i}"', *row] for i, row in enumerate(rows, 1)]
        lines = (
            [["date", "flow"], *([["", "m3/s"]] if self.units else [])] if self.header else []
        )
        pad = " " if self.spaced and self.separator != " " else ""
        end = self.separator if self.trailing else ""
        text = [
            f"{pad}{self.separator}{pad}".join(
                c if c.startswith('"') else self.cell(c) for c in row
            )
            + end
            for row in [*lines, *rows]
        ]
        if self.blanks:
            text = [line for one in text for line in (one, "")]
        text = ["Flow of the river at the weir", ""] * self.title + text
        text = ["# station 12", "#", *text] if self.comment else text
        text += ["", "Source: hydrological office"] * self.note
        raw = self.newline.join([*text, ""]).encode(self.encoding)
        pack = PACKINGS.get(self.packing)
        if self.packing == ".zip":
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("inner/lab.csv", raw)
            return file.getvalue()
        return pack(raw) if pack else raw


number_forms = st.one_of(
    st.builds(
        NumberForm,
        decimal=st.sampled_from(".,"),
        group=st.sampled_from(["", " ", "\u00a0", "'", "’", "\u202f"]),
        before=st.sampled_from(["", "$", "€ ", "USD "]),
        minus=st.sampled_from(["-", "−", "("]),
    ),
    st.builds(
        NumberForm,
        decimal=st.sampled_from(".,"),
        after=st.sampled_from(["%", " %", " m3/s", " °C", "kg"]),
        minus=st.sampled_from(["-", "−"]),
    ),
    st.builds(NumberForm, exponent=st.sampled_from(["e", "E", "D", "d"])),
    st.sampled_from([NumberForm(".", ","), NumberForm(",", "."), NumberForm(".", ",", "$")]),
)

forms = st.builds(
    Form,
    numbers=number_forms,
    separator=st.sampled_from(",;\t| "),
    title=st.booleans(),
    comment=st.booleans(),
    note=st.booleans(),
    blanks=st.booleans(),
    trailing=st.booleans(),
    spaced=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    packing=st.sampled_from([*PACKINGS, ".zip"]),
    units=st.booleans(),
).map(lambda form: _possible(form))


def _possible(form):
    """The form, without what cannot stand beside blanks between columns."""
    if form.separator == " ":
        form.trailing = form.units = form.title = False
    return form
