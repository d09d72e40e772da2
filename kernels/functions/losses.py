"""Binary cross-entropy, softmax cross-entropy and mean squared error, of the output z.

- BCE: L = log(1 + e^-z) for class 1, log(1 + e^z) for class 0; dL/dz = sigmoid(z) - y.
  Class 1 is predicted where z > 0.
- Softmax cross-entropy: L = log(sum_k e^(z_k - z_y)), dL/dz_k = softmax(z)_k - [k = y].
  The first of the largest outputs is predicted.
- MSE: L = mean_k (a_k - y_k)^2, where a = f(z), and f is the loss's link: the net's
  last activation. dL/da_k = 2 (a_k - y_k) / n_out, and dL/dz follows as in any layer;
  for softmax dL/dz_k = a_k (dL/da_k - sum_j dL/da_j a_j). No class is right.

The formulas stand once, as traced functions of numbers or vectors. Loops over outputs
apply them in three layouts: here the numbers of a vector are the outputs of one sample;
in `lane_losses` they are samples or nets.
"""

from ..codes import IDENTITY, SOFTMAX
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..primitives import arithmetic, elementary
from ..primitives.vectors import (
    constant,
    load,
    reduce_add,
    reduce_max,
    scalar,
    store,
    traced,
    vector_length,
    where_greater,
)
from . import activations


def _bce_gradient(z, y):
    """Return dL/dz for y, 0 or 1, and e^-|z|, from which `bce_loss` has the loss."""
    sign = 1.0 - (y + y)
    s = sign * z  # positive where the wrong class is predicted
    e = elementary.exp(-arithmetic.absolute(s))
    r = 1.0 / (1.0 + e)
    return sign * arithmetic.where_greater(s, 0.0, r, e * r), e


def _bce_loss(z, y, e):
    """Return the loss, and 1 if the predicted class is right, otherwise 0."""
    s = (1.0 - (y + y)) * z
    loss = arithmetic.where_greater(s, 0.0, s, 0.0) + elementary.log1p_to_1(e)
    return loss, arithmetic.where_greater(z, 0.0, y, 1.0 - y)


def _softmax_term(z, largest, is_unit):
    """Return e^(z - largest), the same where z is below the largest, and whether not.

    is_unit is 0 for padding, whose terms are all 0, and otherwise 1.
    """
    e = elementary.exp(z - largest) * is_unit
    is_below = arithmetic.where_greater(largest, z, 1.0, 0.0)
    # a product, so that NaN stays NaN
    return e, e * is_below, is_unit * (1.0 - is_below)


def _softmax_loss(below, tied, largest, true):
    """Return the loss from the sums of `_softmax_term`, and z of the true class."""
    return elementary.log1p(below + (tied - 1.0)) + (largest - true)


def _squared_error(a, y, mean_factor):
    """Return dL/da of one output and its term of the loss; mean_factor is 1 / n_out."""
    gap = a - y
    return mean_factor * (gap + gap), mean_factor * gap * gap


bce_gradient, bce_loss = traced(_bce_gradient, 2), traced(_bce_loss, 2)
softmax_term, softmax_loss = traced(_softmax_term, 3), traced(_softmax_loss)
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
def bce_of_sample(z, y):
    """Return the loss, whether the predicted class is right, and dL/dz."""
    gradient, e = bce_gradient(z, y)
    # the logarithm is off the way from dL/dz to the next sample
    loss, hit = bce_loss(z, y, e)
    return loss, hit > 0, gradient


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
def softmax_of_sample(d, a, units, z, width, true):
    """Return the loss, whether the class `true` is predicted; d = dL/dz.

    Outputs are at z in a and d, `width` of them with padding, which `units` marks.
    """
    step = vector_length(a)
    zero, one = constant(a, 0), scalar(a, 1)
    largest = _largest_output(a, units, z, width)
    below, tied = zero, zero
    for v in range(z, z + width, step):
        e, e_below, is_tied = softmax_term(
            load(a, v), constant(a, largest), load(units, v)
        )
        store(d, v, e)
        below, tied = below + e_below, tied + is_tied
    n_tied, sum_below = reduce_add(tied), reduce_add(below)
    norm = constant(a, one / (n_tied + sum_below))
    for v in range(z, z + width, step):
        store(d, v, load(d, v) * norm)
    d[z + true] -= 1
    loss = softmax_loss(sum_below, n_tied, largest, a[z + true])
    right = a[z + true] == largest
    if right and n_tied > 1:
        for k in range(z, z + true):
            right = right and a[k] < largest
    return loss, right


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


@subroutine
def _squared_errors(d, a, z, n_out, y):
    """Return the loss of outputs a[z], a[z + 1] ... for the targets y; d = dL/da."""
    loss, mean_factor = scalar(a, 0), scalar(a, 1) / scalar(a, n_out)
    for k in range(n_out):
        d[z + k], term = squared_error(a[z + k], y[k], mean_factor)
        loss += term
    return loss


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
