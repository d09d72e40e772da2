"""The least time that the work could take on this machine, by the methods that we know.

Two things bound a training. One is *latency*: an update needs the last one's result, and what lies on that chain
cannot overlap. The other is *throughput*: all multiplications have to be done, several at a time. The bound is the
larger of the two.

**The chain, per sample.** Once the gradient d of the first hidden layer's sums is known, the next sample's sums z' are
one fused multiply-add away: all that the new weights change in them is -lr d (x.x' + 1), and the rest is computed while
the chain waits (so is d's factor, the derivative of the activation). Then, layer by layer:

- an activation: looked up in a table of polynomials, since that is the shortest way known. An addition makes the index,
  a load brings the coefficients, and a polynomial evaluated in pairs takes 3 fused multiply-adds in float64 (degree 4
  to 7), 2 in float32 (degree 2 or 3);
- a sum of n products: the first by a multiplication (as long as a fused multiply-add), then a tree of additions,
  ceil(log2 n) high, or one fused multiply-add after the other where that is shorter. The bias, and whatever a previous
  update changes in these weights, is ready before;
- the softmax of k outputs: an exponential like an activation, a tree of additions, a division;
- an addition for output minus target;
- backwards, for each layer down to the first hidden one, a sum over the units above, as above. The last of these sums
  is at the same time the sum z' of the next sample.

A net of 2-2-1 sigmoids: fma + activation + sum of 2 + activation + addition. That is all: 12 operations or so in a row.

**The throughput.** A row takes a fused multiply-add for each weight in the forward pass, one for each weight of all but
the first layer on the way back, and one for each weight in the gradient (per sample: in the update itself). An
activation or an exponential takes a polynomial (11 terms in float64, 6 in float32), 3 operations to reduce and scale
its argument, and, where it is a sigmoid or tanh, a division, for which there is a unit of its own; a softmax takes one
division a row. Every weight is loaded at least once a batch. Adam takes 8 operations, a division and a square root
(counted as a division) for each parameter and update. Losses are free: logarithms can be taken of products of many
probabilities. Threads divide all of that but the chain.

None of this counts main memory: where the rows do not fit into the caches, the truth is higher.
"""

from itertools import pairwise
from math import ceil, log2

from .cases import Case
from .limit import Limits, Precision


def per_unit(case: Case, limits: Limits, threads: int) -> float:
    """The least seconds of an update, or of a predicted row."""
    rows = min(case.batch_size, len(case.X)) if case.kind == "train" else 1
    throughput = _throughput(case, limits.of(case.dtype), rows) / threads
    # Chains of different nets, or of different rows that are predicted, run side by side.
    chains = case.n_nets if case.kind == "train" else len(case.X)
    return max(_chain(case, limits) / chains, throughput) * 1e-9


def _chain(case: Case, limits: Limits) -> float:
    """Nanoseconds from one update's gradient to the next one's; for prediction, from inputs to outputs."""
    p = limits.of(case.dtype)
    activation = p.add_latency + limits.load_latency + (3 if case.dtype == "float64" else 2) * p.fma_latency
    _, *hidden, n_out = case.sizes
    outputs = {
        "mse": 0.0,
        "bce": activation,
        "softmax_ce": activation + _tree(n_out) * p.add_latency + p.division_latency,
    }[case.loss]
    forward = p.fma_latency + sum(activation + _sum(n, p) for n in hidden) + outputs
    if case.kind == "predict":
        return forward
    above = [*hidden, n_out][1:]  # units above each hidden layer
    backward = sum(_sum(n, p) for n in above[1:])
    last = _tree(above[0]) * p.add_latency if above else 0.0  # its product is the fma that makes z'
    return forward + p.add_latency + backward + last


def _throughput(case: Case, p: Precision, rows: int) -> float:
    """Nanoseconds of the arithmetic of an update on so many rows, or of prediction."""
    sizes = case.sizes
    weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    back = sum(n_in * n_out for n_in, n_out in pairwise(sizes[1:]))
    terms = 11 if case.dtype == "float64" else 6
    hidden = sum(sizes[1:-1])
    curved = hidden + (sizes[-1] if case.loss != "mse" else 0)
    divided = hidden + (1 if case.loss != "mse" else 0)
    fmas = rows * (weights + curved * (terms + 3))
    divisions = rows * divided
    if case.kind == "train":
        fmas += rows * (back + weights)
        if case.optimizer == "adam":
            fmas += 8 * weights
            divisions += 2 * weights
    return max(fmas * p.fma_throughput, divisions * p.division_throughput, weights * p.load_throughput)


def _tree(n: int) -> int:
    """Additions in a row that n numbers take."""
    return ceil(log2(n))


def _sum(n: int, p: Precision) -> float:
    """Nanoseconds until a sum of n products is there."""
    return min(n * p.fma_latency, p.fma_latency + _tree(n) * p.add_latency)
