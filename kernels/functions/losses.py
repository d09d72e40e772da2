"""The losses, as functions of the output z.

- BCE: L = y log(1 + e^-z) + (1 - y) log(1 + e^z), where y is the probability of class
  1, usually 0 or 1; dL/dz = sigmoid(z) - y. Class 1 is predicted where z > 0, and right
  where y > 1/2. SOFT_BCE is the mean over several outputs, which are right together.
- Softmax cross-entropy: L = log(sum_k e^(z_k - z_y)), dL/dz_k = softmax(z)_k - [k = y].
  The first of the largest outputs is predicted. SOFT_CE is the sum of this loss over
  all classes y, weighted with their probabilities y_k: dL/dz_k = sum_j y_j softmax(z)_k
  - y_k. The first of the most probable classes is right.
- MSE: L = mean_k (a_k - y_k)^2, where a = f(z), and f is the loss's link: the net's
  last activation. dL/da_k = 2 (a_k - y_k) / n_out, and dL/dz follows as in any layer;
  for softmax dL/dz_k = a_k (dL/da_k - sum_j dL/da_j a_j). No class is right.
- Poisson: L = mean_k (e^z_k - y_k z_k), dL/dz_k = (e^z_k - y_k) / n_out. This is the
  negative logarithm of the likelihood of counts y, without the term that is the same
  for all z. No class is right.

The formulas stand once, as traced functions of numbers or vectors. Loops over outputs
apply them in three layouts: here the numbers of a vector are the outputs of one sample;
in `lane_losses` they are samples or nets.
"""

import numpy as np

from ..codes import IDENTITY, SOFTMAX
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..primitives import arithmetic, elementary
from ..primitives.vectors import (
    constant,
    load,
    log1p,
    one_hot,
    reduce_add,
    reduce_max,
    scalar,
    store,
    traced,
    vector_length,
    where_greater,
)
from . import activations

# The losses of single samples are added in subtotals: those of 64 samples of an epoch
# in a row in the net's dtype, as a mean, which is finite where they are; and the
# subtotals, scaled, in float64. For BCE these samples share one logarithm of 1 +
# e^-|z|, which would be a fifth of the time of an update of 2-2-1: that of the product,
# which is below 2^64. Loops keep the product less 1, so that no digits of small losses
# are lost. Losses with weights, or of probabilities with a bound, share none.
PER_SUBTOTAL = 64


def _bce_gradient(z, y):
    """Return dL/dz for y from 0 to 1, and e^-|z|, from which `bce_loss` has the loss.

    It is (1 - y) sigmoid(z) - y sigmoid(-z), in which nothing cancels where y is 0 or
    1. The factor of 1 / (1 + e) is ready before that is, and its terms before e is.
    """
    e = _bce_exp(z)
    return _bce_gradient_from_exp(z, y, e), e


def _bce_exp(z):
    """Return e^-|z|."""
    return elementary.exp_of_minus_positive(arithmetic.absolute(z))


def _bce_gradient_from_exp(z, y, e):
    """Return dL/dz, where e is `_bce_exp`."""
    not_y = 1.0 - y
    intercept = arithmetic.where_greater(z, 0.0, not_y, -y)
    slope = arithmetic.where_greater(z, 0.0, -y, not_y)
    return 1.0 / (1.0 + e) * arithmetic.fma(slope, e, intercept)


def _bce_parts(z):
    """Return the `exp_parts` of e^-|z|."""
    return elementary.exp_parts_of_positive(arithmetic.absolute(z))


def _bce_linear(z, y):
    """Return the loss less log(1 + e^-|z|), and 1 if the predicted class is right."""
    other = arithmetic.where_greater(z, 0.0, 1.0 - y, y)  # than the predicted class
    loss = arithmetic.where_greater(other, 0.0, other * arithmetic.absolute(z), 0.0)
    is_1 = arithmetic.where_greater(y, 0.5, 1.0, 0.0)
    return loss, arithmetic.where_greater(z, 0.0, is_1, 1.0 - is_1)


def _bce_loss(z, y, e):
    """Return the loss, and 1 if the predicted class is right, otherwise 0."""
    loss, hit = _bce_linear(z, y)
    return loss + elementary.log1p_to_1(e), hit


def _product_less_1(p, e):
    """Return (1 + p) (1 + e) - 1, with the digits of small p and e."""
    return arithmetic.fma(p, e, p + e)


def _add_to_subtotal(mean, loss):
    """Return a subtotal, as a mean, with one more loss."""
    return arithmetic.fma(loss, 1.0 / PER_SUBTOTAL, mean)


def _softmax_term(z, largest, is_unit):
    """Return e^(z - largest), the same where z is below the largest, and whether not.

    is_unit is 0 for padding, whose terms are all 0, and otherwise 1.
    """
    gap = largest - z
    # the 0 of padding may be far above: its infinite exponential times 0 would be NaN
    gap = arithmetic.where_greater(0.0, gap, 0.0, gap)
    e = elementary.exp_of_minus_positive(gap) * is_unit
    is_below = arithmetic.where_greater(largest, z, 1.0, 0.0)
    # a product, so that NaN stays NaN
    return e, e * is_below, is_unit * (1.0 - is_below)


