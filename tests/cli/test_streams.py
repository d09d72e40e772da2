"""The command line where streams are missing, closed, full, or of few letters."""

import io
import os
import subprocess
import sys

import pytest

from fastnn.cli import main, streams

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's shell")


def shell(command, *options, **variables):
    """Run a command of the shell, in which "$0" is Python, and return what it did."""
    return subprocess.run(
        ["sh", "-c", command, sys.executable, *options],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        timeout=120,
    )


@pytest.mark.parametrize("arguments", ["info", "reproduce --list", "--help"])
@pytest.mark.parametrize("missing", [">&-", "<&- >&- 2>&-"])
def test_missing_streams_do_no_harm(arguments, missing):
    found = shell(f'"$0" -m fastnn {arguments} {missing}')
    assert (found.returncode, found.stderr) == (0, "")


def test_an_error_without_streams_has_its_status():
    assert shell('"$0" -m fastnn train 2>&-').returncode == 2
    assert shell('"$0" -m fastnn train >&-').returncode == 2


def test_no_file_takes_the_place_of_a_missing_stream():
    program = (
        "from fastnn.cli import streams; streams.prepare(); print('lost');"
        "import sys; sys.stderr.write(str(open('/dev/null').fileno() > 2))"
    )
    found = shell('"$0" -c "$1" <&- >&-', program)
    assert (found.returncode, found.stderr) == (0, "True")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["--help", "--version", "reproduce --list"])
def test_a_reader_that_goes_away_costs_the_status_and_no_words(arguments, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        found = subprocess.run(
            [sys.executable, "-m", "fastnn", *arguments.split()],
            stdout=closed,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            timeout=120,
        )
    assert (found.returncode, found.stderr) == (1, b"")


def test_a_full_disk_is_said_for_help_too():
    found = shell('"$0" -m fastnn --help > /dev/full')
    assert found.returncode == 1
    assert found.stderr == "fastnn: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_optimised_python(option):
    found = shell(f'"$0" {option} -m fastnn reproduce --list')
    assert (found.returncode, found.stderr) == (0, "")
    assert "xor-grid" in found.stdout
    found = shell(f'"$0" {option} -m fastnn reproduce --help')
    assert "--out DIR" in found.stdout


CROSS = "\N{MULTIPLICATION SIGN}"


def spelled(text, encoding):
    content = io.BytesIO()
    with io.TextIOWrapper(content, encoding, errors="fastnn") as stream:
        stream.write(text)
        stream.flush()
        return content.getvalue().decode(encoding)


def test_letters_that_a_terminal_lacks_keep_their_meaning(monkeypatch, capsys):
    streams.prepare()
    text = f"✓ equal, ≠ differs, ✗ fails: 2 {CROSS} 3 ± 1 ≤ 10² → “실습” …"
    assert spelled(text, "ascii") == (
        'ok equal, != differs, x fails: 2 x 3 +- 1 <= 10^2 -> "??" ...'
    )
    assert spelled(f"2 {CROSS} 3 ± 1 ≠ 10²", "latin-1") == f"2 {CROSS} 3 ± 1 != 10²"
    assert spelled(text, "utf-8") == text


def test_a_stream_of_another_kind_is_left_alone(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main.main(["reproduce", "--list"]) == 0
    assert "xor-grid" in stream.getvalue()
