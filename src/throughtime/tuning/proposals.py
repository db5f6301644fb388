"""What to try next: Optuna's tree of Parzen estimators (Bergstra et al. 2011).

A proposal follows from the seed, the number of proposals before it, and the trials that have
ended: a search that was interrupted goes on as if it had not been.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from throughtime._support.seeds import generator
from throughtime.errors import InputError

from .space import Space, Values
from .trial import Trial, alike

STARTUP = 10
"""Trials that are proposed at random before errors are learned from."""

JUDGED = 30
"""Finished trials with a setting from which on its importance is estimated."""


def check_optuna() -> None:
    """Refuse a search without Optuna.

    Raises
    ------
    InputError
        If it is not installed.
    """
    if find_spec("optuna") is None:
        remedy = 'Install it with `pip install "throughtime[search]"`.'
        raise InputError("a search needs Optuna", "an environment without it", remedy)


class Proposals:
    """Settings to try, proposed by a study of Optuna that is told of every trial.

    Parameters
    ----------
    space
        What is tried.
    seed
        Seed of the proposals.
    trials
        The trials that have ended before.

    Attributes
    ----------
    study
        The study of Optuna, in memory, with the trials that lie in the space.
    """

    def __init__(self, space: Space, seed: int, trials: Sequence[Trial]):
        import optuna

        self.space, self.seed, self.asked = space, seed, 0
        self.begun = any(alike(trial.settings, space.first()) for trial in trials)
        with quiet():
            self.study = optuna.create_study()
        self.pending: dict[int, Any] = {}
        for trial in trials:
            self._add(trial)
            self.asked += 1

    def ask(self) -> tuple[int, dict[str, Any]]:
        """The settings to try next, and a ticket to tell the trial by.

        Those that the search begins with come first, also after an interruption before they
        had been tried.
        """
        import optuna

        self.asked += 1
        if not self.begun:
            self.begun = True
            return 0, self.space.first()
        number = int(generator(self.seed, self.asked).integers(2**32))
        with quiet():
            self.study.sampler = optuna.samplers.TPESampler(
                seed=number, n_startup_trials=STARTUP
            )
            asked = self.study.ask()
            chosen = {}
            if "cell" in self.space.values:
                chosen["cell"] = _suggest(asked, "cell", self.space.cells())
            cell = chosen.get("cell", self.space.base["cell"])
            for name, values in self.space.of_cell(cell).items():
                chosen[name] = _suggest(asked, name_of(name, cell, self.space), values)
        self.pending[asked.number] = asked
        return asked.number + 1, chosen

    def tell(self, ticket: int, trial: Trial) -> None:
        """What came of the settings of a ticket."""
        if not ticket:
            return self._add(trial)
        from optuna.trial import TrialState

        asked = self.pending.pop(ticket - 1)
        with quiet():
            for epoch, loss in enumerate(trial.losses):
                if math.isfinite(loss):
                    asked.report(loss, epoch)
            state = TrialState[STATES[trial.state]]
            self.study.tell(asked, trial.error, state)
        return None

    def importance(self) -> dict[str, float]:
        """The share of each setting in how good the trials were; empty if they are few.

        By PED-ANOVA (Watanabe et al. 2023), each setting among the trials that have it.
        """
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

        with quiet():
            found = {}
            finished = [t for t in self.study.trials if t.state.name == "COMPLETE"]
            for name in dict.fromkeys(name for trial in finished for name in trial.params):
                values = {trial.params[name] for trial in finished if name in trial.params}
                count = sum(name in trial.params for trial in finished)
                if count < JUDGED or len(values) < 2:
                    continue
                measure = PedAnovaImportanceEvaluator()
                found |= get_param_importances(
                    self.study, evaluator=measure, params=[name], normalize=False
                )
        total = sum(found.values())
        shares = {name: value / total for name, value in found.items()} if total else {}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def _add(self, trial: Trial) -> None:
        """Put a trial that has ended into the study, if the space holds it."""
        if not self.space.holds(trial.settings):
            return
        from optuna.trial import TrialState, create_trial

        cell = trial.settings.get("cell", self.space.base["cell"])
        tried = self.space.of_cell(cell) | {"cell": self.space.cells()}
        params, distributions = {}, {}
        for name, value in trial.settings.items():
            known = name if name == "cell" else name_of(name, cell, self.space)
            params[known] = value if _is_plain(value) else str(value)
            distributions[known] = _distribution(tried[name])
        with quiet():
            self.study.add_trial(
                create_trial(
                    state=TrialState[STATES[trial.state]],
                    value=trial.error,
                    params=params,
                    distributions=distributions,
                    intermediate_values={
                        i: loss for i, loss in enumerate(trial.losses) if math.isfinite(loss)
                    },
                )
            )


STATES = {"finished": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
"""The names that Optuna has for the states of a trial."""


def name_of(name: str, cell: Any, space: Space) -> str:
    """The name of a setting in the study: a reservoir may have choices of its own."""
    own = cell == "esn" and space.of_cell("esn")[name] != space.values.get(name)
    return f"{name} (esn)" if own else name


def _is_plain(value: Any) -> bool:
    """Whether Optuna takes a value as a choice."""
    return value is None or isinstance(value, bool | int | float | str)


def _distribution(values: Values) -> Any:
    """The distribution of Optuna for a range or choices."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(values, list):
        return CategoricalDistribution([v if _is_plain(v) else str(v) for v in values])
    low, high = values
    whole = isinstance(low, int) and isinstance(high, int)
    kind = IntDistribution if whole else FloatDistribution
    return kind(low, high, log=bool(low > 0 and high >= 10 * low))


def _suggest(asked: Any, name: str, values: Values) -> Any:
    """A value of a range or of choices, by Optuna."""
    found = _distribution(values)
    if isinstance(values, list):
        label = asked.suggest_categorical(name, found.choices)
        return values[found.choices.index(label)]
    whole = type(found).__name__ == "IntDistribution"
    suggest = asked.suggest_int if whole else asked.suggest_float
    return suggest(name, found.low, found.high, log=found.log)


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its announcements, and without its warnings of what is experimental."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            optuna.logging.set_verbosity(verbosity)
