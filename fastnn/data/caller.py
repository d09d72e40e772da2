"""Warnings that name the line of the user's code, however deep they arise."""

import sys
import warnings

# scikit-learn and joblib stand between users and the estimators.
_PACKAGES = (f"{__name__.partition('.')[0]}.", "sklearn.", "joblib.")


def warn_user(message: str, category: type[Warning]) -> None:
    """Issue a warning for the line that called this package, or scikit-learn."""
    level, frame = 1, sys._getframe()
    while (
        frame.f_back is not None
        and f"{frame.f_globals.get('__name__', '')}.".startswith(_PACKAGES)
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
