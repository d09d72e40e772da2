"""Print the figures of the structure, such as entries, circles, moves and lines.

    python tests/figures.py            # print them
    python tests/figures.py --check    # and fail where one is above its limit

A *move* is a step of the running program from one file to another. `sys.setprofile`
reports each call and each return of a Python function: after a call the function that
was called runs, after a return its caller. Functions outside `fastnn/` and `kernels/`
are skipped. Only the calling thread counts, because the moves of worker threads vary by
one or two from run to run. The third call is counted, so compilation is over. By this
definition, commit 0d1bb51 has 137 moves in `fit` and 222 in `fit_many`.

A *circle* is a set of files that import one another, directly or through others. An
import counts wherever it stands, also in a function or for types only.
"""

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("fastnn", "kernels")
CODE = (*PACKAGES, "tests", "bench", "examples", "noxfile.py")
LINE_LENGTH = 88
NO_ENTRIES = {"__init__.py", "__main__.py", "py.typed", "__pycache__"}
LIMITS = {
    "entries in fastnn/": 13,
    "entries in kernels/": 8,
    "files in import circles": 0,
    "moves between files in fit": 80,
    "moves between files in fit_many": 120,
    # those of fit and fit_many are their users' options, by name; no other has so many
    "parameters of a function, at most": 25,
    f"lines over {LINE_LENGTH} columns": 0,
}
Figure = tuple[int, str]  # the value, and what to look at if it is too large


def main() -> None:
    """Print all figures, and with --check fail where one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail above a limit")
    check = parser.parse_args().check
    sys.path.insert(0, str(ROOT))  # this checkout, whatever is installed
    failed = []
    for name, (value, remark) in figures(ROOT):
        limit = LIMITS.get(name)
        at_most = "" if limit is None else f"(at most {limit})"
        print(f"{name:35}{value:>7,}  {at_most:14}{remark}".rstrip())
        if limit is not None and value > limit:
            failed.append(f"{name}: {value}, which must be at most {limit}. {remark}")
    if check and failed:
        raise SystemExit("\n".join(failed))


def figures(root: Path) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the value of each figure of a checkout."""
    for package in PACKAGES:
        yield f"entries in {package}/", entries(root / package)
    yield "files in import circles", circles(root)
    for name, seeds in (("fit", None), ("fit_many", range(4))):
        yield f"moves between files in {name}", moves(root, seeds)
    yield "parameters of a function, at most", parameters(root)
    for package in (*PACKAGES, "tests", "bench"):
        lines = sum(len(file.read_text().splitlines()) for file in files(root, package))
        yield f"lines in {package}/", (lines, "")
    yield (
        f"lines over {LINE_LENGTH} columns",
        matching_lines(root, f".{{{LINE_LENGTH + 1},}}$"),
    )
    yield (
        "marks that switch formatting off",
        matching_lines(root, r".*#\s*fmt:\s*(skip|off)"),
    )


def entries(folder: Path) -> Figure:
    """Count what a reader sees on opening a package's folder."""
    names = sorted({path.name for path in folder.iterdir()} - NO_ENTRIES)
    return len(names), " ".join(name.removesuffix(".py") for name in names)


def files(root: Path, *folders: str) -> Iterator[Path]:
    """Yield the Python files of some folders, each once: links are not followed."""
    for folder in folders:
        path = root / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            if not any(part.is_symlink() for part in file.parents):
                yield file


def matching_lines(root: Path, pattern: str) -> Figure:
    """Count the lines that match a pattern from their start."""
    places = [
        f"{file.relative_to(root)}:{number}"
        for file in files(root, *CODE)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if re.match(pattern, line)
    ]
    return len(places), some(places)


def some(names: list[str]) -> str:
    """Name a few of many."""
    return " ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def parameters(root: Path) -> Figure:
    """Find the function with the most parameters, not counting self and cls."""
    counts = []
    for file in files(root, *PACKAGES):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                a = node.args
                names = [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg]
                taken = [arg for arg in names if arg and arg.arg not in ("self", "cls")]
                place = f"{node.name} in {file.relative_to(root)}"
                counts.append((len(taken), place))
    return max(counts)


def circles(root: Path) -> Figure:
    """Count the files that import themselves through others."""
    graph = import_graph(root)
    reached: dict[str, set[str]] = {}
    for name in graph:
        reached[name], ahead = set(), [name]
        while ahead:
            new = graph[ahead.pop()] - reached[name]
            reached[name] |= new
            ahead += new
    names = sorted(name for name in graph if name in reached[name])
    return len(names), some(names)


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return the modules that each module imports, with `kernels` as fastnn.kernels."""
    modules = {}
    for file in files(root, *PACKAGES):
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        name = f"fastnn.{name}" if name.startswith("kernels.") else name
        modules[name.removesuffix(".__init__")] = file
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, file in modules.items():
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parts = package.split(".")
                    parts = parts[: len(parts) - node.level + 1]
                    base = ".".join([*parts, base]) if base else ".".join(parts)
                # A name is a module of its own, or it comes from the package's file.
                submodules = [f"{base}.{alias.name}" for alias in node.names]
                targets = [name if name in modules else base for name in submodules]
            else:
                continue
            graph[name].update(target for target in targets if target in modules)
    return graph


def moves(root: Path, seeds: range | None) -> Figure:
    """Count the moves of a warm call that trains one net, or one net per seed."""
    import fastnn

    X, y = fastnn.datasets.xor_gate()
    how: dict[str, Any] = {"epochs": 1, "lr": 0.1, "batch_size": 1, "progress": False}

    for _ in range(3):
        net = fastnn.mlp(2, 2, 1, seed=0)
        train = (
            net.fit if seeds is None else partial(net.fit_many, seeds=seeds, n_jobs=1)
        )
        folders = [str(root / package) for package in PACKAGES]
        count, n_files = count_moves(partial(train, X, y, **how), folders)
    return count, f"in {n_files} files"


def count_moves(work: Callable[[], object], folders: list[str]) -> tuple[int, int]:
    """Count the moves between files of some folders, and the files."""
    way: list[str] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "return"):
            return  # of a function in C
        running = frame.f_back if event == "return" else frame
        if running is not None:
            file = running.f_code.co_filename
            if file.startswith(tuple(folders)):
                way.append(file)

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return sum(a != b for a, b in pairwise(way)), len(set(way))


if __name__ == "__main__":
    main()
