"""The folder of machine code: where it is, what is read there, and what is removed."""

import contextlib
import errno
import os
import stat
import sys
import time

import pytest

from fastnn import kernels

store = kernels.compiler.store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's files")

KEY = "0123456789abcdef" * 2
NAME = f"loop.train-{KEY}.bin"
DAY = 86400


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Return the folder of machine code, which does not exist yet."""
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def variables(tmp_path, monkeypatch):
    """Return a function that sets the variables which choose the folder."""
    for name in ("FASTNN_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store.numba.config, "CACHE_DIR", "")

    def choose(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))
        return store.folder()

    return choose


def read(name=NAME):
    with store.open_folder() as folder:
        return folder.read(name)


def write(content, name=NAME):
    with store.open_folder() as folder:
        folder.write(name, content)


def test_what_was_written_is_read(path):
    assert read() is None
    write(b"code")
    assert read() == b"code"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / NAME).stat().st_mode) == 0o600
    write(b"other code")
    assert read() == b"other code"
    assert os.listdir(path) == [NAME]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_files_that_others_can_write_are_not_read(path, mode):
    write(b"code")
    (path / NAME).chmod(mode)
    with pytest.raises(OSError, match=r"others can write to .*bin"):
        read()


def test_a_folder_that_others_can_write_is_not_used_from_then_on(path):
    write(b"code")
    path.chmod(0o770)
    for use in (read, lambda: write(b"code")):
        with pytest.raises(OSError, match=r"others can write to .*cache"):
            use()
    path.chmod(0o755)
    assert read() == b"code"


def test_files_and_folders_of_others_are_not_used(path, monkeypatch):
    write(b"code")
    us = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    with pytest.raises(OSError, match="belongs to another user"):
        read()


def test_only_regular_files_are_read(path):
    write(b"code", "precious")
    os.mkfifo(path / NAME)
    with pytest.raises(OSError, match="not a regular file"):
        read()
    write(b"code")  # takes its place
    assert read() == b"code"
    (path / NAME).unlink()
    os.symlink("precious", path / NAME)
    with pytest.raises(OSError, match="symbolic link"):
        read()
    (path / NAME).unlink()
    (path / NAME).mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        read()
    path.rename(path.with_name("other"))
    os.symlink("other", path)
    with pytest.raises(OSError, match="is a link"):
        read()


def set_age(file, days, read_days=None):
    now = time.time()
    read_at = now - DAY * (days if read_days is None else read_days)
    os.utime(file, (read_at, now - DAY * days))


def test_what_is_not_used_for_half_a_year_is_removed(path):
    path.mkdir(mode=0o700)
    ages = {"a": (200, 200), "b": (200, 100), "c": (100, 100), "d": (1000, 1)}
    files = {name: path / f"{name}.x-{KEY}.bin" for name in ages}
    for name, (written, used) in ages.items():
        files[name].write_bytes(b"code")
        set_age(files[name], written, used)
    for name, days in ((".new-1", 2), (".new-2", 0.5), ("notes", 999)):
        (path / name).write_bytes(b"a part")
        set_age(path / name, days)
    write(b"code")
    left = {files[name].name for name in "bcd"}
    assert set(os.listdir(path)) == left | {NAME, ".new-2", "notes"}


def test_above_the_limit_the_least_recently_used_are_removed(path, monkeypatch):
    path.mkdir(mode=0o700)
    monkeypatch.setattr(store, "MAX_BYTES", 1000)
    for days in range(1, 9):
        file = path / f"loop{days}.x-{KEY}.bin"
        file.write_bytes(bytes(200))
        set_age(file, 10, days)
    write(bytes(500))
    assert set(os.listdir(path)) == {NAME, *(f"loop{i}.x-{KEY}.bin" for i in (1, 2))}


def test_reading_is_noted_once_a_day(path):
    write(b"code")
    file = path / NAME
    set_age(file, 30)
    before = file.stat()
    assert read() == b"code"
    after = file.stat()
    assert after.st_mtime == before.st_mtime
    assert time.time() - after.st_atime < DAY
    assert [entry.name for entry in store_entries()] == [NAME]


def store_entries():
    with store.open_folder() as folder:
        return list(folder.entries())


def test_clear_removes_compiled_code_and_nothing_else(path):
    write(b"code")
    (path / ".new-x").write_bytes(b"a part")
    (path / "notes").write_bytes(b"precious")
    (path / f"a.folder-{KEY}.bin").mkdir()
    with store.open_folder() as folder:
        removed = folder.clear()
    assert {entry.name for entry in removed} == {NAME, ".new-x"}
    assert set(os.listdir(path)) == {"notes", f"a.folder-{KEY}.bin"}


def test_a_failed_write_leaves_nothing(path, monkeypatch):
    write(b"code")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write(b"other code")
    assert read() == b"code"
    assert os.listdir(path) == [NAME]


def locked(pause):
    """Return the lock of NAME within the open folder, as one context."""
    stack = contextlib.ExitStack()
    folder = stack.enter_context(store.open_folder())
    stack.enter_context(folder.locked(NAME, pause))
    return stack


def never():
    raise AssertionError("nobody has the lock")


def test_a_lock_is_waited_for_and_leaves_nothing(path):
    first, pauses = locked(never), []

    def pause():
        pauses.append(os.listdir(path))
        if len(pauses) == 3:
            first.close()

    with locked(pause):
        assert pauses == [[f".lock-{NAME}"]] * 3
        assert os.listdir(path) == [f".lock-{NAME}"]
        write(b"code")
    assert os.listdir(path) == [NAME]


def test_the_lock_of_a_killed_process_is_free(path):
    path.mkdir(mode=0o700)
    (path / f".lock-{NAME}").touch()
    with locked(never):
        pass
    assert os.listdir(path) == []


def test_nobody_waits_for_long_and_the_lock_stays_with_its_process(path, monkeypatch):
    first = locked(never)
    monkeypatch.setattr(store, "_MAX_WAIT", 0)
    with locked(never):
        write(b"code")
    assert set(os.listdir(path)) == {f".lock-{NAME}", NAME}
    first.close()
    assert os.listdir(path) == [NAME]


def test_where_nothing_can_be_locked_nothing_is(path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(store.fcntl, "flock", fail)
    with locked(never):
        write(b"code")
    monkeypatch.setattr(store, "_POSIX", False)
    with locked(never), locked(never):
        assert read() == b"code"


def test_no_variable_makes_a_folder_at_the_root(variables, tmp_path, monkeypatch):
    import pwd

    user = pwd.getpwuid(os.geteuid())
    home = user.pw_dir
    expected = None
    if os.path.isdir(home) and home != "/":
        expected = os.path.join(home, ".cache", "fastnn")
    for unset in ({}, {"HOME": ""}, {"HOME": "", "XDG_CACHE_HOME": ""}):
        found = variables(**unset)
        assert found is None if expected is None else str(found) == expected
    assert variables(XDG_CACHE_HOME="/") == variables(XDG_CACHE_HOME="relative")
    for without in ("/", "relative", "/nowhere/at/all"):
        assert variables(HOME=without) is None
    assert variables(XDG_CACHE_HOME=tmp_path) == tmp_path / "fastnn"


def test_names_of_homes_and_relative_names(variables, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    assert variables(HOME=home, FASTNN_CACHE_DIR="~/a/b") == home / "a" / "b"
    assert variables(FASTNN_CACHE_DIR="~") == home
    assert variables(FASTNN_CACHE_DIR="~no-such-user/x") is None
    monkeypatch.setattr(os.path, "expanduser", lambda text: "/nonexistent")
    assert variables(FASTNN_CACHE_DIR="~nobody") is None
    assert variables(FASTNN_CACHE_DIR="/absolute") == store.Path("/absolute")
    monkeypatch.setattr(store, "_HERE", tmp_path)
    monkeypatch.chdir("/")
    assert variables(FASTNN_CACHE_DIR="relative") == tmp_path / "relative"
    monkeypatch.setattr(store, "_HERE", None)
    assert variables(FASTNN_CACHE_DIR="relative") is None
    assert variables(HOME="/nowhere", FASTNN_CACHE_DIR="~/x") is None
    with (
        pytest.raises(OSError, match="no folder for it"),
        store.open_folder(),
    ):
        pass


def test_a_user_without_a_name_has_no_folder(variables, monkeypatch):
    import pwd

    def unknown(_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert variables() is None
