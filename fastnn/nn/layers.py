"""The layers: parts of a Sequential, each of which also works on its own.

`forward(x)` takes rows (n, n_in), returns (n, n_out) and stores what `backward(dout)`
needs. `backward` returns the gradient with respect to x and writes the gradients with
respect to the parameters into the arrays of `grads`, in place. On its own, a layer
draws its parameters when they are first used. In a Sequential they are views into the
net's flat vector.
"""

from collections.abc import Sequence
from threading import get_ident
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import kernels
from ..data.arguments import check_int, check_seed
from ..data.arrays import Array, as_float_array, readonly
from ..data.generators import generator
from ..data.suggestions import suggests_arguments
from .boundary import OUTPUT, float_dtype, readable, writable
from .initializers import Init, is_arrays, parse
from .parameters import Parameters

_UNDEFINED = "{} must define compute(x) and compute_back(dout, x, out)"


class Layer:
    """Base class of all layers.

    A subclass defines `compute` and `compute_back`, and `n_outputs` or `n_rows` if it
    changes the number of units or rows. What the two return is checked: an array of
    another shape than the layer promises raises ValueError. A layer with parameters
    also defines `shapes`, and `draw` unless its weights (n_in, n_out) are to be drawn
    by the net's scheme and all else is to be zero. `fastnn.check_gradients` compares
    its gradients with central differences.

    What a layer defines, such as its sizes, cannot be changed afterwards.

    >>> from fastnn import Affine, Sequential, check_gradients, datasets
    >>> class Scale(Layer):
    ...     '''Each unit times a parameter of its own.'''
    ...
    ...     def __init__(self, n):
    ...         self.n = n
    ...
    ...     def shapes(self):
    ...         return [(self.n,)]
    ...
    ...     def draw(self, rng, default):
    ...         return [np.ones(self.n)]
    ...
    ...     def compute(self, x):
    ...         return x * self.params[0]
    ...
    ...     def compute_back(self, dout, x, out):
    ...         self.grads[0][...] = (dout * x).sum(axis=0)
    ...         return dout * self.params[0]
    >>> net = Sequential([Affine(2, 3), Scale(3), Affine(3, 1)], "bce")
    >>> check_gradients(net, *datasets.xor_gate()).ok
    True
    """

    # True if a row of the output depends on more than the same row of the input.
    mixes_rows: ClassVar[bool] = False

    _bound_arrays: "_Bound | None" = None
    _last_pass: "_Pass | None" = None  # of the last forward pass
    _start_arrays: tuple[Array, ...] | None = None  # that the layer gave to its net
    _owned = False
    _seed = 0

    @property
    def owned(self) -> bool:
        """True once the layer is part of a Sequential."""
        return self._owned

    @property
    def params(self) -> Parameters:
        """The parameters, which may be changed in place."""
        return Parameters(self._arrays().params)

    @property
    def grads(self) -> list[Array]:
        """Gradients of the last backward pass, in the order of `params`.

        They are always the same arrays.
        """
        return list(self._arrays().shown_grads)

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of `params`."""
        return []

    def draw(self, rng: "np.random.Generator", default: Init) -> Sequence[Any]:
        """Return initial parameters: weights by the default scheme, and else zeros."""
        return [
            default.weights(rng, *shape) if len(shape) == 2 else np.zeros(shape)
            for shape in self.shapes()
        ]

    def initial(self, rng: "np.random.Generator", default: Init) -> list[Array]:
        """Return the parameters with which a net starts, in the shapes of `shapes`.

        They are the layer's present parameters if it has some, else what `draw` draws.
        """
        if self._bound_arrays is not None and not self._owned:
            self._start_arrays = tuple(
                readonly(p.copy()) for p in self._bound_arrays.params
            )
        drawn = (
            self.draw(rng, default)
            if self._start_arrays is None
            else self._start_arrays
        )
        arrays = [np.asarray(array) for array in drawn]
        shapes = [tuple(shape) for shape in self.shapes()]
        if [array.shape for array in arrays] != shapes:
            raise ValueError(
                f"{self!r} starts from parameters of the shapes "
                f"{[array.shape for array in arrays]}, but {shapes} are expected"
            )
        return arrays

    @property
    def has_own_init(self) -> bool:
        """True unless the net's scheme draws weights, followed by zeros."""
        return True

    def bind(self, params: Sequence[Array], grads: Sequence[Array]) -> None:
        """Use these arrays as parameters and gradients, without copying them.

        They must have the shapes of `shapes`, and one dtype. A layer that is part of a
        net has the arrays of the net.
        """
        if self._owned:
            raise ValueError(
                f"{self!r} is part of a net, whose arrays it uses: bind a copy"
            )
        self._bound_arrays = _bound(self, params, grads, self.shapes())

    def _arrays(self) -> "_Bound":
        """Return the parameters and gradients, which are drawn at first use."""
        if self._bound_arrays is None:
            drawn = self.initial(generator(self._seed), parse("xavier"))
            dtype = common_dtype(drawn)
            params = tuple(np.array(array, dtype, order="C") for array in drawn)
            grads = [np.zeros_like(array) for array in params]
            made = _bound(self, params, grads, [array.shape for array in params])
            # One step: of several threads, the first one's arrays are everyone's.
            return self.__dict__.setdefault("_bound_arrays", made)
        return self._bound_arrays

    def arguments(self) -> list[Any]:
        """Return the constructor's arguments, numbers and strings, for a file.

        A layer of a class of one's own can be saved if its class defines this. The
        reader passes the class to `fastnn.load`: a file names classes, and imports
        none.
        """
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
        rows = readonly(self._as_rows(x).copy())
        out = output_of(self, rows)
        self._last_pass = _Pass(get_ident(), rows, out)
        return out.copy()

    def backward(self, dout: Any) -> Array:
        """Return the gradient with respect to x (n, n_in), and fill `grads`.

        dout (n, n_out) is the gradient with respect to the last forward pass's output.
        RuntimeError if that pass was another thread's: threads need a copy each.
        """
        last = self._last_pass
        if last is None:
            raise RuntimeError(f"call {type(self).__name__}.forward before backward")
        thread = get_ident()
        if last.thread != thread:
            raise RuntimeError(_OTHER_THREAD.format(self, "called forward last"))
        gradient = as_float_array("dout", dout, last.out.dtype)
        if gradient.shape != last.out.shape:
            raise ValueError(
                f"dout has shape {gradient.shape}, but the output of forward had "
                f"shape {last.out.shape}: pass one number per output"
            )
        running: dict[str, int] = self.__dict__.setdefault("_running_pass", {})
        if running.setdefault("thread", thread) != thread:
            raise RuntimeError(_OTHER_THREAD.format(self, "is in its backward pass"))
        try:
            return gradient_of(self, gradient, last.x, last.out).copy()
        finally:
            running.pop("thread", None)

    def compute(self, x: Array) -> Array:
        """Return the output, (n_rows(n), n_outputs(n_in)).

        x (n, n_in) is read-only and C-contiguous.
        """
        raise NotImplementedError(_UNDEFINED.format(type(self).__name__))

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        """Return the gradient with respect to x (n, n_in), and fill `grads`.

        All three are read-only; x and out are the input and the output of `compute`.
        """
        raise NotImplementedError(_UNDEFINED.format(type(self).__name__))

    def _as_rows(self, x: Any) -> Array:
        """Return x as rows (n, n_in) of the layer's dtype."""
        rows = as_float_array("x", x, common_dtype(self.params or [x]))
        if rows.ndim != 2:
            raise ValueError(
                f"x must have two dimensions, (n, n_in), not shape {rows.shape}"
            )
        self.n_outputs(rows.shape[1])
        return rows

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and _is_fixed(type(self), name):
            raise AttributeError(
                f"{name} of {self!r} cannot be changed: make a new layer, or define "
                f"{name} in a subclass"
            )
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        # A copy belongs to no net until one is made from it.
        state = self.__dict__.copy()
        for name in ("_last_pass", "_owned", "_running_pass"):
            state.pop(name, None)
        if self._bound_arrays is not None:
            state["_bound_arrays"] = self._bound_arrays.params, self._bound_arrays.grads
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._bound_arrays is not None:
            # Shared memory may come back read-only. The views are made again, since
            # copies of views are no views.
            params, grads = (
                [np.require(array, requirements=["C", "A", "W"]) for array in arrays]
                for arrays in state["_bound_arrays"]
            )
            shapes = [array.shape for array in params]
            self._bound_arrays = _bound(self, params, grads, shapes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Bound(NamedTuple):
    """Parameters and gradients that a layer uses, and the views that users get.

    Whatever users do to the shape of a view, the arrays stay as they were checked.
    """

    params: tuple[Array, ...]
    grads: tuple[Array, ...]
    shown_grads: tuple[Array, ...]


class _Pass(NamedTuple):
    """A forward pass: its thread, input and output."""

    thread: int
    x: Array
    out: Array


_OTHER_THREAD = (
    "{!r}: another thread {}, and a layer stores one pass: give each thread a layer of "
    "its own, such as copy.deepcopy(layer)"
)


def _is_fixed(kind: type, name: str) -> bool:
    """Return True for what a class of this package defines."""
    package = __name__.partition(".")[0]
    return any(
        name in vars(base) and base.__module__.partition(".")[0] == package
        for base in kind.__mro__
    )


def _bound(
    layer: Layer,
    params: Sequence[Array],
    grads: Sequence[Array],
    shapes: Sequence[tuple[int, ...]],
) -> _Bound:
    """Return views of arrays that can be written, of these shapes and one dtype."""
    if not len(params) == len(grads) == len(shapes):
        raise ValueError(
            f"{layer!r} has {len(params)} parameters and {len(grads)} gradients, but "
            f"{len(shapes)} of each are expected"
        )
    dtype = float_dtype(layer, "has a parameter", params[0]) if shapes else None
    own_params, own_grads = (
        tuple(
            writable(layer, what, array, shape, dtype)
            for array, shape in zip(arrays, shapes, strict=True)
        )
        for what, arrays in (("has a parameter", params), ("has a gradient", grads))
    )
    return _Bound(own_params, own_grads, tuple(array.view() for array in own_grads))


class BuiltIn(Layer):
    """Base class of the layers that kernels compute.

    A subclass defines `_run` and `_run_back`, which may trust their arrays: these are
    read-only, C-contiguous, and of one dtype, (n, n_in) and (n, n_out).
    """

    def compute(self, x: Array) -> Array:
        x = readable(self, "got an input", x, (None, None), common_dtype([x]))
        return self._run(x)

    def compute_back(self, dout: Array, x: Array, out: Array) -> Array:
        x = readable(self, "got an input", x, (None, None), common_dtype([x]))
        shape = self.n_rows(len(x)), self.n_outputs(x.shape[1])
        out = readable(self, "got an output", out, shape, x.dtype)
        dout = readable(self, "got a gradient", dout, out.shape, x.dtype)
        return self._run_back(dout, x, out)

    def _run(self, x: Array) -> Array:
        raise NotImplementedError(_UNDEFINED.format(type(self).__name__))

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
        raise NotImplementedError(_UNDEFINED.format(type(self).__name__))


def output_of(layer: Layer, x: Array) -> Array:
    """Return what a layer computes from trusted rows x (n, n_in), as a trusted array.

    It is checked and copied if the layer is not built in: it may be the layer's input,
    or an array that the layer changes later.
    """
    if type(layer).compute is BuiltIn.compute:
        out = layer._run(x)  # type: ignore[attr-defined]
    else:
        shape = layer.n_rows(len(x)), layer.n_outputs(x.shape[1])
        out = readable(layer, OUTPUT, layer.compute(x), shape, x.dtype).copy()
    out.flags.writeable = False
    return out


def gradient_of(layer: Layer, dout: Array, x: Array, out: Array) -> Array:
    """Return the gradient with respect to x, and let the layer fill its `grads`.

    It is checked and copied like an output.
    """
    if type(layer).compute_back is BuiltIn.compute_back:
        dx = layer._run_back(dout, x, out)  # type: ignore[attr-defined]
    else:
        back = layer.compute_back(dout, x, out)
        dx = readable(layer, "returned a gradient", back, x.shape, x.dtype).copy()
    dx.flags.writeable = False
    return dx


class Weighted(BuiltIn):
    """Base class of layers with weights (n_in, n_out).

    init is a scheme such as "he", or a list of arrays; None means the net's scheme, or
    Xavier for a layer on its own. seed is for a layer on its own.
    """

    @suggests_arguments
    def __init__(self, n_in: int, n_out: int, init: Any = None, seed: int = 0) -> None:
        self._n_in = check_int("n_in", n_in, 1)
        self._n_out = check_int("n_out", n_out, 1)
        self._init: Init | None = None
        if is_arrays(init):
            copies = copy_init_arrays(init, self.shapes())
            self._start_arrays = tuple(readonly(array) for array in copies)
        elif init is not None:
            self._init = parse(init)
        self._seed = check_seed(seed)

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        return self._n_in

    @property
    def n_out(self) -> int:
        """The number of outputs."""
        return self._n_out

    @property
    def init(self) -> Init | tuple[Array, ...] | None:
        """The scheme, or the arrays to start from; None means the net's scheme."""
        return self._init if self._start_arrays is None else self._start_arrays

    def arguments(self) -> list[Any]:
        return [self.n_in, self.n_out]

    def draw(self, rng: "np.random.Generator", default: Init) -> Sequence[Any]:
        """Return initial parameters, drawn by the layer's own scheme or the default."""
        weights = (self._init or default).weights(rng, self.n_in, self.n_out)
        return [weights, *(np.zeros(shape) for shape in self.shapes()[1:])]

    @property
    def has_own_init(self) -> bool:
        return (
            type(self).draw is not Weighted.draw
            or self.shapes()[0] != (self.n_in, self.n_out)
            or self.init is not None
            or (self._bound_arrays is not None and not self._owned)
        )

    def _own_arrays(self, x: Array) -> _Bound:
        """Return the parameters [W, ...] and gradients for inputs x (n, n_in)."""
        kind = type(self)
        if kind.params is Layer.params and kind.grads is Layer.grads:
            own = self._arrays()
        else:  # a subclass has them elsewhere
            params = self.params
            own = _bound(self, params, self.grads, [np.shape(p) for p in params])
        w = own.params[0]
        if w.ndim != 2 or w.shape[0] != x.shape[1] or w.dtype != x.dtype:
            raise ValueError(
                f"{self!r} got an input (n, {x.shape[1]}) of {x.dtype}, but its "
                f"weights have shape {w.shape} and dtype {w.dtype}"
            )
        return own

    def n_outputs(self, n_in: int | None) -> int:
        if n_in not in (None, self.n_in):
            raise ValueError(f"{self!r} takes {self.n_in} inputs, but gets {n_in}")
        return self.n_out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_in}, {self.n_out})"


