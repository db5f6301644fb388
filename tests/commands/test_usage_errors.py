"""Errors of Typer's, whatever their text is."""

import pytest
import typer

from throughtime.commands.app import app
from throughtime.commands.usage_errors import to_input_error


@pytest.mark.parametrize(
    ("command", "wanted"),
    {
        "forcast": "a command must be a known one; got `forcast`. Did you mean `forecast`?",
        "forecast --hiden 4": "must be a known one; got `--hiden`. Did you mean `--hidden`?",
        "forecast --hidden x": "`--hidden` must be a whole number; got `x`. See `throughtime f",
        "forecast --hidden=": "`--hidden` must be a whole number; got ``. See",
        "forecast --rate x": "`--rate` must be a number; got `x`. See",
        "forecast --clip x": "`--clip` must be a number; got `x`. See",
        "predict": "`throughtime predict` must be given its RUN; got none. See",
        "diagnose": "`throughtime diagnose` must be given its RUN; got none. See",
        "forecast --target": "`--target` must be followed by a value; got none. See",
        "forecast --plain=1": "`--plain` takes no value; got `1`. See",
        "forecast y --seed 3 z --json w": "no other arguments than its help names; got `z w`.",
        "update run --data y.csv": "got `--data`. Leave out the word `--data`: what follows it",
        "predict run y.csv": "got `y.csv`. Data follow the option: `--data y.csv`.",
        "info here": "no other arguments than its help names; got `here`. See",
    }.items(),
)
def test_an_error_does_not_depend_on_the_words_of_typer(command, wanted):
    with pytest.raises(Exception) as caught:
        app(command.split(), standalone_mode=False)
    error = caught.value
    assert isinstance(error, typer.BadParameter.__mro__[2])
    error.message = "etwas ist falsch"
    assert wanted in str(to_input_error(error, command.split()))
