"""The layers: parts of a Sequential, each of which also works on its own.

`forward(x)` takes rows (n, n_in), returns (n, n_out) and stores what `backward(dout)`
needs. `backward` returns the gradient with respect to x and writes the gradients with
respect to the parameters into the arrays of `grads`, in place. On its own, a layer
draws its parameters when they are first used. In a Sequential they are views into the
net's flat vector.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import kernels
from ..data.arguments import check_int, check_seed
from ..data.arrays import Array, as_float_array, readonly
from .initializers import Init, is_arrays, parse

_UNDEFINED = "{} must define compute(x) and compute_back(dout, x, out)"


class Layer:
    """Base class of all layers, for a layer without parameters.

    A subclass defines `compute` and `compute_back`, and `n_outputs` or `n_rows` if it
    changes the number of units or rows.
    """

    # True if a row of the output depends on more than the same row of the input.
    mixes_rows: ClassVar[bool] = False

    def __init__(self) -> None:
        self._x: Array | None = None  # input and output of the last forward pass
        self._out: Array | None = None
        self.owned = False  # True once the layer is part of a Sequential

    @property
    def params(self) -> list[Array]:
        """The parameters, which may be changed in place."""
        return []

    @property
    def grads(self) -> list[Array]:
        """Gradients of the last backward pass, in the order of `params`.

        They are always the same arrays.
        """
        return []

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of `params`."""
        return []

    def n_outputs(self, n_in: int | None) -> int | None:
        """Return the number of output units for n_in input units; None means any."""
        return n_in

    def n_rows(self, n: int) -> int:
        """Return the number of output rows for n input rows."""
        return n

    def forward(self, x: Any) -> Array:
        """Return the output (n, n_out) for x (n, n_in), as a new array."""
        # A copy: the caller may change x before `backward` needs it.
        self._x = readonly(self._as_rows(x).copy())
        self._out = self.compute(self._x)
        return self._out.copy()

    def backward(self, dout: Any) -> Array:
        """Return the gradient with respect to x (n, n_in), and fill `grads`.

        dout (n, n_out) is the gradient with respect to the last forward pass's output.
        """
        if self._x is None or self._out is None:
            raise RuntimeError(f"call {type(self).__name__}.forward before backward")
        gradient = as_float_array("dout", dout, self._out.dtype)
        if gradient.shape != self._out.shape:
            raise ValueError(
                f"dout has shape {gradient.shape}, but the output of forward had "
                f"shape {self._out.shape}: pass one number per output"
            )
        return self.compute_back(gradient, self._x, self._out)

    def compute(self, x: Array) -> Array:
        """Return the output as a new array.

        x (n, n_in) is read-only and C-contiguous.
        """
        raise NotImplementedError(_UNDEFINED.format(type(self).__name__))

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        """Return the gradient with respect to x as a new array, and fill `grads`.

        dout is read-only; x and out are the input and the output of `compute`.
        """
        raise NotImplementedError(_UNDEFINED.format(type(self).__name__))

    def _as_rows(self, x: Any) -> Array:
        """Return x as rows (n, n_in) of the layer's dtype."""
        rows = as_float_array("x", x, _common_dtype(self.params or [x]))
        if rows.ndim != 2:
            raise ValueError(
                f"x must have two dimensions, (n, n_in), not shape {rows.shape}"
            )
        return rows

    def __getstate__(self) -> dict[str, Any]:
        # A copy belongs to no net until one is made from it.
        return self.__dict__ | {"_x": None, "_out": None, "owned": False}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Weighted(Layer):
    """Base class of layers with weights (n_in, n_out).

    init is a scheme such as "he", or a list of arrays; None means the net's scheme, or
    Xavier for a layer on its own. seed is for a layer on its own.
    """

    def __init__(self, n_in: int, n_out: int, init: Any = None, seed: int = 0) -> None:
        super().__init__()
        self.n_in = check_int("n_in", n_in, 1)
        self.n_out = check_int("n_out", n_out, 1)
        self.init: Init | list[Array] | None = None
        if init is not None:
            self.init = (
                copy_init_arrays(init, self.shapes())
                if is_arrays(init)
                else parse(init)
            )
        self._seed = check_seed(seed)
        self._params: list[Array] | None = None
        self._grads: list[Array] | None = None

    def draw(self, rng: np.random.Generator, default: Init) -> list[Array]:
        """Return initial parameters for a net.

        They are the layer's present parameters if it has some, else its own arrays, or
        drawn by its own scheme, or else by the default scheme.
        """
        if self._params is not None and not self.owned:
            self.init = [param.copy() for param in self._params]
        if isinstance(self.init, list):
            return self.init
        weights = (self.init or default).weights(rng, self.n_in, self.n_out)
        return [weights, *(np.zeros(shape) for shape in self.shapes()[1:])]

    @property
    def has_own_init(self) -> bool:
        """True unless `draw` gives weights of the default scheme followed by zeros."""
        return (
            type(self).draw is not Weighted.draw
            or self.shapes()[0] != (self.n_in, self.n_out)
            or self.init is not None
            or (self._params is not None and not self.owned)
        )

    def bind(self, params: list[Array], grads: list[Array]) -> None:
        """Use these arrays as parameters and gradients, without copying them."""
        self._params, self._grads = params, grads

    @property
    def params(self) -> list[Array]:
        if self._params is None:
            drawn = self.draw(np.random.default_rng(self._seed), parse("xavier"))
            dtype = _common_dtype(drawn)
            params = [np.array(array, dtype, order="C") for array in drawn]
            self.bind(params, [np.zeros_like(array) for array in params])
        assert self._params is not None
        return list(self._params)

    @property
    def grads(self) -> list[Array]:
        _ = self.params  # makes both
        assert self._grads is not None
        return list(self._grads)

    def n_outputs(self, n_in: int | None) -> int:
        if n_in not in (None, self.n_in):
            raise ValueError(f"{self!r} takes {self.n_in} inputs, but gets {n_in}")
        return self.n_out

    def _as_rows(self, x: Any) -> Array:
        rows = super()._as_rows(x)
        self.n_outputs(rows.shape[1])
        return rows

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_in}, {self.n_out})"


