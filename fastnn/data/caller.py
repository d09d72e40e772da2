"""Warnings that name the line of the user's code, however deep they arise."""

import sys
import warnings

_PACKAGE = __name__.partition(".")[0]


def warn_user(message: str, category: type[Warning]) -> None:
    """Issue a warning for the line that called this package."""
    level, frame = 1, sys._getframe()
    while (
        frame.f_back is not None
        and f"{frame.f_globals.get('__name__', '')}.".startswith(f"{_PACKAGE}.")
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
