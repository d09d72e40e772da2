"""Batch kernels: which compiled functions the loop over batches calls.

They are compiled one by one, when a training needs them first.
"""

from functools import cache
from typing import Any

import numpy as np

from ... import kernels
from ...kernels.arguments import BatchKernels, FitPlan, TileRows, WideRows

_codes = kernels.codes


def batch_kernels(
    plan: FitPlan, weighted: bool, dtype: np.dtype[Any], wide: bool
) -> BatchKernels:
    """Return the kernels of a training; all that fit have the same bits."""
    clips = plan.settings[_codes.CLIP_NORM] > 0
    plain = plan.optimizer == _codes.SGD and not (
        clips or plan.l2 or plan.rates.size or plan.decays.size
    )
    return BatchKernels(
        gradient_kernel(dtype, wide),
        loss_kernel(dtype, plan.loss, weighted or plan.low > 0),
        0 if plain else _step_kernel(dtype),
    )


@cache
def gradient_kernel(dtype: np.dtype[Any], wide: bool) -> int:
    """Return the address of the kernel that computes the gradient of samples."""
    gradients, integers = kernels.loops.gradients, np.dtype(np.int64)
    return _address_of(
        gradients.of_wide_layers if wide else gradients.of_samples,
        dtype,
        np.dtype(np.float64),
        _net(dtype),
        gradients.Samples(dtype, 0, dtype, 0, dtype, 0),
        gradients.Loss(0, 0, 0.0, 0.0),
        TileRows._make([*[dtype] * 5, 0]),
        WideRows(*[dtype] * 6),
        gradients.Kept(integers, 0, 0),
        integers,
        0,
        dtype.type(0),
    )


def loss_kernel(dtype: np.dtype[Any], code: int, special: bool) -> int:
    """Return the address of the kernel of a loss.

    special: rows have weights, or losses a bound.
    """
    losses = kernels.loops.tile_losses
    plain = {_codes.BCE: losses.bce, _codes.SOFTMAX_CE: losses.softmax_ce}
    kernel = losses.any_loss if special else plain.get(code, losses.any_loss)
    return _loss_kernel(kernel, dtype)


@cache
def _loss_kernel(kernel: Any, dtype: np.dtype[Any]) -> int:
    return _address_of(
        kernel,
        *(dtype, dtype, 0, 0, dtype, dtype, dtype),
        *(0, 0, dtype, 0.0, 0.0, 0, 0),
    )


@cache
def _step_kernel(dtype: np.dtype[Any]) -> int:
    theta, doubles = np.zeros(0, dtype), np.zeros(0)
    return _address_of(
        kernels.loops.steps.any_step,
        *(_net(dtype), theta, theta.reshape(0, 0), doubles, theta, 0),
        *(doubles, doubles, doubles, 0.0),
    )


def _net(dtype: np.dtype[Any]) -> Any:
    return kernels.loops.gradients.Net(dtype, 0, np.dtype(np.uint32), 0)


def _address_of(kernel: Any, *examples: Any) -> Any:
    return kernels.compiler.compile.address_of(kernel, *examples)
