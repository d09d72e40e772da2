"""C: a net as one file of C99 that calls no function but `fma`.

The exported function takes one row. Its results have the bits of `predict_proba`, or of
`predict` for "mse": the constants are the same, and so is the order of all sums.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..data.archives import Target, check_target, write_content
from ..data.arrays import Array
from ..data.schema import Schema
from ..data.version import __version__
from ..nn.architecture import Architecture
from ..nn.layers import Affine, MatMul
from .c_functions import function, in_c, literal, with_callees
from .c_names import check_c_name
from .exportable import Exportable, exportable

_WIDTH = 88
# Bytes of machine code and of constants in it, as gcc 12 -Os makes them for x86-64 of
# float64 and of float32: of each function, of the exported one, and of each call there.
_FUNCTION_BYTES = {
    "affine": (120, 120),
    "matmul": (60, 60),
    "scale": (20, 20),
    "bounded_exp": (620, 380),
    "exp": (30, 30),
    "sigmoid": (50, 40),
    "tanh": (620, 370),
    "softmax": (120, 110),
}
_EXPORTED_BYTES, _CALL_BYTES = 40, 35

_COMMENT = """\
/*
 * {name}: a neural network that fastnn {version} trained, as C99.
 *
 *     void {name}(const {type} *x, {type} *out);
 *
 * x       {inputs}
{columns}\
 * out     {outputs}; it must not overlap x
{labels}\
 *
 * Net     {layers}
 *         with {n_params:,} parameters in {dtype}, trained with loss {loss!r}
 * Size    {constants:,} bytes of constants, about {code:,} bytes of code, {stack:,} \
bytes of stack
 * Build   cc -std=c99 -O2 -c, and link with -lm, where fma is
 *
 * The results have the bits of fastnn's {method}: for one row as for many.
 * So build without -ffast-math, and on x86 of 32 bits with -mfpmath=sse. Without
 * hardware for fma it is emulated; define {macro} to do without: that is
 * faster there, needs no library, and differs in the last digits.
 */
"""
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
    parts = [_comment(net, name, body, called)]
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
            kind = type(step.layer).__name__.lower()
            self.lines.append(f"/* {step.layer!r} */")
            if step in linear:
                number = linear.index(step) + 1
                is_last = number == len(linear)
                straight = is_last and net.link != "Sigmoid" and net.order is None
                x = self._place
                self._move("out" if straight else "", step.n_out)
                sizes = f"{step.params[0].shape[0]}, {step.n_out}"
                arrays = [f"{name}_w{number}", f"{name}_b{number}"][: len(step.params)]
                self._call(kind, f"{self._place}, {x}, {sizes}, {', '.join(arrays)}")
            else:
                if self._place == "x":
                    self._move("", step.n_out)
                    self._loop(step.n_out, "{0}[k] = x[k];")
                self._activate(kind, step.n_out)
        if net.link is not None:
            self.lines.append(f"/* {net.link}() of the loss */")
        if net.link == "Sigmoid":
            self.calls.append("sigmoid")
            z = f"{self._place}[0]"
            first, second = (0, 1) if net.order is None else net.order
            self.lines.append(f"out[{first}] = {name}_sigmoid(-{z});")
            self.lines.append(f"out[{second}] = {name}_sigmoid({z});")
        elif net.link == "Softmax":
            self._activate("softmax", net.n_out)
            for k, number in enumerate([] if net.order is None else net.order):
                self.lines.append(f"out[{k}] = {self._place}[{number}];")

    def _move(self, place: str, size: int) -> None:
        """Go on in another buffer, which is `out` or the one of a and b not in use."""
        self._place = place or ("b" if self._place == "a" else "a")
        if self._place != "out":
            self.buffers[self._place] = max(size, self.buffers.get(self._place, 0))

    def _activate(self, kind: str, size: int) -> None:
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


def _comment(net: Exportable, name: str, body: _Body, called: list[str]) -> str:
    itemsize = net.dtype.itemsize
    results, method, labels = _results(net)
    columns = net.columns or ()
    code = _EXPORTED_BYTES + _CALL_BYTES * len(body.calls)
    code += sum(_FUNCTION_BYTES[which][itemsize == 4] for which in called)
    return _COMMENT.format(
        name=name,
        version=__version__,
        type="double" if itemsize == 8 else "float",
        inputs=f"{_count(net.n_in, 'number')}, scaled as they were for the training",
        columns=_lines(f"x[{k}] is {_as_text(c)}" for k, c in enumerate(columns)),
        outputs=results,
        labels=_lines(labels),
        layers="\n *         ".join(_wrapped([repr(layer) for layer in net.layers])),
        n_params=net.n_params,
        dtype=net.dtype,
        loss=net.loss,
        constants=net.n_params * itemsize,
        code=round(code, -2),
        stack=sum(body.buffers.values()) * itemsize,
        method=method,
        macro=f"{name.upper()}_NO_FMA",
    )


def _results(net: Exportable) -> tuple[str, str, list[str]]:
    """Return what the results are, which method has them, and a line per result."""
    if net.classes is None:
        return _count(net.n_out, "value"), "predict", []
    classes = net.classes if net.order is None else net.classes[net.order]
    labels = [
        f"out[{k}] is the probability of {_as_text(label)}"
        for k, label in enumerate(classes.tolist())
    ]
    return f"{len(labels)} probabilities, one per class", "predict_proba", labels


def _lines(texts: Iterable[str]) -> str:
    return "".join(f" *         {text}\n" for text in texts)


def _as_text(label: object) -> str:
    """Return a label as JSON that neither ends nor opens a comment, and is readable."""
    text = json.dumps(label, ensure_ascii=False).replace("*", "\\u002a")
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' if n > 1 else ''}"


def _wrapped(words: list[str], width: int = 70) -> list[str]:
    """Return lines of words, separated by commas."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 > width:
            lines[-1] += ","
            lines.append(word)
        else:
            lines[-1] += f", {word}"
    return lines


def _bits_type(dtype: np.dtype[Any], name: str, called: list[str]) -> Iterator[str]:
    if "scale" in called:
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
    *lines, last = _wrapped([literal(x, dtype) for x in row.tolist()], _WIDTH - 6)
    return [*lines, f"{last},"]
