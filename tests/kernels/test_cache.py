"""Machine code on disk is used again, is never stale, and never makes a call fail."""

import compileall
import hashlib
import os
import pickle
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn
from fastnn import kernels

pytestmark = pytest.mark.compiled

# Runs a kernel, and prints whether it was compiled or loaded.
TEMPLATE = """
import fastnn
from fastnn import kernels
out = fastnn.{layer}.forward([[0.0, 1.0]]).tolist()
hits = sum(kernels.loops.layers.{kernel}.stats.cache_hits.values())
print(out, "loaded" if hits else "compiled")
"""
# A kernel that compiles in a third of a second.
PROGRAM = TEMPLATE.format(layer="Repeat(2)", kernel="repeat_row")
RIGHT = [[0.0, 1.0], [0.0, 1.0]]
# A kernel that needs functions of other files.
SIGMOID_PROGRAM = TEMPLATE.format(layer="Sigmoid()", kernel="activation_forward")
SIGMOID = [[0.5, 0.7310585786300049]]
EDITED_SIGMOID = [[0.3333333333333333, 0.5761168847658291]]
POWER, TWICE_THE_POWER = "fma(power, less_1, power)", "2.0 * fma(power, less_1, power)"


def new_kernel():
    """Return a kernel as another process would have it: not compiled yet."""

    @kernels.compiler.compile.entry_point
    def kernel(x):
        return x + 1.0

    return kernel


@pytest.fixture
def call(monkeypatch, caplog):
    """Return a function that calls a new kernel; it returns how, and the log lines."""
    cache = kernels.compiler.cache

    def call(folder):
        monkeypatch.setenv("FASTNN_CACHE_DIR", str(folder))
        cache._warn.cache_clear()
        caplog.clear()
        kernel = new_kernel()
        assert kernel(1.0) == 2.0
        hits = sum(kernel.stats.cache_hits.values())
        return "loaded" if hits else "compiled", caplog.messages

    yield call
    cache._warn.cache_clear()


