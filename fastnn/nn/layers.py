"""What a layer is, and the layers with weights: parts of a Sequential, each of which also works on its own.

`forward(x)` takes rows (n, units), and keeps what `backward(dout)` needs; that returns the gradient by x and writes
those by the parameters into the arrays of `grads`, in place. On its own a layer draws its parameters at first use;
in a Sequential they are views into the net's flat vector.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..data.arguments import check_int, check_seed
from ..data.arrays import Array, as_float_array, readonly
from .initializers import Init, is_arrays, parse


class Layer:
    """A layer without parameters; the others add theirs."""

    mixes_rows: ClassVar[bool] = (
        False  # True where a row of the output depends on more than its own row
    )

    def __init__(self) -> None:
        self._x: Array | None = None  # what `backward` needs of the last forward pass
        self._out: Array | None = None
        self.owned = False  # part of a Sequential

    @property
    def params(self) -> list[Array]:
        """The parameters, which may be changed in place."""
        return []

    @property
    def grads(self) -> list[Array]:
        """The gradients of the last backward pass, in the order of `params`; always the same arrays."""
        return []

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of `params`."""
        return []

    def n_outputs(self, n_in: int | None) -> int | None:
        """The number of units that come out where n_in go in; None is "any"."""
        return n_in

    def n_rows(self, n: int) -> int:
        """The number of rows that come out where n go in."""
        return n

    def forward(self, x: Any) -> Array:
        """The layer's output (n, n_out) for x (n, n_in), an array of the caller's own."""
        self._x = readonly(
            self._rows(x).copy()
        )  # what backward needs must not change with the caller's array
        self._out = self.compute(self._x)
        return self._out.copy()

    def backward(self, dout: Any) -> Array:
        """The gradient by x (n, n_in) from that by the last forward pass's output, (n, n_out)."""
        gradient = self._gradient(dout)
        assert self._x is not None
        assert self._out is not None
        return self.compute_back(gradient, self._x, self._out)

    def compute(self, x: Array) -> Array:
        """The output, a new array, for x as it should be: read-only and C-contiguous."""
        raise NotImplementedError(
            f"{type(self).__name__} is to define compute(x) and compute_back(dout, x, out)"
        )

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        """The gradient by x, a new array, from dout, read-only, and what went into and came out of `compute`."""
        raise NotImplementedError(
            f"{type(self).__name__} is to define compute(x) and compute_back(dout, x, out)"
        )

    def _rows(self, x: Any) -> Array:
        """x as rows of the layer's dtype."""
        params = self.params
        single = (
            params[0].dtype if params else getattr(x, "dtype", None)
        ) == np.float32
        rows = as_float_array(
            "x", x, np.dtype("float32") if single else np.dtype("float64")
        )
        if rows.ndim != 2:
            raise ValueError(
                f"x must have two dimensions, (n, units), not the shape {rows.shape}"
            )
        return rows

    def _gradient(self, dout: Any) -> Array:
        """dout in the dtype of the last forward pass, checked against its output."""
        if self._out is None:
            raise RuntimeError(
                f"{type(self).__name__}.backward needs a forward before it"
            )
        gradient = as_float_array("dout", dout, self._out.dtype)
        if gradient.shape != self._out.shape:
            raise ValueError(
                f"dout has the shape {gradient.shape}, but the output had {self._out.shape}"
            )
        return gradient

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {
            "_x": None,
            "_out": None,
            "owned": False,
        }  # a copy is nobody's, until a net takes it

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Weighted(Layer):
    """A layer with weights (n_in, n_out), which it draws itself unless a net does."""

    def __init__(self, n_in: int, n_out: int, init: Any = None, seed: int = 0) -> None:
        super().__init__()
        self.n_in = check_int("n_in", n_in, 1)
        self.n_out = check_int("n_out", n_out, 1)
        self.init: Init | list[Array] | None = None
        if init is not None:
            self.init = given(init, self.shapes()) if is_arrays(init) else parse(init)
        self._seed = check_seed(seed)
        self._params: list[Array] | None = None
        self._grads: list[Array] | None = None

    def draw(self, rng: np.random.Generator, default: Init) -> list[Array]:
        """Initial parameters: the layer's own if it has some, or a scheme of its own, otherwise the default scheme."""
        if self._params is not None and not self.owned:
            self.init = [param.copy() for param in self._params]
        if isinstance(self.init, list):
            return self.init
        weights = (self.init or default).weights(rng, self.n_in, self.n_out)
        return [weights, *(np.zeros(shape) for shape in self.shapes()[1:])]

    @property
    def draws_itself(self) -> bool:
        """True where `draw` does not take all from the default scheme, weights before zeros."""
        own_way = type(self).draw is not Weighted.draw or self.shapes()[0] != (
            self.n_in,
            self.n_out,
        )
        return (
            own_way
            or self.init is not None
            or (self._params is not None and not self.owned)
        )

    def bind(self, params: list[Array], grads: list[Array]) -> None:
        """Use these arrays from now on."""
        self._params, self._grads = params, grads

    @property
    def params(self) -> list[Array]:
        if self._params is None:
            drawn = self.draw(np.random.default_rng(self._seed), parse("xavier"))
            single = all(array.dtype == np.float32 for array in drawn)
            params = [
                np.array(array, np.float32 if single else np.float64, order="C")
                for array in drawn
            ]
            self.bind(params, [np.zeros_like(array) for array in params])
        assert self._params is not None
        return list(self._params)

    @property
    def grads(self) -> list[Array]:
        _ = self.params
        assert self._grads is not None
        return list(self._grads)

    def n_outputs(self, n_in: int | None) -> int:
        if n_in not in (None, self.n_in):
            raise ValueError(f"{self!r} takes {self.n_in} inputs, but gets {n_in}")
        return self.n_out

    def _rows(self, x: Any) -> Array:
        rows = super()._rows(x)
        self.n_outputs(rows.shape[1])
        return rows

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_in}, {self.n_out})"


