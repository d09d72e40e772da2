"""Files are written whole, in place of the right file, and by nobody twice."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

import fastnn
from fastnn.data import files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's files")

is_root = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may do this"
)


def test_links_stay_and_what_they_point_to_is_written(tmp_path):
    (tmp_path / "folder").mkdir()
    first = tmp_path / "folder" / "model-7.npz"
    first.write_bytes(b"old")
    os.symlink("folder", tmp_path / "linked")
    os.symlink("linked/model-7.npz", tmp_path / "latest")
    os.symlink("latest", tmp_path / "best")
    files.write_atomically(tmp_path / "best", b"new")
    assert first.read_bytes() == b"new"
    assert (tmp_path / "best").is_symlink()
    assert (tmp_path / "latest").is_symlink()
    assert os.listdir(tmp_path / "folder") == ["model-7.npz"]


def test_a_link_to_nothing_gets_its_file(tmp_path):
    os.symlink("later.npz", tmp_path / "latest.npz")
    files.write_atomically(tmp_path / "latest.npz", b"new")
    assert (tmp_path / "latest.npz").is_symlink()
    assert (tmp_path / "later.npz").read_bytes() == b"new"
    os.symlink("none/x.npz", tmp_path / "broken.npz")
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        files.write_atomically(tmp_path / "broken.npz", b"new")
    os.symlink("circle", tmp_path / "circle")
    with pytest.raises(OSError, match=r"cannot write the file .*circle: Too many"):
        files.write_atomically(tmp_path / "circle", b"new")


def test_the_mode_is_kept_and_new_files_follow_the_umask(tmp_path):
    path = tmp_path / "x"
    previous = os.umask(0o027)
    try:
        files.write_atomically(path, b"old")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        for mode in (0o600, 0o664, 0o777):
            path.chmod(mode)
            files.write_atomically(path, b"new")
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(previous)


@is_root
def test_the_owner_is_kept(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    os.chown(path, 1234, 5678)
    path.chmod(0o640)
    files.write_atomically(path, b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (1234, 5678)
    assert stat.S_IMODE(status.st_mode) == 0o640


def test_a_group_that_cannot_be_kept_hands_its_rights_to_no_other(
    tmp_path, monkeypatch
):
    def refused(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refused)
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o664)
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"precious")
    path.chmod(0o444)
    # Modes do not stop root.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="x: it is read-only"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"precious"


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is a pipe that nobody reads") as caught:
        files.write_atomically(pipe, b"new")
    assert caught.value.errno == errno.ENXIO
    content, received = os.urandom(10**6), []
    # Opened for both ends, a pipe waits for nobody.
    with open(os.open(pipe, os.O_RDWR), "rb") as stream:
        reader = threading.Thread(
            target=lambda: received.append(stream.read(len(content)))
        )
        reader.start()
        files.write_atomically(pipe, content)
        reader.join()
    assert received == [content]
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


@is_root
def test_devices_stay(tmp_path):
    nothing, full, disk = (tmp_path / name for name in ("null", "full", "disk"))
    os.mknod(nothing, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    os.mknod(disk, 0o666 | stat.S_IFBLK, os.makedev(1, 0))
    os.symlink(nothing, tmp_path / "link")
    for path in (nothing, tmp_path / "link"):
        fastnn.mlp(2, 1).save(path)
        assert stat.S_ISCHR(os.stat(path).st_mode)
    with pytest.raises(OSError, match="No space left") as caught:
        files.write_atomically(full, b"new")
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="it is a disk"):
        files.write_atomically(disk, b"new")
    assert stat.S_ISBLK(os.stat(disk).st_mode)


def test_an_open_file_without_a_name_is_written_to(tmp_path):
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("there is no /proc")
    with open(tmp_path / "gone", "w+b") as stream:
        (tmp_path / "gone").unlink()
        stream.write(b"older and longer")
        stream.flush()
        files.write_atomically(f"/proc/self/fd/{stream.fileno()}", b"new")
        stream.seek(0)
        assert stream.read() == b"new"
    assert not os.listdir(tmp_path)


def test_names_of_255_bytes(tmp_path):
    for name in ("x" * 255, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 85):
        path = tmp_path / name
        fastnn.mlp(2, 1, seed=1).save(path)
        fastnn.mlp(2, 1, seed=2).save(path)
        assert (fastnn.load(path).theta == fastnn.mlp(2, 1, seed=2).theta).all()
    with pytest.raises(OSError, match=r"cannot write the file .*: File name too long"):
        files.write_atomically(tmp_path / ("x" * 256), b"new")
    assert len(os.listdir(tmp_path)) == 2


def test_content_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    path, done = tmp_path / "x", []
    fsync, replace = os.fsync, os.replace

    def noted_sync(descriptor):
        mode = os.fstat(descriptor).st_mode
        done.append("folder" if stat.S_ISDIR(mode) else "file")
        fsync(descriptor)

    def noted_replace(old, new):
        done.append("replace")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    files.write_atomically(path, b"new")
    assert done == ["file", "replace", "folder"]


def test_a_disk_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fails(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="x: Input/output error"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


# Saves, and says when the temporary file is complete; then it waits.
SAVE = """
import os, sys, time
from fastnn.data import files
def wait(*_):
    print("written", flush=True)
    sys.stdin.readline()
    replace(*_)
replace, os.replace = os.replace, wait
files.write_atomically(sys.argv[1], b"new")
"""


def test_leftovers_of_killed_processes_go_and_others_stay(tmp_path):
    foreign = tmp_path / ".fastnn-notes"
    foreign.touch()
    os.mkfifo(tmp_path / ".fastnn-new-pipe")
    os.symlink(foreign, tmp_path / ".fastnn-new-link")
    killed, living = (
        subprocess.Popen(
            [sys.executable, "-c", SAVE, tmp_path / name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("killed", "living")
    )
    for process in (killed, living):
        assert process.stdout.readline() == "written\n"
    kept = {".fastnn-notes", ".fastnn-new-pipe", ".fastnn-new-link"}
    assert len(os.listdir(tmp_path)) == len(kept) + 2
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    files.write_atomically(tmp_path / "x", b"new")
    assert len(os.listdir(tmp_path)) == len(kept) + 2  # x, and the file of the living
    living.communicate("\n")
    assert living.returncode == 0
    assert set(os.listdir(tmp_path)) == kept | {"x", "living"}
    assert (tmp_path / "living").read_bytes() == b"new"


def test_many_threads_save_into_one_folder(tmp_path):
    contents = [bytes([i]) * 10_000 for i in range(8)]

    def write(content):
        for _ in range(20):
            files.write_atomically(tmp_path / "x", content)

    threads = [threading.Thread(target=write, args=(each,)) for each in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_bytes() in contents
    assert os.listdir(tmp_path) == ["x"]


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/null"):
        with pytest.raises(ValueError, match=r"is not a net .*not a regular file"):
            fastnn.load(path)
    with pytest.raises(IsADirectoryError):
        fastnn.load(tmp_path)
    with pytest.raises(ValueError, match="null byte"):
        fastnn.load("a\0b")