def run(folder, program=PROGRAM, **variables):
    """Run a program with its cache in `folder`; return what it printed, and its log."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("FASTNN", "NUMBA", "XDG"))
    }
    if folder is not None:
        environment["FASTNN_CACHE_DIR"] = str(folder)
    environment |= variables
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


def test_a_second_process_compiles_nothing(tmp_path):
    folder = tmp_path / "a" / "b"
    assert run(folder) == (f"{RIGHT} compiled", "")
    assert run(folder) == (f"{RIGHT} loaded", "")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.suffix for file in folder.iterdir()] == [".bin"]


def test_code_that_checks_bounds_is_stored_apart(tmp_path):
    run(tmp_path)
    (file,) = tmp_path.iterdir()
    assert run(tmp_path, NUMBA_BOUNDSCHECK="1")[0] == f"{RIGHT} compiled"
    assert len(list(tmp_path.iterdir())) == 2
    assert file.exists()
    assert run(tmp_path)[0] == f"{RIGHT} loaded"


def copied(tmp_path):
    """Return a copy of the package in which fastnn/kernels is a folder."""
    copy = tmp_path / "copy" / "fastnn"
    shutil.copytree(
        Path(fastnn.__file__).parent,
        copy,
        ignore=shutil.ignore_patterns("__pycache__", "kernels"),
    )
    shutil.copytree(
        Path(kernels.__file__).parent,
        copy / "kernels",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return copy


def test_an_edit_of_any_file_of_the_kernels_is_seen(tmp_path):
    copy = copied(tmp_path)
    # the kernel itself is in loops/layers.py
    helper = copy / "kernels" / "primitives" / "elementary.py"
    here = f"import sys; sys.path.insert(0, {str(copy.parent)!r})\n" + SIGMOID_PROGRAM
    folder = tmp_path / "cache"
    assert run(folder, here)[0] == f"{SIGMOID} compiled"
    assert run(folder, here)[0] == f"{SIGMOID} loaded"
    source = helper.read_text()
    assert POWER in source
    helper.write_text(source.replace(POWER, TWICE_THE_POWER))
    assert run(folder, here)[0] == f"{EDITED_SIGMOID} compiled"
    helper.write_text(source)
    assert run(folder, here)[0] == f"{SIGMOID} loaded"


def test_code_of_sources_edited_since_their_import_is_not_stored(tmp_path):
    copy = copied(tmp_path)
    helper = copy / "kernels" / "primitives" / "elementary.py"
    source = helper.read_text()
    edited = source.replace(POWER, TWICE_THE_POWER)
    path = f"import sys; sys.path.insert(0, {str(copy.parent)!r})\n"
    load = "from fastnn import kernels; kernels.loops\n"
    edit = load + f"open({str(helper)!r}, 'w').write({edited!r})\n"
    folder = tmp_path / "cache"
    out, err = run(folder, path + edit + SIGMOID_PROGRAM)
    assert out == f"{SIGMOID} compiled"  # with the code that was imported
    assert "have changed since" in err
    assert run(folder, path + SIGMOID_PROGRAM)[0] == f"{EDITED_SIGMOID} compiled"
    helper.write_text(source)
    assert run(folder, path + SIGMOID_PROGRAM)[0] == f"{SIGMOID} compiled"


KEYS = (
    "from fastnn.kernels.compiler import cache; print(cache.digest(), cache.bytecode())"
)


@pytest.mark.parametrize("form", ["bytecode", "zip"])
def test_code_without_sources_has_its_own_key(tmp_path, form):
    """`compileall -b`, zips and frozen applications have no .py files."""
    place = copied(tmp_path).parent
    helper = place / "fastnn" / "kernels" / "primitives" / "elementary.py"
    source, keys = helper.read_text(), []
    for version in (source, source, source.replace("* 0.5", "* 0.25")):
        helper.write_text(version)
        path = tmp_path / f"without-{len(keys)}"
        if form == "zip":
            shutil.make_archive(path, "zip", place)
            path = path.with_suffix(".zip")
        else:
            shutil.copytree(place, path)
            assert compileall.compile_dir(
                path,
                quiet=1,
                stripdir=path,
                legacy=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            for file in path.rglob("*.py"):
                file.unlink()
        here = f"import sys; sys.path.insert(0, {str(path)!r})\n"
        keys.append(run(tmp_path, here + KEYS, PYTHONHASHSEED=str(len(keys)))[0])
    assert keys[0] == keys[1] != keys[2]


def test_the_version_of_the_package_is_part_of_the_key(monkeypatch):
    before = kernels.compiler.cache.digest()
    assert kernels.compiler.cache.digest() == before
    monkeypatch.setattr(fastnn, "__version__", "another")
    assert kernels.compiler.cache.digest() != before


def test_a_name_that_is_no_folder_costs_a_log_line(call):
    how, lines = call("~no-such-user/x")
    assert how == "compiled"
    assert lines == [
        "compiled code is not stored: there is no folder for it: set FASTNN_CACHE_DIR"
    ]


@pytest.mark.parametrize(
    "damage", ["truncated", "empty", "random", "foreign pickle", "a folder"]
)
def test_a_damaged_file_costs_a_compilation_and_a_log_line(call, tmp_path, damage):
    assert call(tmp_path) == ("compiled", [])
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    foreign = pickle.dumps(("not", "machine", "code"))
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {
                "truncated": content[: len(content) // 2],
                "empty": b"",
                "random": os.urandom(len(content)),
                "foreign pickle": hashlib.sha256(foreign).digest() + foreign,
            }[damage]
        )
    how, lines = call(tmp_path)
    assert how == "compiled"
    assert 1 <= len(lines) <= 2
    assert all("compiled code" in line for line in lines)
    if damage != "a folder":
        assert call(tmp_path) == ("loaded", [])


def test_unusable_folders_cost_a_log_line(call, tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("precious")
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    link = tmp_path / "link"
    link.symlink_to(open_to_all)
    for folder in (occupied, occupied / "below", open_to_all, link):
        how, lines = call(folder)
        assert how == "compiled"
        assert len(lines) == 1
        assert lines[0].startswith("compiled code is not stored: ")
    assert occupied.read_text() == "precious"
    assert not list(open_to_all.iterdir())


def test_a_full_disk_costs_a_log_line(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    ignore = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    out, err = run(tmp_path, limit + ignore + PROGRAM)
    assert out == f"{RIGHT} compiled"
    assert "could not be stored" in err
    assert "\n" not in err
    assert not list(tmp_path.iterdir())


def test_a_warm_cache_gives_the_same_bits(tmp_path):
    train = """
import fastnn, hashlib
state = hashlib.sha256()
for size in (1, 7, "full"):
    net = fastnn.mlp(2, 5, 3, seed=1)
    X, y = fastnn.datasets.spiral(20)
    history = net.fit(X, y, epochs=5, optimizer=fastnn.Adam(0.01), batch_size=size)
    state.update(net.theta.tobytes() + history.loss.tobytes())
    state.update(net.predict_proba(X).tobytes())
print(state.hexdigest())
"""
    assert run(tmp_path, train) == run(tmp_path, train)


def test_variables_choose_the_folder(tmp_path):
    program = "from fastnn import kernels; print(kernels.compiler.cache.folder())"
    home = str(tmp_path)
    assert run(tmp_path / "x", program)[0] == str(tmp_path / "x")
    assert run("~/x", program, HOME=home)[0] == str(tmp_path / "x")
    assert run(None, program, NUMBA_CACHE_DIR=home)[0] == str(tmp_path / "fastnn")
    assert run(None, program, XDG_CACHE_HOME=home, HOME="/nowhere")[0] == str(
        tmp_path / "fastnn"
    )
    assert run(None, program, XDG_CACHE_HOME="relative", HOME=home)[0] == str(
        tmp_path / ".cache" / "fastnn"
    )
    assert run(None, program, HOME=home)[0] == str(tmp_path / ".cache" / "fastnn")


def test_of_four_processes_with_an_empty_folder_one_compiles(tmp_path):
    environment = os.environ | {"FASTNN_CACHE_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(4)
    ]
    shown = []
    for process in processes:
        shown.append(process.communicate(timeout=600)[0].strip())
        assert process.returncode == 0
    assert sorted(shown) == [f"{RIGHT} compiled"] + [f"{RIGHT} loaded"] * 3
    assert len(list(tmp_path.iterdir())) == 1
