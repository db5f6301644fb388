"""The command `throughtime resume`: an interrupted training, continued to the same bits."""

from . import forecast, surrogate
from .options import Json, Quiet, Run


def resume(run: Run, as_json: Json = False, quiet: Quiet = False) -> None:
    """Continue an interrupted training, to the same bits as without the interruption.

    Example: `throughtime resume runs/sunspots`
    """
    from throughtime.runs import surrogate_record

    command = surrogate if surrogate_record.is_surrogate(run) else forecast
    command.train_and_print(run, as_json, quiet)
