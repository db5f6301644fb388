"""throughtime learns the dynamics of sequences with recurrent networks.

>>> import throughtime as tt
>>> model = tt.Forecaster(window=40).fit("measured.csv")    # doctest: +SKIP
>>> model.predict(10).mean                                  # doctest: +SKIP

The public names are listed in `__init__.pyi`, and each is loaded when it is first used:
importing the package starts no device and sets no flag of JAX.
"""

import sys
from typing import Any

import lazy_loader

_public_name, _, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # here: it takes a while to load

        return version("throughtime")
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        # With the name and the module Python itself asks: "Did you mean: 'Forecaster'?"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
    return _public_name(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
