"""The passes of many nets through their layers, forward and back: a net in each lane.

Number p of the net in lane i stands at theta[p * lanes + i], its unit u at a[u * lanes + i]. Alphabet as in
`per_sample`, whose operations these are, in the same order, so that the bits are the same.
"""

from ..codes import ACTIVATION, BY, KEEP, N_COLUMNS
from ..compiler.compile import inlined_by_llvm, inlined_by_numba, subroutine
from ..functions import activations
from ..functions.activations import passed_back
from ..primitives.table import layer_offsets
from ..primitives.vectors import (
    broadcast,
    constant,
    entry,
    fma,
    load,
    store,
    vector_length,
)


@subroutine
def show(a, X, n_in, lanes):
    """Give the sample X[0], X[1] ... to all nets: it is the first units of a."""
    for j in range(n_in):
        for i in range(0, lanes, vector_length(a)):
            store(a, j * lanes + i, broadcast(X, j))


@inlined_by_llvm
def add(s, theta, at, a, of):
    """The sums s of four vectors, and the products of those at a[of] and theta[at]."""
    step = vector_length(a)
    return (
        fma(load(a, of), load(theta, at), s[0]),
        fma(load(a, of + step), load(theta, at + step), s[1]),
        fma(load(a, of + 2 * step), load(theta, at + 2 * step), s[2]),
        fma(load(a, of + 3 * step), load(theta, at + 3 * step), s[3]),
    )


@inlined_by_llvm
def plus(s, t):
    """The sums of two times four vectors."""
    return s[0] + t[0], s[1] + t[1], s[2] + t[2], s[3] + t[3]


