"""Draws the pictures of the architecture and the logo: `python docs/_ext/drawings.py`.

Boxes are light with dark text, lines and captions a middle grey, to be read on white and on
black.
"""

from html import escape
from pathlib import Path

STATIC = Path(__file__).parents[1] / "_static"
INK, GREY = "#1f2328", "#808080"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
BLUE, GREEN, AMBER, ROSE, PLAIN = "#d7e8f7", "#d8efe0", "#faecc8", "#f6dbe2", "#e9eaec"

HOUSE = [  # a storey a row, the ground at the bottom: the room, its colour, what it is for
    [("commands", ROSE, "the command line, one module a command")],
    [
        ("interop", ROSE, "other libraries"),
        ("lecture", ROSE, "the lecture's own programs"),
        ("reports", ROSE, "pages and pictures"),
    ],
    [
        ("tasks", AMBER, "long-range tasks, and the four ways to learn"),
        ("tuning", AMBER, "settings that are found by trials"),
    ],
    [("dynamics", AMBER, "equations, surrogates, and what a map does when it is left alone")],
    [
        ("forecasting", AMBER, "a series to a forecast, beside the baselines"),
        ("models", AMBER, "what stands beside its networks"),
    ],
    [
        ("reservoir", GREEN, "weights that are drawn once"),
        ("runs", GREEN, "a run on disk"),
    ],
    [("training", GREEN, "what is minimised, and how")],
    [
        ("recurrence", BLUE, "a map run through time"),
        ("data", BLUE, "a series and its inputs"),
    ],
    [
        ("stamps", BLUE, "stamps to a time axis"),
        ("tables", BLUE, "files to columns"),
    ],
    [
        ("_support", PLAIN, "files, seeds, precision"),
        ("errors", PLAIN, "rule, value, remedy"),
    ],
]

CSV = [  # the way of a file: what is there, the module that makes it, in order
    ("data.csv", "", PLAIN),
    ("Series", "data/loading.py", BLUE),
    ("training, validation, test", "forecasting/splits.py", AMBER),
    ("windows", "training/batches.py", GREEN),
    ("network", "recurrence/network.py", BLUE),
    ("trained weights", "training/train.py", GREEN),
    ("core, prior and weights", "models/series_model.py", AMBER),
    ("forecast and intervals", "forecasting/combined_predictor.py", AMBER),
    ("errors beside the baselines", "forecasting/backtest.py", AMBER),
    ("runs/data/", "runs/forecast_record.py", GREEN),
    ("report.html", "reports/forecast_report.py", ROSE),
]

EQUATION = [
    ("x' = v; v' = F - x", "", PLAIN),
    ("tree of expressions", "dynamics/equation_text/expressions.py", AMBER),
    ("System", "dynamics/equations.py", AMBER),
    ("trajectories", "dynamics/trajectories.py", AMBER),
    ("sequences", "training/batches.py", GREEN),
    ("network", "recurrence/network.py", BLUE),
    ("Surrogate", "dynamics/surrogate.py", AMBER),
    ("errors, closed-loop", "dynamics/surrogate_evaluation.py", AMBER),
    ("runs/surrogate-.../", "runs/surrogate_record.py", GREEN),
    ("report.html", "reports/surrogate_report.py", ROSE),
]


def _svg(width, height, body, title):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    size = f' width="{width}" height="{height}" role="img" font-family="{escape(FONT)}">'
    marker = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        f' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="{GREY}"/>'
        "</marker></defs>"
    )
    return "\n".join(
        [head + size, f"<title>{escape(title)}</title>", marker, *body, "</svg>", ""]
    )


def _box(x, y, width, height, colour):
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"'
    return f'{shape} fill="{colour}" stroke="{GREY}" stroke-width="0.8"/>'


def _text(x, y, text, size=14, weight=400, colour=INK, anchor="middle", family=""):
    look = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    family = f' font-family="{family}"' if family else ""
    return f'<text x="{x}" y="{y}" {look}{family}>{escape(text)}</text>'


