"""Stream that looks like a terminal."""

import io


class Terminal(io.StringIO):
    """Stream that records its text, and that says it is a terminal."""

    def isatty(self):
        return True