class Affine(Weighted):
    """x W + b, with the parameters [W (n_in, n_out), b (n_out,)].

    Parameters
    ----------
    n_in, n_out : int
        Number of inputs and of outputs.
    init : str, scheme or list of arrays, optional
        A scheme as in `fastnn.init`, such as "he", or the arrays [W, b]. In a net it
        takes precedence over the net's init, and so do parameters that the layer
        already has. None means the net's scheme, or Xavier for a layer on its own.
    seed : int
        For a layer on its own; in a net the net's seed counts.

    Examples
    --------
    >>> Affine(2, 1, init=[[[1.0], [2.0]], [0.5]]).forward([[1.0, 1.0]])
    array([[3.5]])
    """

    def shapes(self) -> list[tuple[int, ...]]:
        return [(self.n_in, self.n_out), (self.n_out,)]

    def _run(self, x: Array) -> Array:
        w, b = self._with_bias(self._own_arrays(x).params)
        out = np.empty((x.shape[0], w.shape[1]), x.dtype)
        kernels.loops.layers.affine_forward(out, x, w, b)
        return out

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
        own = self._own_arrays(x)
        w, _ = self._with_bias(own.params)
        dw, db = own.grads
        _check_units(self, dout, w)
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.affine_backward(dx, dw, dout, x, w)
        kernels.loops.layers.sum_rows(db.reshape(1, -1), dout)
        return dx

    def _with_bias(self, params: tuple[Array, ...]) -> tuple[Array, Array]:
        """Return W and b, if these are the parameters that the kernels take."""
        if len(params) != 2 or params[1].shape != params[0].shape[1:]:
            raise ValueError(
                f"{self!r} has parameters of the shapes "
                f"{[array.shape for array in params]}, but an Affine computes with "
                "(n_in, n_out) and (n_out,): define compute and compute_back"
            )
        return params[0], params[1]