def _softmax_loss(below, tied, largest, true):
    """Return the loss from the sums of `_softmax_term`, and z of the true class."""
    return elementary.log1p(below + (tied - 1.0)) + (largest - true)


def _soft_ce(e, norm, z, y, mass, largest, log_norm):
    """Return dL/dz and the term of the loss of one output, with the probability y.

    e norm is its softmax, mass the sum of all y, and largest + log_norm the logarithm
    of sum_k e^z_k.
    """
    term = arithmetic.where_greater(y, 0.0, y * (log_norm + (largest - z)), 0.0)
    return mass * (e * norm) - y, term


def _poisson_error(z, y, mean_factor):
    """Return dL/dz of one output and its term of the loss; mean_factor is 1 / n_out."""
    value = activations.exponential.plain(z)
    return mean_factor * (value - y), mean_factor * (value - y * z)


def _squared_error(a, y, mean_factor):
    """Return dL/da of one output and its term of the loss; mean_factor is 1 / n_out."""
    gap = a - y
    return mean_factor * (gap + gap), mean_factor * gap * gap


bce_gradient, bce_loss = traced(_bce_gradient, 2), traced(_bce_loss, 2)
bce_exp, bce_gradient_from_exp = traced(_bce_exp), traced(_bce_gradient_from_exp)
bce_parts = traced(_bce_parts, 2)
bce_linear, product_less_1 = traced(_bce_linear, 2), traced(_product_less_1)
add_to_subtotal = traced(_add_to_subtotal)
log1p_to_1 = traced(elementary.log1p_to_1)
softmax_term, softmax_loss = traced(_softmax_term, 3), traced(_softmax_loss)
soft_ce, poisson_error = traced(_soft_ce, 2), traced(_poisson_error, 2)
squared_error = traced(_squared_error, 2)


@inlined_by_llvm
def gradient_scale(a, n, mean):
    """Return the factor of a sample's gradient in a batch of n: 1 / n, or 1 in a sum.

    It is of the type of the flat array a.
    """
    return scalar(a, 1) / scalar(a, n) if mean else scalar(a, 1)


@inlined_by_llvm
def weighted(loss, weight):
    """Return a sample's loss times its weight; 0 for weight 0, also of infinity."""
    return loss * weight if weight > 0 else weight


@inlined_by_llvm
def ends_subtotal(s, n):
    """Return True where sample s of n in an epoch is the last one of a subtotal."""
    return s % PER_SUBTOTAL == PER_SUBTOTAL - 1 or s == n - 1


@subroutine
def add_subtotal(loss_sum, mean, product, loss_scale):
    """Return loss_sum plus a subtotal, scaled.

    Its losses have that mean, but for the logarithm of 1 + product where they share it.
    """
    loss_sum += np.float64(mean) * (PER_SUBTOTAL * loss_scale)
    return loss_sum + np.float64(log1p(product)) * loss_scale


@subroutine
def with_log(loss, e):
    """Return the loss of a sample that does not share its logarithm."""
    return loss + log1p_to_1(e)


@inlined_by_llvm
def bce_of_sample(z, y):
    """Return the loss less log(1 + e), whether the class is right, dL/dz, and e."""
    gradient, e = bce_gradient(z, y)
    loss, hit = bce_linear(z, y)
    return loss, hit > 0, gradient, e


@inlined_by_llvm
def _largest_output(a, units, z, width):
    """Return the largest of the outputs at z, `width` of them with padding."""
    half, largest = constant(a, 0.5), a[z]
    for v in range(z, z + width, vector_length(a)):
        # the 0 of padding must not win
        is_unit, first = load(units, v), constant(a, a[z])
        outputs = where_greater(is_unit, half, load(a, v), first)
        largest = max(largest, reduce_max(outputs))
    return largest


@subroutine
def soft_bce_of_sample(d, a, units, z, n_out, width, y):
    """Return the loss for the targets y, whether all classes are right; d = dL/dz.

    Outputs are at z in a and d, `width` of them with padding, which `units` marks. They
    become terms of the loss.
    """
    one, mean_factor = constant(a, 1), scalar(a, 1) / scalar(a, n_out)
    for k in range(n_out):
        d[z + k] = y[k]
    n_wrong = constant(a, 0)
    for v in range(z, z + width, vector_length(a)):
        output, target, is_unit = load(a, v), load(d, v), load(units, v)
        gradient, e = bce_gradient(output, target)
        term, hit = bce_loss(output, target, e)
        store(d, v, constant(a, mean_factor) * gradient * is_unit)
        store(a, v, term)
        n_wrong = n_wrong + is_unit * (one - hit)
    loss = scalar(a, 0)
    for k in range(z, z + n_out):
        loss += a[k]
    for k in range(z + n_out, z + width):
        a[k] = 0
    return loss * mean_factor, reduce_add(n_wrong) == 0


