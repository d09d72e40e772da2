"""ONNX: a net as a model for onnxruntime and whatever else reads the format."""

import json
from typing import Any

import numpy as np

from ..data.archives import Target, check_target, write_content
from ..data.arrays import Array
from ..data.schema import Schema
from ..data.version import __version__
from ..nn.architecture import Architecture
from .exportable import Exportable, exportable, wide_scale

# Every operator is in this version of the operators' set; the version of the file
# format is the one that came with it, in March 2022.
_OPSET, _IR_VERSION = 17, 8
_OPERATORS = {
    "Affine": "Gemm",
    "MatMul": "MatMul",
    "Sigmoid": "Sigmoid",
    "Tanh": "Tanh",
    "ReLU": "Relu",
    "Softmax": "Softmax",
    "Exp": "Exp",
}


def write_onnx(
    target: Target, architecture: Architecture, theta: Array, schema: Schema
) -> None:
    """Write a net as an ONNX model to a file; see `fastnn.Sequential.to_onnx`."""
    check_target(target, ".onnx")
    model = onnx_model(exportable("ONNX", architecture, theta, schema))
    write_content(target, model.SerializeToString(deterministic=True))


def onnx_model(net: Exportable) -> Any:
    """Return the model, an `onnx.ModelProto`."""
    helper = _onnx().helper
    graph = _Graph(net)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "fastnn",
            inputs=[graph.value("X", net.dtype, (net.n_in,))],
            outputs=graph.outputs,
            initializer=graph.arrays,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="fastnn",
        producer_version=__version__,
        doc_string=", ".join(map(repr, net.layers)),
    )
    facts = {"fastnn_version": __version__, "loss": net.loss}
    if net.classes is not None:
        classes = net.classes if net.order is None else net.classes[net.order]
        facts["classes"] = json.dumps(classes.tolist())
    if net.columns is not None:
        facts["columns"] = json.dumps(net.columns)
    helper.set_model_props(model, facts)
    return model


class _Graph:
    """The nodes, constant arrays and outputs of the model's graph."""

    def __init__(self, net: Exportable) -> None:
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.outputs: list[Any] = []
        z = "X"
        for number, step in enumerate(net.steps, 1):
            kind = type(step.layer).__name__
            arrays = [
                self._array(f"{letter}{number}", array)
                for letter, array in zip("Wb", step.params, strict=False)
            ]
            z = self._node(_OPERATORS[kind], f"{kind.lower()}{number}", z, *arrays)
        if net.is_wide:
            z = self._wide(net, z)
        if net.classes is None:
            self._predictions(net, z)
        else:
            self._label(net, z)
            self._probabilities(net, z)

    def value(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
        """Describe an input or output of n rows."""
        helper = _onnx().helper
        # NumPy's dtypes of strings have a length
        kind = np.dtype(object) if dtype.kind == "U" else dtype
        code = helper.np_dtype_to_tensor_dtype(kind)
        return helper.make_tensor_value_info(name, code, ("n", *shape))

    def _node(self, operator: str, out: str, *inputs: str, **attributes: Any) -> str:
        node = _onnx().helper.make_node(operator, inputs, [out], out, **attributes)
        self.nodes.append(node)
        return out

    def _array(self, name: str, array: Any) -> str:
        values = np.asarray(array)
        kind = object if values.dtype.kind == "U" else values.dtype
        tensor = _onnx().numpy_helper.from_array(values.astype(kind), name)
        self.arrays.append(tensor)
        return name

    def _wide(self, net: Exportable, z: str) -> str:
        """Put others in the place of outputs whose largest is beyond all numbers.

        They are in proportion to them: the sums of the last layer again, but scaled.
        """
        x, W, b = self.nodes[-1].input
        most = np.finfo(net.dtype).max
        factor = self._array("scale", np.array(wide_scale(net.dtype), net.dtype))
        scaled = self._node(
            "Gemm",
            "scaled",
            self._node("Mul", "scaled_x", x, factor),
            self._node("Mul", "scaled_W", W, factor),
            self._node("Mul", "scaled_b", self._node("Mul", "half", b, factor), factor),
        )
        sizes = self._node("Abs", "sizes", scaled)
        size = self._node("ReduceMax", "size", sizes, axes=[1])
        shares = self._node("Div", "shares", scaled, size)
        largest_number = self._array("largest_number", np.array(most, net.dtype))
        wide = self._node("Mul", "wide", shares, largest_number)
        infinite = self._array("infinite", np.array(np.inf, net.dtype))
        known = self._node(
            "Where", "known", self._node("IsNaN", "unknown", z), infinite, z
        )
        largest = self._node("ReduceMax", "largest", known, axes=[1])
        overflows = self._node("IsInf", "overflows", largest)
        return self._node("Where", "z", overflows, wide, z)

    def _predictions(self, net: Exportable, z: str) -> None:
        """Give the values the shape that `predict` returns, (n,) or (n, n_out)."""
        if net.n_out == 1:
            axis = self._array("axis", np.array([1]))
            self._node("Squeeze", "predictions", z, axis)
        else:
            self._node("Identity", "predictions", z)
        shape = (net.n_out,) if net.n_out > 1 else ()
        self.outputs.append(self.value("predictions", net.dtype, shape))

    def _label(self, net: Exportable, z: str) -> None:
        """Look the label up as `predict` does: from z, not from its probabilities.

        For one output it is the second class where z > 0, and for each of several that
        have a label; otherwise the class of the largest output, the first one of
        equals.
        """
        assert net.classes is not None
        if net.link == "Sigmoid":
            zero = self._array("zero", np.zeros((), net.dtype))
            positive = self._node("Greater", "positive", z, zero)
            column = self._node(
                "Cast", "column", positive, to=_onnx().TensorProto.INT64
            )
            number = column
            if not net.is_multilabel:
                axis = self._array("axis", np.array([1]))
                number = self._node("Squeeze", "number", column, axis)
        else:
            number = self._node("ArgMax", "number", z, axis=1, keepdims=0)
        classes = self._array("classes", net.classes)
        self._node("Gather", "label", classes, number)
        shape = (net.n_out,) if net.is_multilabel else ()
        self.outputs.append(self.value("label", net.classes.dtype, shape))

    def _probabilities(self, net: Exportable, z: str) -> None:
        """Give each class a column, in the order of the labels.

        Several outputs that have a label each have the column of its 1.
        """
        assert net.classes is not None
        if net.is_multilabel:
            self._node("Sigmoid", "probabilities", z)
            self.outputs.append(self.value("probabilities", net.dtype, (net.n_out,)))
            return
        by_number = "probabilities" if net.order is None else "by_number"
        if net.link == "Sigmoid":
            first = self._node("Sigmoid", "first", self._node("Neg", "minus_z", z))
            second = self._node("Sigmoid", "second", z)
            self._node("Concat", by_number, first, second, axis=1)
        else:
            self._node("Softmax", by_number, z, axis=1)
        if net.order is not None:
            order = self._array("order", net.order)
            self._node("Gather", "probabilities", by_number, order, axis=1)
        shape = (len(net.classes),)
        self.outputs.append(self.value("probabilities", net.dtype, shape))


def _onnx() -> Any:
    """Return the package `onnx`, which is imported only where it is needed."""
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the package onnx: install it with `pip install onnx`"
        ) from error
    return onnx