class MatMul(Weighted):
    """x W, with the parameter [W (n_in, n_out)]: an Affine without a bias.

    Parameters
    ----------
    n_in, n_out, init, seed
        As for `Affine`; init may be the array [W].

    Examples
    --------
    >>> MatMul(2, 1, init=[[[1.0], [2.0]]]).forward([[1.0, 1.0]])
    array([[3.]])
    """

    def shapes(self) -> list[tuple[int, ...]]:
        return [(self.n_in, self.n_out)]

    def _run(self, x: Array) -> Array:
        w = self._own_arrays(x).params[0]
        out = np.empty((x.shape[0], w.shape[1]), x.dtype)
        kernels.loops.layers.affine_forward(out, x, w, np.zeros(w.shape[1], x.dtype))
        return out

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
        own = self._own_arrays(x)
        w = own.params[0]
        _check_units(self, dout, w)
        dx = np.empty(x.shape, x.dtype)
        kernels.loops.layers.affine_backward(dx, own.grads[0], dout, x, w)
        return dx


class Repeat(BuiltIn):
    """One row (1, k) repeated n times, (n, k); the backward pass sums the rows.

    >>> Repeat(2).forward([[1.0, 2.0]])
    array([[1., 2.],
           [1., 2.]])
    """

    mixes_rows = True

    def __init__(self, n: int) -> None:
        self._n = check_int("n", n, 1)

    @property
    def n(self) -> int:
        """The number of output rows."""
        return self._n

    def arguments(self) -> list[Any]:
        return [self.n]

    def n_rows(self, n: int) -> int:
        if n != 1:
            raise ValueError(f"{self!r} takes one row, but gets {n}")
        return self.n

    def _run(self, x: Array) -> Array:
        out = np.empty((self.n_rows(x.shape[0]), x.shape[1]), x.dtype)
        kernels.loops.layers.repeat_row(out, x)
        return out

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty((1, dout.shape[1]), x.dtype)
        kernels.loops.layers.sum_rows(dx, dout)
        return dx

    def __repr__(self) -> str:
        return f"Repeat({self.n})"


