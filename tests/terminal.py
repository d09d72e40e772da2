"""A stream that looks like a terminal."""

import io


class Terminal(io.StringIO):
    """Text written to it, from code that believes it writes to a terminal."""

    def isatty(self):
        return True
