"""Random trainings and calls of all kinds, each made from one seed.

A case may raise one of `REFUSALS`: then the input was refused. What it returns must be
of the right shape, and probabilities must be probabilities. A case that leaves its
arrays ends the process, because the arrays are guarded.
"""

import copy
import pickle
import threading
import warnings
from contextlib import suppress

import numpy as np

import fastnn
from fastnn import kernels
from fastnn.sweeps import blocks
from fastnn.training.engines import dispatch

from . import own, tampering

REFUSALS = (
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)
ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")


def pick(rng, *choices):
    return choices[int(rng.integers(len(choices)))]


def random_loss(rng):
    """Return a loss and a number of outputs."""
    loss = pick(rng, "bce", "softmax_ce", "mse", "poisson")
    if loss == "bce":
        return loss, int(pick(rng, 1, 1, 2, 9, 18))
    n_out = int(rng.integers(2 if loss == "softmax_ce" else 1, 19))
    if rng.random() < 0.1 and loss != "poisson":
        loss = own.OwnClasses() if loss == "softmax_ce" else own.OwnLoss()
    return loss, n_out


def has_values(net):
    return net.architecture.n_classes is None


def random_net(rng):
    loss, n_out = random_loss(rng)
    sizes = [*rng.integers(1, 19, int(rng.integers(1, 5))).tolist(), n_out]
    return fastnn.mlp(
        *sizes,
        activation=pick(rng, *ACTIVATIONS),
        loss=loss,
        seed=int(rng.integers(9)),
        dtype=pick(rng, "float64", "float32"),
    )


def random_stack(rng):
    """Return a net that runs layer by layer, with built-in and own layers."""
    loss, n_out = random_loss(rng)
    n_in, width = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    layers = [pick(rng, fastnn.Affine, fastnn.MatMul)(n_in, width)]
    for _ in range(int(rng.integers(1, 4))):
        layers.append(
            pick(
                rng,
                fastnn.Tanh,
                fastnn.ReLU,
                fastnn.Softmax,
                lambda: fastnn.Affine(width, width),
                lambda: own.layer(rng),
            )()
        )
    if rng.random() < 0.3:
        layers.insert(0, own.layer(rng))
    layers.append(fastnn.Affine(width, n_out))
    if loss == "mse":
        layers.append(pick(rng, fastnn.Identity, fastnn.Tanh, fastnn.Softmax)())
    if rng.random() < 0.2:
        layers.append(own.layer(rng))
    dtype = pick(rng, "float64", "float32")
    return fastnn.Sequential(layers, loss, seed=int(rng.integers(9)), dtype=dtype)


def random_data(rng, net):
    """Return inputs and labels or values for a net, in some memory layout."""
    n = int(pick(rng, 1, 2, 3, 7, 16, 17, 40, 130))
    X = rng.standard_normal((n, net.n_in)) * pick(rng, 1.0, 1.0, 30.0, 1e6, 1e300)
    X = pick(rng, np.ascontiguousarray, np.asfortranarray)(X)
    if rng.random() < 0.5:
        with np.errstate(over="ignore"):
            X = X.astype(net.dtype)
    if has_values(net):
        y = rng.standard_normal((n, net.n_out))
        return X, np.abs(y) if net.loss.name == "poisson" else y
    soft = net.loss.takes_probabilities and rng.random() < 0.4
    if net.loss.name == "bce" and (net.n_out > 1 or soft):
        y = rng.random((n, net.n_out))
        return X, y if soft else y.round()
    if soft:
        return X, rng.dirichlet(np.ones(net.n_out), n)
    return X, rng.integers(0, max(2, net.n_out), n)


def random_optimizer(rng, n_nets=None):
    def setting(low, high):
        if n_nets is not None and rng.random() < 0.4:
            return rng.uniform(low, high, n_nets)
        return float(rng.uniform(low, high))

    if rng.random() < 0.15:
        return own.optimizer(rng)
    if rng.random() < 0.4:
        return fastnn.Adam(setting(0, 0.1), weight_decay=setting(0, 0.1))
    return fastnn.SGD(
        setting(0, 1),
        momentum=pick(rng, 0.0, setting(0, 0.99)),
        weight_decay=pick(rng, 0.0, setting(0, 0.1)),
        bias_lr=pick(rng, None, setting(0, 1)),
        bias_weight_decay=pick(rng, None, setting(0, 0.1)),
    )


