"""Completion in zsh from its first Tab on."""

import typer

LAST_LINE = "compdef %(complete_func)s %(prog_name)s\n"

ANSWER_OR_DEFINE = """\
if [[ $funcstack[1] == _%(prog_name)s ]]; then
  %(complete_func)s "$@"
else
  compdef %(complete_func)s %(prog_name)s
fi
"""


def answer_the_first_tab() -> None:
    """Mend Typer's script for zsh, which only defines the completion when it is loaded.

    zsh loads an installed script at the first Tab, as the body of a function that must answer;
    with Typer's own, that Tab does nothing. If Typer keeps its script elsewhere, this changes
    nothing.
    """
    shared = getattr(typer, "_completion_shared", None)
    scripts: dict[str, str] = getattr(shared, "_completion_scripts", {})
    script = scripts.get("zsh", "")
    if script.endswith(LAST_LINE):
        scripts["zsh"] = script.removesuffix(LAST_LINE) + ANSWER_OR_DEFINE
