"""The command `throughtime resume`: an interrupted training, continued to the same bits."""

import shlex

from throughtime.errors import InputError

from . import forecast, surrogate
from .options import Json, On, Quiet, Run


def resume(run: Run, on: On = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """Continue an interrupted training, to the same bits as without the interruption.

    Example: `throughtime resume runs/sunspots`
    """
    from throughtime.forecasting.processes import spread
    from throughtime.runs import measured_record, surrogate_record
    from throughtime.tuning import journal

    if measured_record.is_measured(run):
        rule = "a training that was interrupted can be resumed"
        remedy = f"Forecast with `throughtime predict {shlex.quote(str(run))}`."
        raise InputError(rule, f"`{run}`, a model that is complete", remedy)
    if journal.is_search(run):
        rule = "a search goes on by its own command"
        raise InputError(rule, f"`{run}`", journal.how_to_go_on(run))
    if not surrogate_record.is_surrogate(run):
        with spread(on):
            forecast.train_and_print(run, as_json, quiet, on)
        return
    if on is not None:
        rule = "`--on` is for a forecasting run"
        raise InputError(rule, f"`{run}`, a surrogate", "Leave it out.")
    surrogate.train_and_print(run, as_json, quiet)