class Affine(Weighted):
    """x W + b, with params [W (n_in, n_out), b (n_out,)].

    init is a scheme as in `fastnn.init`, or the arrays [W, b]; in a Sequential it goes before the net's, and so do
    parameters that the layer has already.

    >>> Affine(2, 1, init=[[[1.0], [2.0]], [0.5]]).forward([[1.0, 1.0]])
    array([[3.5]])
    """

    def shapes(self) -> list[tuple[int, ...]]:
        return [(self.n_in, self.n_out), (self.n_out,)]

    def compute(self, x: Array) -> Array:
        w, b = self.params
        out = np.empty((len(x), len(b)), x.dtype)
        kernels.loops.layers.affine_forward(out, x, w, b)
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        dw, db = self.grads
        kernels.loops.layers.affine_backward(dx, dw, dout, x, self.params[0])
        kernels.loops.layers.sum_rows(db.reshape(1, -1), dout)
        return dx


class MatMul(Weighted):
    """x W, with params [W (n_in, n_out)]: an Affine without a bias."""

    def shapes(self) -> list[tuple[int, ...]]:
        return [(self.n_in, self.n_out)]

    def compute(self, x: Array) -> Array:
        (w,) = self.params
        out = np.empty((len(x), w.shape[1]), x.dtype)
        kernels.loops.layers.affine_forward(out, x, w, np.zeros(w.shape[1], x.dtype))
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.affine_backward(dx, self.grads[0], dout, x, self.params[0])
        return dx


def given(arrays: Sequence[Any], shapes: list[tuple[int, ...]]) -> list[Array]:
    """Copies of the caller's arrays, checked against the shapes that are wanted; float32 stays float32."""
    if len(arrays) != len(shapes):
        raise ValueError(
            f"init has {len(arrays)} arrays, but {len(shapes)} are wanted, with the shapes {shapes}"
        )
    single = all(getattr(array, "dtype", None) == np.float32 for array in arrays)
    dtype = np.dtype("float32" if single else "float64")
    copies = []
    for place, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
        values = as_float_array(f"init[{place}]", array, dtype)
        if values.shape != shape:
            raise ValueError(
                f"init[{place}] has the shape {values.shape}, but {shape} is wanted: W is (n_in, n_out)"
            )
        copies.append(values.copy())
    return copies