class Affine(Weighted):
    """x W + b, with the parameters [W (n_in, n_out), b (n_out,)].

    init is a scheme as in `fastnn.init`, or the arrays [W, b]. In a Sequential it takes
    precedence over the net's init, and so do parameters that the layer already has.

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
    """x W, with the parameter [W (n_in, n_out)]: an Affine without a bias.

    >>> MatMul(2, 1, init=[[[1.0], [2.0]]]).forward([[1.0, 1.0]])
    array([[3.]])
    """

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


class Repeat(Layer):
    """One row (1, k) repeated n times, (n, k); the backward pass sums the rows.

    >>> Repeat(2).forward([[1.0, 2.0]])
    array([[1., 2.],
           [1., 2.]])
    """

    mixes_rows = True

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = check_int("n", n, 1)

    def n_rows(self, n: int) -> int:
        if n != 1:
            raise ValueError(f"{self!r} takes one row, but gets {n}")
        return self.n

    def compute(self, x: Array) -> Array:
        out = np.empty((self.n_rows(len(x)), x.shape[1]), x.dtype)
        kernels.loops.layers.repeat_row(out, x)
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.sum_rows(dx, dout)
        return dx

    def __repr__(self) -> str:
        return f"Repeat({self.n})"


class Sum(Layer):
    """The sum of all rows, (n, k) to (1, k); the backward pass repeats the row.

    >>> Sum().forward([[1.0, 2.0], [3.0, 4.0]])
    array([[4., 6.]])
    """

    mixes_rows = True

    def n_rows(self, n: int) -> int:
        return 1

    def compute(self, x: Array) -> Array:
        out = np.empty((1, x.shape[1]), x.dtype)
        kernels.loops.layers.sum_rows(out, x)
        return out

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.repeat_row(dx, dout)
        return dx


def copy_init_arrays(
    arrays: Sequence[Any], shapes: list[tuple[int, ...]]
) -> list[Array]:
    """Return copies of the caller's arrays, which must have these shapes.

    Arrays that are all float32 stay float32; any others become float64.
    """
    if len(arrays) != len(shapes):
        raise ValueError(
            f"init has {len(arrays)} arrays, but {len(shapes)} are needed, with the "
            f"shapes {shapes}"
        )
    dtype = _common_dtype(arrays)
    copies = []
    for position, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
        values = as_float_array(f"init[{position}]", array, dtype)
        if values.shape != shape:
            raise ValueError(
                f"init[{position}] has shape {values.shape}, but must have {shape}: "
                "W is (n_in, n_out), b is (n_out,)"
            )
        copies.append(values.copy())
    return copies


def _common_dtype(arrays: Sequence[Any]) -> np.dtype[Any]:
    """Return float32 if all arrays are float32, else float64."""
    all_float32 = all(getattr(array, "dtype", None) == np.float32 for array in arrays)
    return np.dtype("float32" if all_float32 else "float64")
