r"""Docstrings as they are written here, in reStructuredText.

In the source, code stands in single backticks and mathematics between dollars, as in Markdown,
because that is what reads well there. Here

- `` `code` `` becomes a link to what it names, or plain code if it names nothing;
- ``$x$`` and ``$$x$$`` become inline and displayed mathematics;
- a table of Markdown becomes a table.
"""

import re

ROLE = "named"
"""The role of code, which `docstrings.py` defines."""

TOKENS = re.compile(
    r"\$\$(?P<display>.+?)\$\$"
    r"|(?P<literal>``.+?``|:[\w:+.-]+:`[^`]+`)"
    r"|`(?P<code>[^`]+)`(?!_)"
    r"|\$(?P<inline>[^$\n]+(?:\n[^$\n]+)?)\$",
    re.DOTALL,
)
TABLE = re.compile(
    r"^(?P<indent> *)\|.*\|\n *\|(?: *:?-+:? *\|)+\n(?: *\|.*\|(?:\n|$))*", re.MULTILINE
)
CELLS = re.compile(r"(?<!\\)\|")
BAR = re.compile(r"(?<!\\)\|")
TRAILING = re.compile(r"(?<=\w)_(?=[\s.,;:)\]]|$)")
STAR = re.compile(r"(?<![\w*\\])\*(?=\w)(?![^\n]*\w\*(?!\*))")


def to_rst(text):
    """A docstring with its code, mathematics and tables in reStructuredText."""
    return _inline(TABLE.sub(_table, text))


def _table(match):
    indent, rows = match["indent"], match[0].strip().split("\n")
    lines = [f"{indent}.. list-table::", f"{indent}   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        cells = [cell.strip() for cell in CELLS.split(row.strip())[1:-1]]
        starts = ["* -", *["  -"] * (len(cells) - 1)]
        lines += [f"{indent}   {s} {c}".rstrip() for s, c in zip(starts, cells, strict=True)]
    return "\n".join([*lines, ""])


def _inline(text):
    parts, end = [], 0
    for match in TOKENS.finditer(text):
        parts.append(_prose(text[end : match.start()]))
        parts.append(_token(match, text))
        end = match.end()
    return "".join([*parts, _prose(text[end:])])


def _prose(text):
    """Bars, single stars and trailing underscores mean themselves; examples are left alone."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = STAR.sub(r"\\*", TRAILING.sub(r"\\_", BAR.sub(r"\\|", line)))
    return "\n".join(lines)


def _token(match, text):
    start = text.rfind("\n", 0, match.start()) + 1
    line = text[start : match.start()]
    if match["literal"] or line.lstrip().startswith((">>>", "...")):
        return match[0]
    if match["display"]:
        indent = re.match(r" *", line)[0]
        rows = [row.strip() for row in match["display"].strip().split("\n")]
        body = "".join(f"{indent}   {row}\n" for row in rows)
        return f"\n\n{indent}.. math::\n\n{body}\n{indent}"
    role = "math" if match["inline"] else ROLE
    body = " ".join((match["inline"] or match["code"]).split())
    body = body if role == "math" else body.replace("\\", "\\\\")
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    left = "" if not before or before in " \n([{'\"-/:<" else "\\ "
    right = "" if not after or after in " \n)]}'\".,:;!?-/>\\" else "\\ "
    return f"{left}:{role}:`{body}`{right}"
