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
activation or an exponential takes 8 operations in float64 and 6 in float32: 16 powers
held in registers, and a polynomial between them. A sigmoid or tanh also takes a
division, which has a unit of its own in the processor; a softmax takes one division per
row. Each weight is loaded at least once per update. Adam takes 8 operations, a division
and a square root (counted as a division) per parameter and update. Losses cost nothing,
because one logarithm of a product replaces the logarithms of many probabilities.
Threads divide all of that except the chain.

The bound leaves out main memory: where the rows do not fit into the caches, even the
best program takes longer.
"""

from itertools import pairwise
from math import ceil, log2

from .cases import Case
from .limit import Limits, Precision


def per_unit(case: Case, limits: Limits, threads: int) -> float:
    """Return the bound in seconds per update, or per predicted row."""
    rows = min(case.batch_size, len(case.X)) if case.kind == "train" else 1
    throughput = _throughput(case, limits.of(case.dtype), rows) / threads
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
    layers = list(pairwise(case.sizes))
    weights = sum(n_in * n_out for n_in, n_out in layers)
    params = weights + sum(n_out for _, n_out in layers)
    hidden = sum(case.sizes[1:-1])
    has_output = case.loss != "mse" or case.output != "identity"
    activations = hidden + (case.sizes[-1] if has_output else 0)
    fmas = rows * (weights + activations * (8 if case.dtype == "float64" else 6))
    divisions = rows * (hidden + (1 if has_output else 0))
    if case.kind == "train":
        fmas += rows * (weights - case.sizes[0] * case.sizes[1] + params)
        if case.optimizer == "adam":
            fmas += 8 * params
            divisions += 2 * params
    return max(
        fmas * p.fma_throughput,
        divisions * p.division_throughput,
        weights * p.load_throughput,
    )


def _additions(n: int, p: Precision) -> float:
    """Return the nanoseconds of adding n numbers in a tree."""
    return ceil(log2(n)) * p.add_latency


def _sum_of_products(n: int, p: Precision) -> float:
    """Return the nanoseconds of a sum of n products."""
    return p.fma_latency + _additions(n, p)
