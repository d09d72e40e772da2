"""The least time that the work could take on this machine, by the methods we know.

Two things bound the time of a training. One is *latency*: each update needs the result
of the update before it, and the operations on this chain cannot overlap. The other is
*throughput*: all multiplications have to be done, several at a time. The bound is the
larger of the two. It is no theorem, since someone may find a shorter way, but no
measured time is below it.

**Latency, per sample.** Once the outputs p are known, the first sums z' of the next
sample are one fused multiply-add away. The new weights change z' by -lr (p - t) k only,
because gradients are linear in p - t. The factor k (weights, derivatives of
activations, x.x' + 1) and the rest of z' are computed while the chain waits. So one
update consists of these operations, one after the other:

- that fused multiply-add, and for squared errors of several outputs a tree of
  additions;
- an activation for each hidden layer, looked up in a table of polynomials, which is the
  shortest way known. An addition makes the index, a load fetches the coefficients, and
  a polynomial evaluated in pairs takes 3 fused multiply-adds in float64 (degree 4 to 7)
  and 2 in float32 (degree 2 or 3);
- after each hidden layer a sum of n products: a multiplication, which takes as long as
  a fused multiply-add, then a tree of additions of height ceil(log2 n). The bias and
  the change of these weights by the previous update are ready by then;
- the output: an activation for BCE; for the softmax of k outputs an exponential, which
  takes as long as an activation, a tree of additions and a division (the products with
  k are summed at the same time and divided at the end); nothing for squared errors.

For a net of 2-2-1 sigmoids: fma, activation, sum of two, activation.

**Throughput.** Each row takes one fused multiply-add per weight in the forward pass
(which starts from the bias), one per weight of all layers but the first in the backward
pass, and one per parameter in the gradient (per sample: in the update itself). An
activation or an exponential takes 15 operations in float64: two bounds of the range,
the index of one of 16 powers held in registers, the distance to it, a polynomial of
degree 6, the power, its exponent and a sum. In float32 it takes 12, with a polynomial
of degree 3. The shortest sequences that were found take 15 to 17. A sigmoid or tanh
also takes a division, which has a unit of its own in the processor; a softmax takes one
division per row. Each weight is loaded at least once per update. Adam takes 8
operations, a division and a square root (counted as a division) per parameter and
update. Losses cost nothing, because one logarithm of a product replaces the logarithms
of many probabilities. Threads divide all of that except the chain.

Where one net is trained per sample, the numbers of a vector are units of one layer, so
operations count in whole vectors: an instruction for two hidden units takes the same
slot of the processor as one for as many as its units execute at once. These are eight
float64, or four where an instruction for eight is executed as two halves (Zen 4). The
chain and the slots bind together: whichever takes longer is the bound. A single output
is a product of two vectors and a tree of additions. A few units may be looked up in the
table in turn, which takes 8 operations per unit in float64 and 6 in float32. For a net
of 2-2-1 sigmoids that makes 33 slots; programs take four to five times as many, for
loads, addresses, losses and the look-ahead of the chain.

The bound leaves out main memory: where the rows do not fit into the caches, even the
best program takes longer. It also leaves out what a call costs, and drawing orders.
"""

from itertools import pairwise
from math import ceil, log2

from .cases import Case
from .limit import Limits, Precision

# Operations of an activation in a vector, and of one that is looked up in a table.
_ACTIVATION = {"float64": 15, "float32": 12}
_LOOKED_UP = {"float64": 8, "float32": 6}


def per_unit(case: Case, limits: Limits, threads: int) -> float:
    """Return the bound in seconds per update, or per predicted row."""
    rows = min(case.batch_size, len(case.X)) if case.kind == "train" else 1
    p = limits.of(case.dtype)
    if case.kind == "train" and rows == case.n_nets == 1:
        throughput = _slots(case, limits)
    else:
        throughput = _throughput(case, p, rows) / threads
    # The chains of several nets, or of several predicted rows, overlap.
    chains = case.n_nets if case.kind == "train" else len(case.X)
    return max(_chain(case, limits) / chains, throughput) * 1e-9


