"""Any stack of layers, one layer after the other: what the fused loops do not know."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ... import kernels
from ...data.arrays import Array, readonly
from ...nn.layers import Layer
from ...nn.losses import Loss
from ..state import Advance, FitConfig, State


class Layerwise:
    """Runs the layers' own forward and backward, whose parameters and gradients are views into flat vectors."""

    def __init__(
        self, layers: Sequence[Layer], gradient: Array, loss: Loss, n_out: int
    ) -> None:
        self._layers, self._gradient, self._loss, self._n_out = (
            layers,
            gradient,
            loss,
            n_out,
        )

    def describe(self) -> str:
        """How it will be run, in words."""
        return (
            "layer by layer: the fused loops know Affine layers with at most one activation each, and behind the last\n"
            "one no other than that of the loss"
        )

    def n_rows(self, n: int) -> int:
        """The number of rows that come out where n go in."""
        for layer in self._layers:
            n = layer.n_rows(n)
        return n

    def outputs(self, X: Array) -> Array:
        """The plain output z (n, n_out)."""
        return self._forward(X)[-1][1]

    def shares(self, X: Array, n_classes: int) -> Array:
        """The probabilities (n, n_classes)."""
        z = self.outputs(X)
        out = np.empty((len(z), n_classes), z.dtype)
        if self._loss.code == kernels.codes.BCE:
            both = np.hstack([-z, z])
            kernels.loops.layers.activation_forward(
                out.reshape(-1), both.reshape(-1), kernels.codes.SIGMOID
            )
        else:
            kernels.loops.layers.softmax_forward(out, z)
        return out

    def loss_and_gradient(self, X: Array, y: Array, mean: bool) -> tuple[float, Array]:
        """The summed loss, and the flat gradient of the mean or summed loss."""
        total, _, _ = self._backpropagate(X, y, mean)
        return total, self._gradient.copy()

    def start(self, job: FitConfig, state: State) -> Advance:
        """What trains up to an update or for a number of samples, in whole updates."""
        if job.loop == "specialised":
            raise ValueError(
                "loop='specialised' is not for this net, which is run layer by layer: leave it out"
            )
        return partial(self._advance, job, state)

    def _advance(
        self,
        job: FitConfig,
        state: State,
        order: Array,
        first_epoch: int,
        end: int,
        budget: int,
    ) -> int:
        codes = kernels.codes
        while (done := state.done) < end and budget > 0:
            epoch, batch = divmod(done, job.per_epoch)
            rows: Array | slice = slice(None)
            if job.batch_size < len(
                job.X
            ):  # otherwise y may have another number of rows: see Repeat and Sum
                start = batch * job.batch_size
                rows = order[(epoch - first_epoch) % len(order)][
                    start : start + job.batch_size
                ]
            total, right, bad = self._backpropagate(job.X[rows], job.y[rows], job.mean)
            if bad >= 0:
                state.position[codes.ROW] = (
                    bad if isinstance(rows, slice) else rows[bad]
                )
                return codes.NOT_FINITE
            moved = (state.theta, state.moments, state.clock, self._gradient)
            kernels.loops.layers.step(*moved, job.rule, job.settings, job.rates)
            state.loss_sums[epoch] += total
            state.n_right[epoch] += right
            state.position[codes.UPDATES] += 1
            state.record(job)
            budget -= job.batch_size
        return codes.DONE

    def _forward(self, X: Array) -> list[tuple[Array, Array]]:
        """What goes into each layer, and what comes out."""
        passed = []
        for layer in self._layers:
            x = readonly(X)
            X = np.require(layer.compute(x), x.dtype, "C")
            passed.append((x, X))
        if X.shape[1:] != (self._n_out,):
            raise ValueError(
                f"the net's output has the shape {X.shape}, but its layers promise {self._n_out} units"
            )
        return passed

    def _backpropagate(self, X: Array, y: Array, mean: bool) -> tuple[float, int, int]:
        """The summed loss, the number of right classes, and the first row that is not finite, or -1."""
        passed = self._forward(X)
        z = readonly(passed[-1][1])
        if len(z) != len(y):
            raise ValueError(f"the net's output has {len(z)} rows, but y has {len(y)}")
        d = np.empty(z.shape, z.dtype)
        total, right, bad = kernels.loops.layers.loss_forward(
            d, z, readonly(y), self._loss.code, mean
        )
        for layer, (x, out) in zip(
            reversed(self._layers), reversed(passed), strict=True
        ):
            d = np.require(layer.compute_back(readonly(d), x, out), x.dtype, "C")
            if d.shape != x.shape:
                raise ValueError(
                    f"{layer!r} gives a gradient {d.shape} for an input {x.shape}"
                )
        return float(total), int(right), int(bad)
