"""`fastnn cache clear`: it removes compiled code, and nothing else."""

import os

import pytest

from fastnn.cli import main

KEY = "0123456789abcdef" * 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(path))
    return path


def test_it_says_how_much_it_removed(folder, capsys):
    folder.mkdir(mode=0o700)
    for name in ("a", "b"):
        (folder / f"{name}.x-{KEY}.bin").write_bytes(bytes(300_000))
    (folder / "notes").write_text("precious")
    assert main.main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"removed 2 files, 0.6 MB, from {folder}\n"
    assert os.listdir(folder) == ["notes"]


def test_it_makes_no_folder(folder, capsys):
    assert main.main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"removed 0 files, 0.0 MB, from {folder}\n"
    assert not folder.exists()


def test_a_folder_of_others_is_left_alone(folder, capsys):
    folder.mkdir()
    folder.chmod(0o777)
    (folder / f"a.x-{KEY}.bin").touch()
    assert main.main(["cache", "clear"]) == 1
    assert capsys.readouterr().err == f"fastnn: others can write to {folder}\n"
    assert len(os.listdir(folder)) == 1