def _chain(case: Case, limits: Limits) -> float:
    """Return the nanoseconds from one update's outputs to those of the next one.

    For prediction, return those from the inputs to the outputs.
    """
    p = limits.of(case.dtype)
    activation = (
        p.add_latency
        + limits.load_latency
        + (3 if case.dtype == "float64" else 2) * p.fma_latency
    )
    _, *hidden, n_out = case.sizes
    outputs = {
        "mse": 0.0,
        "bce": activation,
        "softmax_ce": activation + _additions(n_out, p) + p.division_latency,
    }[case.loss]
    sums = sum(activation + _sum_of_products(n, p) for n in hidden)
    forward = p.fma_latency + sums + outputs
    if case.kind == "predict":
        return forward
    return forward + (_additions(n_out, p) if case.loss == "mse" else 0.0)


def _throughput(case: Case, p: Precision, rows: int) -> float:
    """Return the nanoseconds of the arithmetic of one update on `rows` rows.

    For prediction, return those of predicting `rows` rows.
    """
    weights, params = _weights(case), _params(case)
    activations = sum(case.sizes[1:-1]) + (case.sizes[-1] if _has_output(case) else 0)
    fmas = rows * (weights + activations * _ACTIVATION[case.dtype])
    if case.kind == "train":
        fmas += rows * (weights - case.sizes[0] * case.sizes[1] + params)
        if case.optimizer == "adam":
            fmas += 8 * params
    return max(
        fmas * p.fma_throughput,
        _divided(case, p, rows),
        weights * p.load_throughput,
    )


def _slots(case: Case, limits: Limits) -> float:
    """Return the nanoseconds in which one sample's operations of vectors are issued."""
    p = limits.of(case.dtype)
    lanes = limits.vector_bytes // case.X.itemsize
    slots = 0
    for layer, (n_in, n_out) in enumerate(pairwise(case.sizes)):
        # A single output's weights are one column, otherwise each row is padded.
        rows = _vectors(n_in, lanes) if n_out == 1 else n_in * _vectors(n_out, lanes)
        tree = ceil(log2(n_in)) if n_out == 1 else 0
        update = rows + _vectors(n_out, lanes)
        backward = n_out * _vectors(n_in, lanes) if layer else 0
        slots += rows + tree + backward + update
    activated = case.sizes[1:] if _has_output(case) else case.sizes[1:-1]
    for n in activated:
        together = _ACTIVATION[case.dtype] * _vectors(n, lanes)
        slots += min(together, _LOOKED_UP[case.dtype] * n)
    if case.optimizer == "adam":
        slots += 8 * _vectors(_params(case), lanes)
    return slots * lanes * p.fma_throughput


def _divided(case: Case, p: Precision, rows: int) -> float:
    """Return the nanoseconds of all divisions and roots of an update."""
    divisions = rows * (sum(case.sizes[1:-1]) + (1 if _has_output(case) else 0))
    if case.kind == "train" and case.optimizer == "adam":
        divisions += 2 * _params(case)
    return divisions * p.division_throughput


def _weights(case: Case) -> int:
    return sum(n_in * n_out for n_in, n_out in pairwise(case.sizes))


def _params(case: Case) -> int:
    return _weights(case) + sum(case.sizes[1:])


def _has_output(case: Case) -> bool:
    """Return whether the outputs have an activation, which may belong to the loss."""
    return case.loss != "mse" or case.output != "identity"


def _vectors(n: int, lanes: int) -> int:
    """Return the number of vectors that hold n numbers."""
    return -(-n // lanes)


def _additions(n: int, p: Precision) -> float:
    """Return the nanoseconds of adding n numbers in a tree."""
    return ceil(log2(n)) * p.add_latency


def _sum_of_products(n: int, p: Precision) -> float:
    """Return the nanoseconds of a sum of n products."""
    return p.fma_latency + _additions(n, p)