class Sum(BuiltIn):
    """The sum of all rows, (n, k) to (1, k); the backward pass repeats the row.

    >>> Sum().forward([[1.0, 2.0], [3.0, 4.0]])
    array([[4., 6.]])
    """

    mixes_rows = True

    def n_rows(self, n: int) -> int:
        return 1

    def _run(self, x: Array) -> Array:
        out = np.empty((1, x.shape[1]), x.dtype)
        kernels.loops.layers.sum_rows(out, x)
        return out

    def _run_back(self, dout: Array, x: Array, out: Array) -> Array:
        dx = np.empty((x.shape[0], dout.shape[1]), x.dtype)
        kernels.loops.layers.repeat_row(dx, dout)
        return dx


def _check_units(layer: Layer, dout: Array, w: Array) -> None:
    if dout.shape[1] != w.shape[1]:
        raise ValueError(
            f"{layer!r} got a gradient (n, {dout.shape[1]}), but its weights have "
            f"shape {w.shape}"
        )


def any_has_own_init(layers: Sequence[Layer], shapes: Sequence[Any]) -> bool:
    """Return True unless the net's scheme draws the weights of all such layers."""
    pairs = zip(layers, shapes, strict=True)
    return any(layer.has_own_init for layer, own in pairs if own)


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
    dtype = common_dtype(arrays)
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


def common_dtype(arrays: Sequence[Any]) -> np.dtype[Any]:
    """Return float32 if all arrays are float32, else float64."""
    all_float32 = all(getattr(array, "dtype", None) == np.float32 for array in arrays)
    return np.dtype("float32" if all_float32 else "float64")
