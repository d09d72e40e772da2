"""The limit: how long the work would take on this machine if nothing were in its way, by the methods that we know.

Two things hold a training up. One is *latency*: an update needs the last one's result, and what lies on that chain
cannot overlap. The other is *throughput*: all multiplications have to be done, several at a time. The limit is the
larger of the two. It is no theorem, since someone may find a shorter way; but nothing that was measured is below it.

**The chain, per sample.** Once the outputs p are known, the next sample's first sums z' are one fused multiply-add
away. All that the new weights change in them is -lr (p - t) k, for gradients are linear in p - t, and the factor k
(weights, activations' derivatives, x.x' + 1) and the rest of z' are computed while the chain waits. So an update is, in
a row:

- that fused multiply-add (for squared errors of several outputs, a tree of additions besides);
- an activation for each hidden layer: looked up in a table of polynomials, since that is the shortest way known. An
  addition makes the index, a load brings the coefficients, and a polynomial evaluated in pairs takes 3 fused
  multiply-adds in float64 (degree 4 to 7), 2 in float32 (degree 2 or 3);
- after each hidden layer a sum of n products: a multiplication (as long as a fused multiply-add), then a tree of
  additions, ceil(log2 n) high. The bias, and what a previous update changes in these weights, is ready before;
- the output: an activation for BCE; for the softmax of k outputs an exponential like an activation, a tree of
  additions and a division (the products with k are summed beside it, and divided in the end); nothing for squared
  errors.

A net of 2-2-1 sigmoids: fma, activation, sum of two, activation.

**The throughput.** A row takes a fused multiply-add for each weight in the forward pass (the bias is what it is added
to), one for each weight of all but the first layer on the way back, and one for each parameter in the gradient (per
sample: in the update itself). An activation or an exponential takes 8 operations in float64 and 6 in float32 (16 powers
held in registers, and a polynomial between them), and, where it is a sigmoid or tanh, a division, for which there is a
unit of its own; a softmax takes one division a row. Every weight is loaded at least once an update. Adam takes 8
operations, a division and a square root (counted as a division) for each parameter and update. Losses are free:
logarithms can be taken of products of many probabilities. Threads divide all of that but the chain.

None of this counts main memory: where the rows do not fit into the caches, the truth is higher.
"""

from itertools import pairwise
from math import ceil, log2

from .cases import Case
from .limit import Limits, Precision


def per_unit(case: Case, limits: Limits, threads: int) -> float:
    """Seconds of an update, or of a predicted row."""
    rows = min(case.batch_size, len(case.X)) if case.kind == "train" else 1
    throughput = _throughput(case, limits.of(case.dtype), rows) / threads
    # Chains of different nets, or of different rows that are predicted, run side by side.
    chains = case.n_nets if case.kind == "train" else len(case.X)
    return max(_chain(case, limits) / chains, throughput) * 1e-9


def _chain(case: Case, limits: Limits) -> float:
    """Nanoseconds from one update's outputs to the next one's; for prediction, from inputs to outputs."""
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
        "softmax_ce": activation + _tree(n_out) * p.add_latency + p.division_latency,
    }[case.loss]
    forward = p.fma_latency + sum(activation + _sum(n, p) for n in hidden) + outputs
    if case.kind == "predict":
        return forward
    return forward + (_tree(n_out) * p.add_latency if case.loss == "mse" else 0.0)


def _throughput(case: Case, p: Precision, rows: int) -> float:
    """Nanoseconds of the arithmetic of an update on so many rows, or of prediction."""
    layers = list(pairwise(case.sizes))
    weights = sum(n_in * n_out for n_in, n_out in layers)
    params = weights + sum(n_out for _, n_out in layers)
    hidden = sum(case.sizes[1:-1])
    curved = hidden + (case.sizes[-1] if case.loss != "mse" else 0)
    fmas = rows * (weights + curved * (8 if case.dtype == "float64" else 6))
    divisions = rows * (hidden + (1 if case.loss != "mse" else 0))
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


def _tree(n: int) -> int:
    """Additions in a row that n numbers take."""
    return ceil(log2(n))


def _sum(n: int, p: Precision) -> float:
    """Nanoseconds until a sum of n products is there."""
    return p.fma_latency + _tree(n) * p.add_latency
