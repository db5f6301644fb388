"""Progress: a bar on a terminal, plain lines elsewhere, nothing if it is not wanted."""

import io
import math
import re
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest
from rich.console import Console

from throughtime.training import progress
from throughtime.training.epoch import TrainState
from throughtime.training.history import Row
from throughtime.training.progress import Bar, Lines, Silent, fit_progress, show_progress


def row(epoch, loss=0.5, validation=0.25, member=0):
    return Row(member, epoch, loss, validation, 1.0, 1.0, 0.1 * epoch)


def terminal(term="xterm", **options):
    able = {"TERM": term}  # whatever the terminal of the tests is
    return Console(file=io.StringIO(), force_terminal=True, width=60, _environ=able, **options)


def file(**options):
    return Console(file=io.StringIO(), width=20, **options)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_display_suits_what_it_writes_to():
    assert isinstance(show_progress(3, console=terminal()), Bar)
    assert isinstance(show_progress(3, console=file()), Lines)
    assert isinstance(show_progress(3, quiet=True, console=terminal()), Silent)
    assert isinstance(show_progress(3, quiet=True, console=file()), Silent)


def test_lines_are_plain_and_spaced_in_time(clock):
    console = file()
    with Lines(console, 10) as lines:
        for epoch in range(1, 11):
            lines.show([row(k) for k in range(1, epoch + 1)])
            clock.now += 0.7
    printed = console.file.getvalue().splitlines()
    # The first, then one each 2 seconds (3 epochs of 0.7), and the last.
    assert printed == [
        f"epoch {epoch} of 10, loss 0.5, validation 0.25" for epoch in (1, 4, 7, 10)
    ]


def test_a_line_is_never_wrapped_or_coloured(clock):
    console = Console(
        file=io.StringIO(), width=10, force_terminal=True, color_system="truecolor"
    )
    with Lines(console, 1) as lines:
        lines.show([row(1, 1 / 3, 2e-9)])
    assert console.file.getvalue() == "epoch 1 of 1, loss 0.3333, validation 2e-09\n"


def test_losses_are_the_mean_of_the_members_that_train(clock):
    console = file()
    with Lines(console, 3) as lines:
        members = [row(2, 0.2, 0.4, 0), row(2, 0.4, 0.8, 1)]
        lines.show([row(1, 9.0, 9.0, 0), row(1, 9.0, 9.0, 1), *members])
        clock.now += 5
        lines.show([*members, row(3, 0.1, math.nan, 1)])
    assert console.file.getvalue().splitlines() == [
        "epoch 2 of 3, loss 0.3, validation 0.6",
        "epoch 3 of 3, loss 0.1",
    ]


def test_a_bar_fills_and_then_goes():
    console = terminal(legacy_windows=False)
    with Bar(console, 4) as bar:
        for epoch in range(1, 5):
            bar.show([row(epoch)])
        bar.progress.refresh()
    printed = console.file.getvalue()
    assert "training" in printed and "4/4" in printed and "loss 0.5, validation 0.25" in printed
    # The last codes erase it and show the cursor again: nothing of it stays.
    assert printed.endswith("\x1b[2K") and "\x1b[?25h" in printed


def test_a_bar_is_taken_down_after_an_error():
    console = terminal(legacy_windows=False)
    with pytest.raises(KeyboardInterrupt), Bar(console, 4) as bar:
        bar.show([row(1)])
        raise KeyboardInterrupt
    assert "\x1b[?25h" in console.file.getvalue()


def test_a_bar_on_a_dumb_terminal_has_no_codes():
    console = terminal("dumb")
    with show_progress(2, console=console) as shown:
        shown.show([row(1)])
        shown.show([row(2)])
    assert not re.search(r"\x1b\[", console.file.getvalue())


def test_silence():
    console = file()
    with show_progress(2, quiet=True, console=console) as shown:
        shown.show([row(1)])
    assert console.file.getvalue() == ""


def test_nothing_is_shown_on_stdout():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from throughtime.training.progress import show_progress\n"
            "from throughtime.training.history import Row\n"
            "with show_progress(1) as shown:\n"
            "    shown.show([Row(0, 1, 0.5, 0.25, 1.0, 1.0, 0.1)])\n",
        ],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("", "epoch 1 of 1, loss 0.5, validation 0.25\n")


def test_a_notebook_has_a_bar_of_its_own_that_leaves_nothing(monkeypatch):
    """By IPython's display alone: Rich would need ipywidgets, and warn without them."""
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content)

    def display(content, raw, display_id):
        shown.append(content)
        return Handle()

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr("rich.console.Console", partial(Console, force_jupyter=True))
    state = TrainState(*[None] * len(TrainState._fields))
    with fit_progress(2, None, lambda state, history: len(history) == 2) as after:
        ends = [after(state, [row(e) for e in range(1, epoch + 1)]) for epoch in (1, 2)]
    assert ends == [False, True]
    assert [re.findall('value="(.)"', one["text/html"]) for one in shown[:-1]] == [
        ["0"], ["1"], ["2"]
    ]  # fmt: skip
    assert shown[2]["text/plain"] == "epoch 2 of 2, loss 0.5, validation 0.25"
    assert shown[-1] == {"text/plain": "", "text/html": ""}


@pytest.mark.parametrize(("verbose", "is_terminal"), [(False, True), (None, False)])
def test_fit_shows_nothing_where_it_is_not_wanted(monkeypatch, verbose, is_terminal):
    monkeypatch.setattr("rich.console.Console", partial(Console, force_terminal=is_terminal))

    def own(state, history):
        return None

    with fit_progress(2, verbose, own) as after:
        assert after is own