def random_settings(rng, n):
    return {
        "epochs": int(rng.integers(1, 4)),
        "batch_size": pick(rng, 1, 2, 3, max(1, n - 1), n, 500, "full"),
        "reduction": pick(rng, "mean", "sum"),
        "shuffle": bool(rng.integers(2)),
        "seed": int(rng.integers(100)),
        "n_jobs": int(pick(rng, 1, 1, 2)),
        "progress": False,
    }


def fit(rng):
    net = pick(rng, random_net, random_stack)(rng)
    X, y = random_data(rng, net)
    record = pick(rng, None, None, 1, [0, 1], int(rng.integers(1, 9)))
    settings = random_settings(rng, len(X))
    net.fit(X, y, optimizer=random_optimizer(rng), record=record, **settings)
    use(rng, net, X, y)


def fit_many(rng):
    net = pick(rng, random_net, random_net, random_net, random_stack)(rng)
    X, y = random_data(rng, net)
    n_nets = int(pick(rng, 1, 2, 5, 8, 17, 33))
    runs = net.fit_many(
        X,
        y,
        seeds=range(n_nets),
        optimizer=random_optimizer(rng, n_nets),
        every=int(rng.integers(1, 3)),
        losses=pick(rng, None, "all", "percentiles"),
        stop_below=pick(rng, None, 0.1, 0.7, 10.0),
        **random_settings(rng, len(X)),
    )
    assert runs.theta.shape == (n_nets, net.theta.size)
    use(rng, runs[int(rng.integers(n_nets))], X, y)


def use(rng, net, X, y):
    """Make a few calls that do not change the net, and check what they return."""
    rows = X[: int(rng.integers(1, len(X) + 1))]
    for _ in range(3):
        call = int(rng.integers(4))
        if call == 0:
            assert len(net.predict(rows)) == len(rows)
        elif call == 1 and not has_values(net):
            p = net.predict_proba(rows)
            assert p.shape == (len(rows), max(2, net.n_out))
            assert not np.isfinite(p).all() or np.allclose(p.sum(axis=1), 1, atol=1e-5)
        elif call == 2:
            _, grads = net.loss_and_grads(X, y, pick(rng, "mean", "sum"))
            assert [g.shape for g in grads] == [p.shape for p in net.params]
        else:
            net.score(X, y)


def changed_meanwhile(rng):
    """Train while another thread writes any bits into X and, for values, into y."""
    net = random_net(rng)
    X, y = random_data(rng, net)
    X, y = np.array(X, net.dtype, order="C"), np.array(y, order="C")
    loop = {}
    if rng.random() < 0.5:  # two architectures, as each is compiled on its own
        net = fastnn.mlp(2, pick(rng, 2, 3), 1, dtype=net.dtype)
        X, y = rng.standard_normal((9, 2)).astype(net.dtype), rng.integers(0, 2, 9)
        loop = {"loop": "specialised"}
    done = threading.Event()
    targets = [array for array in (X, y) if array.dtype.kind == "f"]
    bits = np.random.default_rng(int(rng.integers(2**32)))

    def write():
        while not done.is_set():
            for array in targets:
                view = array.reshape(-1).view(np.uint8)
                view[...] = bits.integers(0, 256, view.size)
                words = array.reshape(-1).view(f"u{array.itemsize}")
                nans = 0x7FF << 52 if array.itemsize == 8 else 0xFF << 23
                words[::2] |= words.dtype.type(nans)

    settings = random_settings(rng, len(X)) | {"epochs": 200, "n_jobs": 1}
    if loop:
        settings["batch_size"] = 1
    writer = threading.Thread(target=write)
    writer.start()
    try:
        net.fit(X, y, lr=0.1, **settings, **loop)
    finally:
        done.set()
        writer.join()


