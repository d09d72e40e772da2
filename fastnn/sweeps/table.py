"""Table of nets, which `print` shows as `rich.print` does."""

import io
import sys

from rich.console import Console
from rich.table import Table


class RunsTable(Table):
    """Table of rich with right-aligned columns, whose `str` is the table as text."""

    def __init__(self, title: list[str], columns: dict[str, list[str]]) -> None:
        super().__init__(
            title="\n".join(title),
            title_style="",
            title_justify="left",
            min_width=max(map(len, title)),
        )
        for name in columns:
            self.add_column(name, justify="right")
        for cells in zip(*columns.values(), strict=True):
            self.add_row(*cells)

    def __str__(self) -> str:
        # With the encoding of the standard output rich knows which lines it can draw.
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        stream = io.TextIOWrapper(io.BytesIO(), encoding, "replace", newline="")
        console = Console(
            file=stream, width=1000, color_system=None, force_jupyter=False
        )
        console.print(self)
        stream.seek(0)
        return "\n".join(line.rstrip() for line in stream.read().splitlines())

    __repr__ = __str__
