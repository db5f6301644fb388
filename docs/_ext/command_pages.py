"""Writes the page of the command line: what `--help` says of each command, as tables."""

import re
from typing import Any

import typer


def page():
    """The page, from the commands that `throughtime` registers."""
    from throughtime.commands.app import app

    program: Any = typer.main.get_command(app)
    lines = ["Command line", "============", ""]
    lines += ["Every command explains itself with ``--help``; these are the same words.", ""]
    for name, command in program.commands.items():
        lines += [name, "-" * len(name), "", _markdown(command.help), ""]
        for title, options in _panels(command).items():
            lines += [f".. rubric:: {title}", "", ".. list-table::", "   :widths: 30 70", ""]
            for option in options:
                lines += [f"   * - {_names(option)}", f"     - {_markdown(_help(option))}"]
            lines += [""]
    return "\n".join(lines)


def _panels(command):
    """Options by the heading that they have in the help, arguments first."""
    panels = {}
    for option in command.params:
        is_argument = option.param_type_name == "argument"
        panel = getattr(option, "rich_help_panel", None)
        title = "Arguments" if is_argument else panel or "Options"
        if not getattr(option, "hidden", False) and option.name != "help":
            panels.setdefault(title, []).append(option)
    return dict(sorted(panels.items(), key=lambda item: item[0] != "Arguments"))


def _names(option):
    if option.param_type_name == "argument":
        return f"``{option.metavar or option.name.upper()}``"
    return ", ".join(f"``{name}``" for name in [*option.opts, *option.secondary_opts])


def _help(option):
    text = option.help or ""
    default = option.default
    plain = isinstance(default, str | int | float) and not isinstance(default, bool)
    return f"{text} Default: `{default}`." if plain and default != "" else text


def _markdown(text):
    """Help texts are Markdown: single backticks are code there."""
    parts = re.split(r"`([^`]+)`", text or "")
    parts[1::2] = [f"``{code}``" for code in parts[1::2]]
    parts[::2] = [re.sub(r"([*|])", r"\\\1", prose) for prose in parts[::2]]
    return "".join(parts).strip()


def write(file):
    """Write the page if it has changed."""
    text = page()
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