def several_threads(rng):
    """Use one net, one layer and one optimizer in several threads."""
    net = pick(rng, random_net, random_stack)(rng)
    layer = pick(rng, fastnn.Tanh, lambda: fastnn.Affine(net.n_in, 3))()
    optimizer = fastnn.SGD(0.01, momentum=0.9)
    data = [random_data(rng, net) for _ in range(3)]

    def work(X, y):
        for _ in range(5):
            for call in (
                lambda: net.loss_and_grads(X, y),
                lambda: net.predict(X),
                lambda: layer.backward(np.ones_like(layer.forward(X))),
                lambda: optimizer.update([X.astype(float)], [np.ones(X.shape)]),
            ):
                with suppress(*REFUSALS):
                    call()

    threads = [threading.Thread(target=work, args=one) for one in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def alone(rng):
    """Use layers, losses and optimizers without a net, with arrays of any kind."""
    kinds = (
        lambda: fastnn.Affine(3, 2),
        lambda: fastnn.MatMul(3, 2),
        fastnn.Tanh,
        fastnn.Softmax,
        fastnn.Sum,
        lambda: fastnn.Repeat(4),
    )
    layer = pick(rng, *kinds)()
    x = own.any_array(rng, (int(rng.integers(1, 20)), 3))
    call = int(rng.integers(5))
    if call == 0:
        out = layer.forward(x)
        layer.backward(own.any_array(rng, out.shape))
    elif call == 1:
        layer.compute(x)
    elif call == 2:
        layer.compute_back(own.any_array(rng, (4, 2)), x, own.any_array(rng, (4, 2)))
    elif call == 3:
        loss = pick(rng, fastnn.BCE, fastnn.SoftmaxCE, fastnn.MSE)()
        loss.forward(x, own.any_array(rng, np.shape(x)))
        loss.backward()
    else:
        optimizer = random_optimizer(rng)
        optimizer.update([np.ones((4, 3))], [own.any_array(rng, (4, 3))])
        optimizer.update([np.ones((2, 3))], [own.any_array(rng, (2, 3))])


def tampered(rng):
    """Change what can be changed; the net must go on as before, or refuse."""
    net = pick(rng, random_net, random_stack)(rng)
    X, y = random_data(rng, net)
    twin = copy.deepcopy(net)
    with suppress(*REFUSALS):
        tampering.tamper(rng, net)
    after = pick(
        rng,
        lambda net: net,
        copy.copy,
        copy.deepcopy,
        lambda net: net.with_theta(net.theta),
        lambda net: net.astype(str(net.dtype)),
        lambda net: pickle.loads(pickle.dumps(net)),
    )
    calls = pick(
        rng,
        lambda net: net.loss_and_grads(X, y)[0],
        lambda net: net.predict(X),
        lambda net: net.fit(X, y, epochs=2, lr=0.01, batch_size=2).loss,
        lambda net: net.fit_many(X, y, seeds=range(3), epochs=2, lr=0.01).theta,
    )
    expected = calls(twin)
    found = calls(after(net))
    assert np.array_equal(found, expected, equal_nan=True), (found, expected)


KINDS = {
    fit: 6,
    fit_many: 4,
    tampered: 4,
    alone: 3,
    several_threads: 1,
    changed_meanwhile: 1,
}


def run(seed):
    """Run the case of a seed; return its kind, and the refusal if there was one."""
    rng = np.random.default_rng(seed)
    kinds = [kind for kind, weight in KINDS.items() for _ in range(weight)]
    kind = pick(rng, *kinds)
    try:
        kind(rng)
    except REFUSALS as refusal:
        return kind.__name__, refusal
    return kind.__name__, None


def prepare():
    """Silence expected warnings, and give each aligned array a block of its own."""
    warnings.simplefilter("ignore")

    def zeros(dtype, *shapes):
        return [np.zeros(shape, dtype) for shape in shapes]

    for module in (dispatch, blocks):
        module.aligned_arrays = zeros
    dispatch.aligned_zeros = np.zeros


def leave_an_array():
    """Let a kernel read beyond an array: a fault that must be found."""
    short = np.zeros((1, 2))
    kernels.loops.layers.repeat_row(np.zeros((3, 4096)), short)