@inlined_by_llvm
def _softmax_terms(d, a, units, z, width):
    """Fill d with e^(z - largest); return the largest output, and two sums of d.

    They are over outputs below the largest, and over those that are the largest.
    """
    step, zero = vector_length(a), constant(a, 0)
    largest = _largest_output(a, units, z, width)
    below, tied = zero, zero
    for v in range(z, z + width, step):
        e, e_below, is_tied = softmax_term(
            load(a, v), constant(a, largest), load(units, v)
        )
        store(d, v, e)
        below, tied = below + e_below, tied + is_tied
    return largest, reduce_add(below), reduce_add(tied)


@inlined_by_llvm
def _is_first_largest(a, z, true, largest, n_tied):
    """Return True if output `true` is the first of those that are the largest."""
    right = a[z + true] == largest
    if right and n_tied > 1:
        for k in range(z, z + true):
            right = right and a[k] < largest
    return right


@subroutine
def softmax_of_sample(d, a, units, z, width, true):
    """Return the loss, whether the class `true` is predicted; d = dL/dz.

    Outputs are at z in a and d, `width` of them with padding, which `units` marks.
    """
    largest, below, n_tied = _softmax_terms(d, a, units, z, width)
    norm = constant(a, scalar(a, 1) / (n_tied + below))
    for v in range(z, z + width, vector_length(a)):
        # A number of d that is written alone would delay the next load of its vector.
        store(d, v, load(d, v) * norm - one_hot(d, z + true - v))
    loss = softmax_loss(below, n_tied, largest, a[z + true])
    return loss, _is_first_largest(a, z, true, largest, n_tied)


@subroutine
def soft_ce_of_sample(d, a, units, z, n_out, width, y):
    """Return the loss for the probabilities y, whether the class is right; d = dL/dz.

    Other arguments as in `softmax_of_sample`.
    """
    largest, below, n_tied = _softmax_terms(d, a, units, z, width)
    norm, zero = scalar(a, 1) / (n_tied + below), scalar(a, 0)
    log_norm = softmax_loss(below, n_tied, zero, zero)
    loss, mass, true = zero, y[0], 0
    for k in range(1, n_out):
        mass += y[k]
        if y[k] > y[true]:
            true = k
    for k in range(n_out):
        d[z + k], term = soft_ce(
            d[z + k], norm, a[z + k], y[k], mass, largest, log_norm
        )
        loss += term
    return loss, _is_first_largest(a, z, true, largest, n_tied)


def _values_of_sample(error):
    """Return the loss of values that is the mean over outputs of an error.

    It is that of the outputs a[z], a[z + 1] ... for the targets y, and fills d with its
    derivatives.
    """

    def of_sample(d, a, z, n_out, y):
        loss, mean_factor = scalar(a, 0), scalar(a, 1) / scalar(a, n_out)
        for k in range(n_out):
            d[z + k], term = error(a[z + k], y[k], mean_factor)
            loss += term
        return loss

    return subroutine(of_sample)


_squared_errors = _values_of_sample(squared_error)
poisson_of_sample = _values_of_sample(poisson_error)


@subroutine
def _softmax_forward(a, units, z, n_out, width):
    """Replace a sample's outputs by their softmax, summed in order as in `lane_losses`.

    Padding becomes 0.
    """
    largest = constant(a, _largest_output(a, units, z, width))
    for v in range(z, z + width, vector_length(a)):
        e, _, _ = softmax_term(load(a, v), largest, load(units, v))
        store(a, v, e)
    total = scalar(a, 0)
    for k in range(z, z + n_out):
        total += a[k]
    for v in range(z, z + width, vector_length(a)):
        store(a, v, load(a, v) / constant(a, total))


@subroutine
def _softmax_backward(d, a, z, n_out):
    """Replace dL/da by dL/dz where a is a softmax."""
    total = scalar(a, 0)
    for k in range(z, z + n_out):
        total += d[k] * a[k]
    for k in range(z, z + n_out):
        d[k] = a[k] * (d[k] - total)


@inlined_by_numba
def mse_of_sample(d, a, units, z, n_out, width, y, link):
    """Return the loss of the outputs at z for the targets y; d = dL/dz.

    They become the net's values f(z), where f is the link. There are `width` of them
    with padding, which `units` marks.
    """
    if link == SOFTMAX:
        _softmax_forward(a, units, z, n_out, width)
    elif link != IDENTITY:
        activations.forward(a, z, z + width, link)
    loss = _squared_errors(d, a, z, n_out, y)
    if link == SOFTMAX:
        _softmax_backward(d, a, z, n_out)
    elif link != IDENTITY:
        activations.backward(d, a, z, z + width, link)
    return loss
