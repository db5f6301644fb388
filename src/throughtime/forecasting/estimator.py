"""The settings of an estimator by name, as scikit-learn reads and sets them."""

from dataclasses import dataclass, fields
from typing import Any

from throughtime.errors import InputError, did_you_mean


@dataclass(eq=False)
class Estimator:
    """A dataclass whose fields are its settings."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as for any scikit-learn estimator."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

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
