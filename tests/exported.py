"""Nets in their other programs: as compiled C, and as a model in onnxruntime."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-Wshadow")
STRICT += ("-Wmissing-prototypes",)
C99 = ("-std=c99", *STRICT)


def build(compiler, *options, to):
    """Compile, and return what the compiler says."""
    if not shutil.which(compiler):
        pytest.skip(f"there is no {compiler}")
    command = [compiler, *map(str, options), "-o", str(to)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def library(compiler, *options, to):
    """Compile files to a library and open it."""
    build(compiler, *options, "-fPIC", "-shared", "-lm", to=to)
    return ctypes.CDLL(str(to))


def call(function, X, n_results):
    """Return the results of a C function, one row at a time."""
    function.restype = None
    out = np.full((len(X), n_results), np.nan, X.dtype)
    for x, y in zip(X, out, strict=True):
        function(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data))
    return out


def onnx_session(net, folder):
    """Return the model of a net, which is checked, and a session that runs it."""
    onnx = pytest.importorskip("onnx", reason="the extra test has onnx")
    runtime = pytest.importorskip("onnxruntime")
    path = folder / "net.onnx"
    net.to_onnx(path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model, runtime.InferenceSession(path, providers=["CPUExecutionProvider"])


def onnx_outputs(session, X):
    """Return a session's outputs by their names."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))