@inlined_by_llvm
def product(s, theta, at, term, a, of, n, lanes):
    """`per_sample.product` for four vectors of nets: s + sum_j a[of + j lanes] theta[at + j term], j < n."""
    none = constant(theta, 0)
    if n >= 4:
        q, r, t = (
            (none, none, none, none),
            (none, none, none, none),
            (none, none, none, none),
        )
        for _ in range(n // 4):
            s = add(s, theta, at, a, of)
            q = add(q, theta, at + term, a, of + lanes)
            r = add(r, theta, at + 2 * term, a, of + 2 * lanes)
            t = add(t, theta, at + 3 * term, a, of + 3 * lanes)
            at += 4 * term
            of += 4 * lanes
        s = plus(plus(s, q), plus(r, t))
    rest = n % 4  # a loop over so few takes twice as long
    if rest > 0:
        s = add(s, theta, at, a, of)
    if rest > 1:
        s = add(s, theta, at + term, a, of + lanes)
    if rest > 2:
        s = add(s, theta, at + 2 * term, a, of + 2 * lanes)
    return s


@inlined_by_llvm
def four(a, at):
    """The four vectors from a[at] on."""
    step = vector_length(a)
    return (
        load(a, at),
        load(a, at + step),
        load(a, at + 2 * step),
        load(a, at + 3 * step),
    )


@inlined_by_llvm
def put(a, at, s):
    """Write four vectors to a[at] and what follows."""
    step = vector_length(a)
    store(a, at, s[0])
    store(a, at + step, s[1])
    store(a, at + 2 * step, s[2])
    store(a, at + 3 * step, s[3])


@subroutine
def weigh(a, z, n_out, x, n_in, theta, w, b, lanes):
    """Units z, z + 1 ... of a = b + x w."""
    for k in range(n_out):
        for i in range(0, lanes, 4 * vector_length(a)):
            start = four(theta, (b + k) * lanes + i)
            s = product(
                start,
                theta,
                (w + k) * lanes + i,
                n_out * lanes,
                a,
                x * lanes + i,
                n_in,
                lanes,
            )
            put(a, (z + k) * lanes + i, s)


@inlined_by_llvm
def fold(t, n, lanes):
    """Add the rows t[0] ... t[n - 1], no more than a vector has numbers, into the first as `total` adds these."""
    step = vector_length(t)
    half = step
    while half > 1:
        half //= 2
        for row in range(min(half, n - half)):
            for i in range(0, lanes, step):
                store(
                    t,
                    row * lanes + i,
                    load(t, row * lanes + i) + load(t, (row + half) * lanes + i),
                )


@subroutine
def weigh_into_one(a, z, x, n_in, theta, w, b, t, lanes):
    """`weigh` for a last layer of one unit, whose sum goes over a vector of units; t is scratch for a row of each."""
    step = vector_length(a)
    if n_in == 2:  # a quarter of the time
        for i in range(0, lanes, step):
            s = load(a, x * lanes + i) * load(theta, w * lanes + i)
            s = s + load(a, (x + 1) * lanes + i) * load(theta, (w + 1) * lanes + i)
            store(a, z * lanes + i, s + load(theta, b * lanes + i))
        return
    rows = min(n_in, step)
    for row in range(rows):
        for i in range(0, lanes, step):
            s = load(a, (x + row) * lanes + i) * load(theta, (w + row) * lanes + i)
            for j in range(row + step, n_in, step):
                s = fma(
                    load(a, (x + j) * lanes + i), load(theta, (w + j) * lanes + i), s
                )
            store(t, row * lanes + i, s)
    fold(t, rows, lanes)
    for i in range(0, lanes, step):
        store(a, z * lanes + i, load(t, i) + load(theta, b * lanes + i))


@inlined_by_numba
def forward(a, theta, layers, n_layers, t, lanes):
    """Fill the scratch a, whose first units are the sample, with every layer's output."""
    for layer in range(n_layers):
        n_in, n_out, x, z, w, b = layer_offsets(layers, layer)
        if n_out == 1 and 0 < layer == n_layers - 1:
            weigh_into_one(a, z, x, n_in, theta, w, b, t, lanes)
        else:
            weigh(a, z, n_out, x, n_in, theta, w, b, lanes)
        activations.forward(
            a,
            z * lanes,
            (z + n_out) * lanes,
            entry(layers, layer, ACTIVATION, N_COLUMNS),
        )


@subroutine
def feed_one_back(d, a, z, x, n_in, theta, w, activation, lanes):
    """d[x + j] = dL/dz of the units before a last layer of one unit."""
    one = constant(d, 1)
    for j in range(n_in):
        for i in range(0, lanes, vector_length(d)):
            out = load(a, (x + j) * lanes + i)
            back = load(theta, (w + j) * lanes + i)
            store(
                d,
                (x + j) * lanes + i,
                load(d, z * lanes + i) * passed_back(back, out, activation, one),
            )


@subroutine
def feed_back(d, a, z, n_out, x, n_in, theta, w, activation, lanes):
    """d[x + j] = dL/dz of the units before a layer: sum_k d[z + k] w_jk, times the activation's derivative."""
    zero, step = constant(d, 0), vector_length(d)
    for j in range(n_in):
        for i in range(0, lanes, 4 * step):
            none = (zero, zero, zero, zero)
            s = product(
                none,
                theta,
                (w + j * n_out) * lanes + i,
                lanes,
                d,
                z * lanes + i,
                n_out,
                lanes,
            )
            put(d, (x + j) * lanes + i, s)
    activations.backward(d, a, x * lanes, (x + n_in) * lanes, activation)


@subroutine
def learn(target, rule, w, b, n_out, d, z, a, x, n_in, lanes):
    """Replace a layer's part of the target by keep target + by dL/dtheta of this sample, where keep and by are the
    rows KEEP and BY of the rule.
    """
    step = vector_length(d)
    if n_in == 2:
        for k in range(n_out):
            for i in range(0, lanes, step):
                keep = load(rule, KEEP * lanes + i)
                e = load(rule, BY * lanes + i) * load(d, (z + k) * lanes + i)
                bias, first, second = (
                    (b + k) * lanes + i,
                    (w + k) * lanes + i,
                    (w + n_out + k) * lanes + i,
                )
                store(target, bias, fma(keep, load(target, bias), e))
                store(
                    target,
                    first,
                    fma(load(a, x * lanes + i), e, keep * load(target, first)),
                )
                store(
                    target,
                    second,
                    fma(load(a, (x + 1) * lanes + i), e, keep * load(target, second)),
                )
        return
    for k in range(n_out):
        for i in range(0, lanes, 2 * step):
            keep, then = (
                load(rule, KEEP * lanes + i),
                load(rule, KEEP * lanes + i + step),
            )
            e = load(rule, BY * lanes + i) * load(d, (z + k) * lanes + i)
            f = load(rule, BY * lanes + i + step) * load(d, (z + k) * lanes + i + step)
            at = (b + k) * lanes + i
            store(target, at, fma(keep, load(target, at), e))
            store(target, at + step, fma(then, load(target, at + step), f))
            at, of = (w + k) * lanes + i, x * lanes + i
            for _ in range(n_in):
                store(target, at, fma(load(a, of), e, keep * load(target, at)))
                store(
                    target,
                    at + step,
                    fma(load(a, of + step), f, then * load(target, at + step)),
                )
                at += n_out * lanes
                of += lanes


@inlined_by_numba
def backward(target, rule, theta, d, a, layers, n_layers, lanes):
    """Carry dL/dz of the last layer, in d, back through all layers, and let each learn; target may be theta itself."""
    for back in range(n_layers):
        layer = n_layers - 1 - back
        n_in, n_out, x, z, w, b = layer_offsets(layers, layer)
        if layer > 0:
            activation = entry(layers, layer - 1, ACTIVATION, N_COLUMNS)
            if n_out == 1 and back == 0:
                feed_one_back(d, a, z, x, n_in, theta, w, activation, lanes)
            else:
                feed_back(d, a, z, n_out, x, n_in, theta, w, activation, lanes)
        learn(target, rule, w, b, n_out, d, z, a, x, n_in, lanes)
