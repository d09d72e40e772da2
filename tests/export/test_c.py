"""Nets in C: the bits of the same nets in Python, without warnings or dependencies."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from export_nets import overflowing, random_net, random_rows, results
from exported import C99, STRICT, build, call, library

import fastnn

N_NETS = 24

needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """Return the files of random nets, and the nets by their names."""
    folder = tmp_path_factory.mktemp("nets")
    nets = {
        f"net{i}": random_net(i, scale=(1, 10, 0.1)[i % 5 % 3]) for i in range(N_NETS)
    }
    for name, net in nets.items():
        net.to_c(folder / f"{name}.c", name=name)
    return sorted(folder.glob("*.c")), nets


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("compiler", "options"),
    [
        ("gcc", (*C99, "-O2")),
        ("gcc", ("-std=gnu17", "-O3", "-march=native", *STRICT)),
        ("clang", (*C99, "-O3", "-march=native")),
    ],
    ids=lambda option: option if isinstance(option, str) else option[0],
)
def test_results_have_the_bits_of_python(nets, tmp_path, compiler, options):
    files, by_name = nets
    compiled = library(compiler, *options, *files, to=tmp_path / "nets.so")
    kinds = set()
    for i, (name, net) in enumerate(by_name.items()):
        # the exponential of large outputs is refused by `predict`
        sizes = (1e-3, 1.0) if net.loss.name == "poisson" else (1e-3, 1.0, 1e4)
        X = random_rows(net, 40, number=i, sizes=sizes)
        expected = results(net, X)
        found = call(getattr(compiled, name), X, expected.shape[1])
        assert found.tobytes() == expected.tobytes(), net
        rows = [results(net, X[k : k + 1]) for k in range(5)]
        assert np.concatenate(rows).tobytes() == expected[:5].tobytes()
        kinds.add((net.loss.name, str(net.dtype), "by layer" in net.summary()))
    assert len(kinds) >= 3 * 2 * 2 + 2
    assert {"poisson"} < {name for name, _, _ in kinds}


@pytest.mark.compiled
@needs_gcc
def test_no_compiler_fuses_the_sums_of_nets_that_run_by_layer(tmp_path):
    net = fastnn.Sequential([fastnn.MatMul(9, 3)], loss="mse", seed=0)
    net.to_c(tmp_path / "net.c")
    text = (tmp_path / "net.c").read_text()
    (tmp_path / "fused.c").write_text(text.replace("const volatile", "const"))
    X = random_rows(net, 50)
    for file, same in (("net.c", True), ("fused.c", False)):
        options = ("-std=gnu17", "-O3", "-march=native", tmp_path / file)
        built = library("gcc", *options, to=tmp_path / f"{file}.so")
        found = call(built.predict, X, 3)
        assert (found.tobytes() == net.predict(X).tobytes()) is same


@pytest.mark.compiled
@needs_gcc
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n_out", [1, 3])
def test_outputs_that_are_huge_or_equal(tmp_path, dtype, n_out):
    W = np.array([[2.0, -2.0, 1.0][:n_out]])  # twice the largest number is infinite
    net = fastnn.mlp(1, n_out, init=[W, np.zeros(n_out)], dtype=dtype)
    net.to_c(tmp_path / "net.c")
    built = library("gcc", *C99, tmp_path / "net.c", to=tmp_path / "net.so")
    largest = np.finfo(dtype).max
    sizes = np.array([0, 1e-30, 1, 20, 87, 88, 89, 104, 708, 709, 710, 1e10, largest])
    X = np.concatenate([-sizes, sizes])[:, None].astype(dtype)
    found = call(built.predict, X, max(2, n_out))
    assert found.tobytes() == net.predict_proba(X).tobytes()
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-6


@pytest.mark.compiled
@needs_gcc
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_several_outputs_that_overflow(tmp_path, dtype):
    net, X = overflowing(dtype)
    net.to_c(tmp_path / "net.c")
    built = library("gcc", *C99, tmp_path / "net.c", to=tmp_path / "net.so")
    found = call(built.predict, X, 4)
    assert found.tobytes() == net.predict_proba(X).tobytes()


@pytest.mark.compiled
@needs_gcc
def test_two_files_fit_into_a_third_one(tmp_path):
    nets = {"one": random_net(0), "two": random_net(4)}
    for name, net in nets.items():
        net.to_c(tmp_path / f"{name}.c", name=name)
    (tmp_path / "both.c").write_text('#include "one.c"\n#include "two.c"\n')
    built = library("gcc", *C99, tmp_path / "both.c", to=tmp_path / "both.so")
    for name, net in nets.items():
        X = random_rows(net, 3)
        expected = results(net, X)
        found = call(getattr(built, name), X, expected.shape[1])
        assert found.tobytes() == expected.tobytes()


@needs_gcc
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_there_is_a_way_without_fma_and_without_a_library(tmp_path, dtype):
    net = fastnn.mlp(3, 8, 4, activation="tanh", dtype=dtype, seed=1)
    net.to_c(tmp_path / "net.c", name="tiny")
    options = (*C99, "-O2", "-nostdlib", "-fPIC", "-shared", "-DTINY_NO_FMA")
    build("gcc", *options, tmp_path / "net.c", to=tmp_path / "net.so")
    X = random_rows(net, 20)
    found = call(ctypes.CDLL(str(tmp_path / "net.so")).tiny, X, 4)
    tolerance = 1e-14 if dtype == "float64" else 1e-6  # a few roundings
    assert np.abs(found - net.predict_proba(X)).max() < tolerance


@needs_gcc
def test_fast_math_is_refused(tmp_path):
    fastnn.mlp(2, 1).to_c(tmp_path / "net.c")
    command = ["gcc", "-ffast-math", "-c", "net.c", "-o", "net.o"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "compile without -ffast-math" in done.stderr


@needs_gcc
def test_nothing_is_allocated_and_nothing_changes(nets, tmp_path):
    """The only library function is fma, and the only data are constant."""
    for file in nets[0][:12]:
        text = file.read_text()
        assert re.findall("#include (.*)", text) == ["<math.h>"]
        build("gcc", *C99, "-O2", "-c", file, to=tmp_path / "net.o")
        symbols = subprocess.run(
            ["nm", tmp_path / "net.o"], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        kinds = {(line[17:18], line[19:]) for line in symbols if line}
        assert {name for kind, name in kinds if kind == "U"} <= {"fma", "fmaf"}
        assert {kind for kind, _ in kinds} <= {"U", "T", "t", "r"}
        assert {name for kind, name in kinds if kind == "T"} == {file.stem}


@needs_gcc
def test_the_comment_tells_the_footprint(nets, tmp_path):
    for file in nets[0][:12]:
        net = nets[1][file.stem]
        told = re.search(
            r"Size +([\d,]+) bytes of constants, about ([\d,]+) bytes of code, "
            r"([\d,]+) bytes of stack",
            file.read_text(),
        )
        constants, code, stack = (int(n.replace(",", "")) for n in told.groups())
        assert constants == net.theta.nbytes
        widths = [param.shape[-1] for param in net.params]
        assert stack <= 2 * max(net.n_in, *widths) * net.dtype.itemsize
        options = ("-std=c99", "-Os", "-fno-asynchronous-unwind-tables", "-c")
        build("gcc", *options, file, to=tmp_path / "net.o")
        sizes = subprocess.run(
            ["size", tmp_path / "net.o"], capture_output=True, text=True, check=True
        ).stdout.splitlines()[1]
        text, data, bss = map(int, sizes.split()[:3])
        assert data == bss == 0
        # compilers and their versions differ by this much
        assert abs(code - (text - constants)) < 200 + 0.3 * code, (net, text)


def test_the_comment_names_the_classes_whatever_they_are(tmp_path):
    labels = ["*/ int x;", "/*", "??/", "a\\", "é\n한글", "\u202eevil", "", '"']
    net = fastnn.mlp(1, len(labels), seed=0)
    net.fit(np.arange(8.0)[:, None], labels, epochs=1, lr=0.1)
    net.to_c(tmp_path / "net.c")
    text = (tmp_path / "net.c").read_text(encoding="utf-8")
    head, rest = text.split("*/", 1)
    assert "/*" not in head[2:]
    assert r'the probability of "\u002a/ int x;"' in head
    assert r'is the probability of "é\n한글"' in head
    assert r"\u202eevil" in head
    assert rest.startswith("\n\n#ifdef")
    for compiler in filter(shutil.which, ("gcc", "clang")):
        build(compiler, *C99, "-c", tmp_path / "net.c", to=tmp_path / "net.o")


def test_the_comment_names_the_columns(tmp_path):
    X = pd.DataFrame({"height */": [1.0, 2.0], "weight": [2.0, 1.0]})
    net = fastnn.mlp(2, 1, loss="mse", seed=0)
    net.fit(X, [0.0, 1.0], epochs=1, lr=0.1)
    net.to_c(tmp_path / "net.c")
    head, _ = (tmp_path / "net.c").read_text().split("*/", 1)
    assert r'x[0] is "height \u002a/"' in head
    assert 'x[1] is "weight"' in head
    assert "out     1 value;" in head
    assert "the bits of fastnn's predict:" in head


GOOD_NAMES = (
    "predict",
    "net_2",
    "_net",
    "xor",
    "class",
    "out",
    "x",
    "k",
    "w",
    "fast",
    "Sinus",
    "EXP",
)


@needs_gcc
def test_names_that_are_taken_compile(tmp_path):
    """All in one file, in which names of one net could collide with another's."""
    net = fastnn.mlp(2, 2, 3, activation="tanh")
    for name in GOOD_NAMES:
        net.to_c(tmp_path / f"{name}.c", name=name)
    includes = (f'#include "{name}.c"\n' for name in GOOD_NAMES)
    (tmp_path / "all_of_them.c").write_text("".join(includes))
    for options in (C99, ("-std=gnu17", *STRICT)):
        build("gcc", *options, "-c", tmp_path / "all_of_them.c", to=tmp_path / "a.o")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("2nd", "must be an identifier of C, not '2nd'"),
        ("", "must be an identifier"),
        ("my net", "must be an identifier"),
        ("net;", "must be an identifier"),
        ("net\n", "must be an identifier"),
        ("naïve", "must be an identifier"),
        ("while", "'while', a keyword"),
        ("restrict", "a keyword"),
        ("_Bool", "keep names"),
        ("a__b", "keep names"),
        ("nullptr", "a keyword"),
        ("main", "which the C library has"),
        ("exp", "which the C library has"),
        ("tanhf", "which the C library has"),
        ("NAN", "which the C library has"),
    ],
)
def test_names_that_c_cannot_take_are_refused(tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        fastnn.mlp(2, 1).to_c(tmp_path / "net.c", name=name)
    assert not list(tmp_path.iterdir())


def test_a_name_is_a_string(tmp_path):
    with pytest.raises(TypeError, match="name must be a string such as 'predict'"):
        fastnn.mlp(2, 1).to_c(tmp_path / "net.c", name=None)
