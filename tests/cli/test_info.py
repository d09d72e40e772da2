"""`fastnn info`: the folder of compiled code in all its states."""

import os
from pathlib import Path

import pytest

from fastnn.cli import info

KEY = "0123456789abcdef" * 2


@pytest.fixture
def lines(monkeypatch, capsys):
    """Return a function that gives the lines about a folder of compiled code."""

    def show(folder):
        monkeypatch.setenv("FASTNN_CACHE_DIR", str(folder))
        info.show()
        text = capsys.readouterr().out.partition("compiled code")[2]
        return text.strip().splitlines()

    return show


def write(file, size, day):
    file.write_bytes(bytes(size))
    os.utime(file, (day * 86400 + 43200, 86400 + 43200))


def test_each_kernel_has_a_row(tmp_path, lines):
    write(tmp_path / f"per_sample.train-{KEY}.bin", 300_000, 3)
    write(tmp_path / f"per_sample.train-{KEY[::-1]}.bin", 500_000, 2)
    write(tmp_path / f"tiny.train-2-2-1-1-0-{KEY}.bin", 100_000, 1)
    assert lines(tmp_path) == [
        f"{tmp_path} (3 files, 0.9 MB)",
        "  kernel                  files       size  written     last read",
        "  per_sample.train            2     0.8 MB  1970-01-02  1970-01-04",
        "  tiny.train-2-2-1-1-0        1     0.1 MB  1970-01-02  1970-01-02",
    ]


def test_foreign_files_are_counted_separately(tmp_path, lines):
    write(tmp_path / f"per_sample.train-{KEY}.bin", 300_000, 1)
    (tmp_path / f"a.folder-{KEY}.bin").mkdir()
    (tmp_path / f"a.link-{KEY}.bin").symlink_to("/nowhere")
    for name in (
        ".new-x",
        "notes.bin",
        f"\x1b[31m-{KEY}.bin",
        f"a.b-{KEY}.bin\n",
        os.fsdecode(b"\xff.bin"),
    ):
        (tmp_path / name).touch()
    summary, _, kernel, other = lines(tmp_path)
    assert summary == f"{tmp_path} (1 file, 0.3 MB)"
    assert kernel.split()[:2] == ["per_sample.train", "1"]
    assert other.split()[:3] == ["other", "files", "7"]


def test_folders_without_kernels(tmp_path, lines):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert lines(tmp_path / "empty") == [f"{tmp_path}/empty (empty)"]
    assert lines(tmp_path / "none") == [f"{tmp_path}/none (does not exist yet)"]
    assert not (tmp_path / "none").exists()
    assert lines(tmp_path / "file") == [
        f"{tmp_path}/file (cannot be read: Not a directory)"
    ]


def test_a_folder_that_is_not_used(tmp_path, lines):
    write(tmp_path / f"per_sample.train-{KEY}.bin", 300_000, 1)
    tmp_path.chmod(0o777)
    assert lines(tmp_path)[0] == (
        f"{tmp_path} (1 file, 0.3 MB; not used: others can write to {tmp_path})"
    )


def test_an_unreadable_folder(tmp_path, lines, monkeypatch):
    def refused(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    # Permissions themselves do not stop root.
    monkeypatch.setattr(os, "scandir", refused)
    assert lines(tmp_path) == [f"{tmp_path} (cannot be read: Permission denied)"]


def test_a_file_that_is_removed_meanwhile(tmp_path, lines, monkeypatch):
    names = [f"a.b-{KEY}.bin", f"c.d-{KEY}.bin"]
    for name in names:
        (tmp_path / name).touch()
    scan = os.scandir

    class Scan:
        def __init__(self, folder):
            with scan(folder) as entries:
                self.entries = list(entries)
            (tmp_path / names[0]).unlink(missing_ok=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Scan)
    summary, _, kernel = lines(tmp_path)
    assert "1 file," in summary
    assert kernel.split()[:2] == ["c.d", "1"]


def test_threads():
    text = dict(info.rows())["threads"]
    assert "available; fit(..., n_jobs=) uses one by default" in text


def test_the_folder_of_the_package():
    folder = dict(info.rows())["fastnn"].partition(" in ")[2]
    assert (Path(folder) / "__main__.py").exists()
