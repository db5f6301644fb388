"""Who runs the trials: this process, one after the other, or the workers of a Ray cluster.

Both are given calls, each with a ticket, and give back the ticket and the result of a call that
has ended.
"""

from collections.abc import Callable
from typing import Any

from throughtime.forecasting.processes import check_cluster, connect


class ThisProcess:
    """One call after the other, each when its result is asked for."""

    size = 1

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Callable[..., Any], tuple[Any, ...]]] = []

    def share(self, value: Any) -> Any:
        """A value that many calls take."""
        return value

    def submit(self, ticket: Any, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a function called."""
        self.calls.append((ticket, function, arguments))

    def next(self) -> tuple[Any, Any]:
        """The ticket and the result of the call that was submitted first."""
        ticket, function, arguments = self.calls.pop(0)
        return ticket, function(*arguments)

    def cancel(self) -> None:
        """Drop the calls that have not been made."""
        self.calls.clear()


class RayWorkers:
    """The workers of a Ray cluster, a processor each.

    Ray runs the call of a worker that was lost once more, up to three times.
    """

    def __init__(self) -> None:
        connect()
        import ray  # pyright: ignore

        self.ray = ray
        self.size = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.calls: dict[Any, Any] = {}

    def share(self, value: Any) -> Any:
        """A value that many calls take: it is sent to the cluster once."""
        return self.ray.put(value)

    def submit(self, ticket: Any, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a function called by a worker."""
        remote = self.ray.remote(max_retries=3)(function)
        self.calls[remote.remote(*arguments)] = ticket

    def next(self) -> tuple[Any, Any]:
        """The ticket and the result of a call that has ended; None if its worker was lost."""
        (done, *_), _ = self.ray.wait(list(self.calls))
        ticket = self.calls.pop(done)
        try:
            return ticket, self.ray.get(done)
        except (self.ray.exceptions.WorkerCrashedError, self.ray.exceptions.OutOfMemoryError):
            return ticket, None

    def cancel(self) -> None:
        """Drop the calls that have not ended."""
        for call in self.calls:
            self.ray.cancel(call, force=True)
        self.calls.clear()


Workers = ThisProcess | RayWorkers


def workers(on: str | None) -> Workers:
    """Those of `ray`, or this process alone.

    Raises
    ------
    InputError
        For another name, or if Ray is not installed or does not answer.
    """
    if on is None:
        return ThisProcess()
    check_cluster(on)
    return RayWorkers()