def _arrow(points):
    path = " ".join(f"{x},{y}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{GREY}" stroke-width="1.4"'
    return f'{line} marker-end="url(#tip)"/>'


def house():
    """The rooms, one upon the other: each may import those below it."""
    width, storey, gap, left = 760, 54, 8, 40
    body, y = [], 10
    for row in HOUSE:
        share = (width - 2 - left - gap * (len(row) - 1)) / len(row)
        for i, (name, colour, purpose) in enumerate(row):
            x = left + i * (share + gap)
            body.append(_box(round(x, 1), y, round(share, 1), storey - gap, colour))
            middle = round(x + share / 2, 1)
            body.append(_text(middle, y + 19, name, 15, 600))
            body.append(_text(middle, y + 36, purpose, 12))
        y += storey
    body.append(_arrow([(16, 14), (16, y - 12)]))
    caption = f'<text transform="translate(30 {y / 2:.0f}) rotate(-90)" font-size="12"'
    body.append(f'{caption} fill="{GREY}" text-anchor="middle">may import</text>')
    return _svg(width, y + 2, body, "The rooms of the package, each above those it may import")


def way(steps, title):
    """One thing after the other, in two columns that are read downwards."""
    width, row, column, tall = 760, 76, 350, 50
    half = (len(steps) + 1) // 2
    body = []
    for i, (thing, module, colour) in enumerate(steps):
        x, y = (10 if i < half else width - 10 - column), 10 + row * (i % half)
        body.append(_box(x, y, column, tall, colour))
        middle = x + column / 2
        body.append(_text(middle, y + (21 if module else 31), thing, 15, 600))
        if module:
            body.append(_text(middle, y + 39, module, 12, family="ui-monospace, monospace"))
        if i == half - 1:
            below, between = y + tall / 2, width / 2
            turn = [(x + column, below), (between, below), (between, 10 + tall / 2)]
            body.append(_arrow([*turn, (width - 10 - column, 10 + tall / 2)]))
        elif i < len(steps) - 1:
            body.append(_arrow([(middle, y + tall), (middle, y + row)]))
    return _svg(width, 10 + row * half - (row - tall) + 10, body, title)


def search_rows():
    """The rows of a series as a search uses them, on one line in proportion."""
    width, parts = (
        760,
        [
            (0.512, "training", "51 %", GREEN),
            (0.128, "early stopping", "13 %", GREEN),
            (0.16, "judges trials", "16 %", AMBER),
            (0.2, "test, unseen by trials", "20 %", ROSE),
        ],
    )
    body, x = [], 5.0
    for share, name, size, colour in parts:
        wide = share * (width - 10)
        body.append(_box(round(x, 1), 8, round(wide - 3, 1), 50, colour))
        body.append(_text(round(x + wide / 2, 1), 29, name, 13, 600))
        body.append(_text(round(x + wide / 2, 1), 47, size, 12))
        x += wide
    return _svg(width, 66, body, "The rows of a series in a search")


def logo():
    """A recurrent unit, unrolled over three steps."""
    blue = "#2f7fc1"
    body = [f'<g fill="none" stroke="{blue}" stroke-width="5" stroke-linecap="round">']
    for x in (16, 48, 80):
        body += [f'<path d="M{x} 84V64"/>', f'<path d="M{x} 32V12"/>']
        body += [f'<circle cx="{x}" cy="48" r="9" fill="{blue}"/>']
    body += ['<path d="M27 48H37"/>', '<path d="M59 48H69"/>', "</g>"]
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">'
    return "\n".join([head, "<title>throughtime</title>", *body, "</svg>", ""])


def drawings():
    """Each picture by the name of its file."""
    return {
        "house.svg": house(),
        "csv-to-report.svg": way(CSV, "The way of a CSV file to a report"),
        "equation-to-surrogate.svg": way(EQUATION, "The way of an equation to a surrogate"),
        "search-rows.svg": search_rows(),
        "logo.svg": logo(),
    }


if __name__ == "__main__":
    for name, text in drawings().items():
        (STATIC / name).write_text(text, encoding="utf-8")
