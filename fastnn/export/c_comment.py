"""The comment at the top of an exported C file."""

import json
from collections.abc import Iterable

from ..data.version import __version__
from .exportable import Exportable

# Bytes of machine code and of constants in it, as gcc 12 -Os makes them for x86-64 of
# float64 and of float32: of each function, of the exported one, and of each call there.
_FUNCTION_BYTES = {
    "affine": (120, 120),
    "matmul": (60, 60),
    "scale": (20, 20),
    "exp": (540, 330),
    "exponential": (30, 30),
    "sigmoid": (30, 30),
    "tanh": (620, 370),
    "wide": (270, 250),
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


def comment(
    net: Exportable, name: str, functions: list[str], n_calls: int, n_buffered: int
) -> str:
    """Return the comment: what the file is, how to use it, and its size.

    functions: names of those in the file, which the exported one calls n_calls times.
    n_buffered: how many numbers are on the stack.
    """
    itemsize = net.dtype.itemsize
    results, method, labels = _results(net)
    columns = net.columns or ()
    code = _EXPORTED_BYTES + _CALL_BYTES * n_calls
    code += sum(_FUNCTION_BYTES[which][itemsize == 4] for which in functions)
    return _COMMENT.format(
        name=name,
        version=__version__,
        type="double" if itemsize == 8 else "float",
        inputs=f"{_count(net.n_in, 'number')}, as fastnn's predict takes them",
        columns=_lines(f"x[{k}] is {_as_text(c)}" for k, c in enumerate(columns)),
        outputs=results,
        labels=_lines(labels),
        layers="\n *         ".join(wrapped([repr(layer) for layer in net.layers])),
        n_params=net.n_params,
        dtype=net.dtype,
        loss=net.loss,
        constants=net.n_params * itemsize,
        code=round(code, -2),
        stack=n_buffered * itemsize,
        method=method,
        macro=f"{name.upper()}_NO_FMA",
    )


def _results(net: Exportable) -> tuple[str, str, list[str]]:
    """Return what the results are, which method has them, and a line per result."""
    if net.classes is None:
        return _count(net.n_out, "value"), "predict", []
    if net.is_multilabel:
        labels = [
            f"out[{k}] is the probability that label {k} is 1" for k in range(net.n_out)
        ]
        return f"{net.n_out} probabilities, one per label", "predict_proba", labels
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


def wrapped(words: list[str], width: int = 70) -> list[str]:
    """Return lines of words, separated by commas."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 3 > width:
            lines[-1] += ","
            lines.append(word)
        else:
            lines[-1] += f", {word}"
    return lines
