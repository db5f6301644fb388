"""The settings of an estimator by name, as scikit-learn reads and sets them."""

from dataclasses import dataclass, fields
from typing import Any

from throughtime.errors import InputError, did_you_mean


@dataclass(eq=False, repr=False)
class Estimator:
    """A dataclass whose fields are its settings."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as for any scikit-learn estimator."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        """The settings that are not at their defaults, as in a call."""
        settings = [(f.name, getattr(self, f.name), f.default) for f in fields(self)]
        shown = [f"{name}={value!r}" for name, value, default in settings if value != default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def set_params(self, **settings: Any) -> Any:
        """Change settings by name.

        Raises
        ------
        InputError
            For an unknown name.
        """
        for name, value in settings.items():
            if name not in self.get_params():
                rule = "every setting must be a known one"
                raise InputError(rule, f"`{name}`", did_you_mean(name, self.get_params()))
            setattr(self, name, value)
        return self
