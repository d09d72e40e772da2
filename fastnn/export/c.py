"""C: a net as one file of C99 that calls no function but `fma`.

The exported function takes one row. Its results have the bits of `predict_proba`, or of
`predict` for values: the constants are the same, and so is the order of all sums.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..data.archives import Target, check_target, write_content
from ..data.arrays import Array
from ..data.schema import Schema
from ..nn.architecture import Architecture
from ..nn.layers import Affine, MatMul
from .c_comment import comment, wrapped
from .c_functions import function, in_c, literal, with_callees
from .c_names import check_c_name
from .exportable import Exportable, Step, exportable

_WIDTH = 88
_PREAMBLE = """\
#ifdef __FAST_MATH__
#error "compile without -ffast-math, which breaks the rounding in e^x"
#endif

#ifdef {macro}
#define fma(x, y, z) ((x) * (y) + (z))
#else
#include <math.h>
#endif
"""
_BITS = {
    "float64": """\
/* An integer as long as a double of 64 bits; with shorter ones, train in float32. */
typedef unsigned long long {name}_bits;
""",
    "float32": """\
/* An integer as long as a float. */
#if defined(__SIZEOF_INT__) && __SIZEOF_INT__ < 4
typedef unsigned long {name}_bits;
#else
typedef unsigned int {name}_bits;
#endif
""",
}
_BITS_CHECK = """\
typedef char {name}_bits_fit[sizeof({name}_bits) == sizeof(double) ? 1 : -1];
"""


def write_c(
    target: Target, name: str, architecture: Architecture, theta: Array, schema: Schema
) -> None:
    """Write a net as C to a file; see `fastnn.Sequential.to_c`."""
    check_target(target, ".c", ".h")
    net = exportable("C", architecture, theta, schema)
    source = c_source(net, check_c_name(name))
    write_content(target, source.encode())


def c_source(net: Exportable, name: str) -> str:
    """Return the text of the file."""
    body = _Body(net, name)
    called = with_callees(body.calls)
    code = [
        _PREAMBLE.format(macro=f"{name.upper()}_NO_FMA"),
        *_bits_type(net.dtype, name, called),
        *_arrays(net, name),
        *(function(which, name, net.dtype, net.fused) for which in called),
        str(body),
    ]
    n_buffered = sum(body.buffers.values())
    parts = [comment(net, name, called, len(body.calls), n_buffered)]
    parts += [in_c(part, net.dtype) for part in code]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


class _Body:
    """The exported function: its lines, the functions that it calls, its buffers."""

    def __init__(self, net: Exportable, name: str) -> None:
        self._name, self._place = name, "x"
        self.lines: list[str] = []
        self.calls: list[str] = []
        self.buffers: dict[str, int] = {}  # sizes, by name
        linear = [step for step in net.steps if isinstance(step.layer, Affine | MatMul)]
        for step in net.steps:
            self.lines.append(f"/* {step.layer!r} */")
            if step in linear:
                # The last one writes to out, unless results are made or moved there.
                is_pair = net.link == "Sigmoid" and not net.is_multilabel
                straight = not is_pair and net.order is None
                target = "out" if straight and step is linear[-1] else ""
                is_wide = net.is_wide and step is linear[-1]
                self._weigh(step, linear.index(step) + 1, target, is_wide)
            else:
                kind = type(step.layer).__name__.lower()
                self._activate("exponential" if kind == "exp" else kind, step.n_out)
        if net.link is not None:
            self._probabilities(net, net.link)

    def _weigh(self, step: Step, number: int, target: str, is_wide: bool) -> None:
        x, name = self._place, self._name
        self._move(target, step.n_out)
        sizes = f"{step.params[0].shape[0]}, {step.n_out}"
        arrays = [f"{name}_w{number}", f"{name}_b{number}"][: len(step.params)]
        kind = type(step.layer).__name__.lower()
        arguments = f"{self._place}, {x}, {sizes}, {', '.join(arrays)}"
        self._call(kind, arguments)
        if is_wide:
            self._call("wide", arguments)

    def _probabilities(self, net: Exportable, link: str) -> None:
        """Fill out with the probabilities, in the order of the labels."""
        self.lines.append(f"/* {link}() of the loss */")
        if net.is_multilabel:
            self._activate("sigmoid", net.n_out)
            return
        if link == "Sigmoid":
            self.calls.append("sigmoid")
            first, second = (0, 1) if net.order is None else net.order
            for k, z in ((first, f"-{self._place}[0]"), (second, f"{self._place}[0]")):
                self.lines.append(f"out[{k}] = {self._name}_sigmoid({z});")
            return
        self._activate("softmax", net.n_out)
        for k, number in enumerate([] if net.order is None else net.order):
            self.lines.append(f"out[{k}] = {self._place}[{number}];")

    def _move(self, place: str, size: int) -> None:
        """Go on in another buffer, which is `out` or the one of a and b not in use."""
        self._place = place or ("b" if self._place == "a" else "a")
        if self._place != "out":
            self.buffers[self._place] = max(size, self.buffers.get(self._place, 0))

    def _activate(self, kind: str, size: int) -> None:
        if self._place == "x":  # which must not change
            self._move("", size)
            self._loop(size, "{0}[k] = x[k];")
        if kind == "softmax":
            self._call(kind, f"{self._place}, {size}")
        elif kind == "relu":
            self._loop(size, "if ({0}[k] < 0.0)", "    {0}[k] = 0.0;")
        else:
            self.calls.append(kind)
            self._loop(size, f"{{0}}[k] = {self._name}_{kind}({{0}}[k]);")

    def _call(self, kind: str, arguments: str) -> None:
        self.calls.append(kind)
        self.lines.append(f"{self._name}_{kind}({arguments});")

    def _loop(self, size: int, *lines: str) -> None:
        self.lines.append(f"for (long k = 0; k < {size}; k++)")
        self.lines += ["    " + line.format(self._place) for line in lines]

    def __str__(self) -> str:
        buffers = ", ".join(f"{a}[{size}]" for a, size in sorted(self.buffers.items()))
        prototype = f"void {self._name}(const double *x, double *out)"
        return (
            "\n    ".join(
                [
                    f"{prototype};\n\n{prototype}\n{{",
                    *([f"double {buffers};"] if buffers else []),
                    *self.lines,
                ]
            )
            + "\n}\n"
        )


def _bits_type(dtype: np.dtype[Any], name: str, called: list[str]) -> Iterator[str]:
    if not {"scale", "exp"}.isdisjoint(called):
        yield (_BITS[str(dtype)] + _BITS_CHECK).format(name=name)


def _arrays(net: Exportable, name: str) -> Iterator[str]:
    """Yield the parameters of each layer as constant arrays."""
    number = 0
    for step in net.steps:
        number += bool(step.params)
        for letter, array in zip("wb", step.params, strict=False):
            rows = array.reshape(-1, array.shape[-1])
            shape = " x ".join(map(str, array.shape))
            lines = [f"    {line}" for row in rows for line in _numbers(row, net.dtype)]
            yield "\n".join(
                [
                    f"/* {step.layer!r}: {letter}, {shape} */",
                    f"static const double {name}_{letter}{number}[{array.size}] = {{",
                    *lines,
                    "};\n",
                ]
            )


def _numbers(row: Array, dtype: np.dtype[Any]) -> list[str]:
    """Return lines of numbers, each followed by a comma."""
    *lines, last = wrapped([literal(x, dtype) for x in row.tolist()], _WIDTH - 6)
    return [*lines, f"{last},"]
