"""Code blocks of the pages of documentation, and what the pages say that they print."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Not in the extra `test`: blocks that name them run where they are installed.
OPTIONAL = [
    name for name in ("keras", "torch") if importlib.util.find_spec(name) is None
]


def blocks(page, *languages):
    """The code of a page's blocks in these languages."""
    text = (ROOT / page).read_text()
    return [code for language, code in fences(text) if language in languages]


def run(page):
    """Run a page's blocks of Python one after the other; return the names they leave.

    A block of text that follows one of Python must be what that one printed. Times are
    not compared.
    """
    names, printed = {}, None
    for language, code in fences((ROOT / page).read_text()):
        if language == "text" and printed is not None:
            assert _without_times(printed) == _without_times(code), page
        printed = None
        missing = [name for name in OPTIONAL if re.search(rf"\b{name}", code)]
        if language == "python" and not missing:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, page, "exec"), names)
            printed = out.getvalue()
    return names


def fences(text):
    """The language and the code of each block of a text."""
    return re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL)


def _without_times(text):
    return re.sub(r"[\d.]+ s\b", "_ s", text)
