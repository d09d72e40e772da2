"""Nets of a sweep that no compiled loop knows: they are trained one after the other."""

import numpy as np
import pytest

import fastnn

GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(10)


def make_net(seed=0):
    layers = [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Tanh(), fastnn.MatMul(3, 1)]
    return fastnn.Sequential(layers, loss="bce", init="normal(0.7)", seed=seed)


@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_nets_that_are_run_layer_by_layer_are_the_nets_alone(batch_size):
    options = {"epochs": 5, "batch_size": batch_size, "seed": 7}
    per_net = fastnn.SGD([0.1, 0.2], momentum=[0.5, 0.0])
    runs = make_net().fit_many(*GATE, seeds=[3, 8], optimizer=per_net, **options)
    alone_with = {3: fastnn.SGD(0.1, momentum=0.5), 8: fastnn.SGD(0.2)}
    for i, (seed, optimizer) in enumerate(alone_with.items()):
        alone = make_net(seed)
        history = alone.fit(*GATE, optimizer=optimizer, **options)
        assert (runs.theta[i] == alone.theta).all()
        assert (runs.loss[i] == history.loss).all()
        assert (runs.accuracy[i] == history.accuracy).all()


@pytest.mark.compiled
def test_nets_that_are_run_layer_by_layer_stop_and_diverge():
    X, y = SPIRAL[0], SPIRAL[0][:, :1]
    layers = [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Tanh(), fastnn.Affine(3, 1)]
    net = fastnn.Sequential(layers, loss="mse", seed=0)
    whole = net.fit_many(X, y, seeds=range(3), epochs=30, lr=0.1)
    bound = float(np.median(whole.loss[:, 20]))
    lr = [0.1, 0.1, 0.1, 1e200]
    runs = net.fit_many(X, y, seeds=[0, 1, 2, 0], epochs=30, lr=lr, stop_below=bound)
    assert runs.diverged.tolist() == [False, False, False, True]
    for i in range(3):
        below = np.flatnonzero(whole.loss[i] < bound)
        last = int(below[0]) + 1 if len(below) else 30
        assert runs.trained[i] == last
        alone = net.fit_many(X, y, seeds=[i], epochs=last, lr=0.1)
        assert (runs.theta[i] == alone.theta[0]).all()


def test_nets_that_are_run_layer_by_layer_record_all_losses():
    layers = [fastnn.Affine(2, 2), fastnn.Tanh(), fastnn.Tanh(), fastnn.Affine(2, 1)]
    net = fastnn.Sequential(layers, seed=0)
    options = {"seeds": range(3), "epochs": 4, "lr": 0.1}
    runs = net.fit_many(*GATE, losses="percentiles", **options)
    assert (runs.loss == net.fit_many(*GATE, **options).loss).all()


class OwnAffine(fastnn.Affine):
    """An Affine of the user's own, so that the net is run layer by layer."""

    def compute(self, x):
        return super().compute(x)


@pytest.mark.compiled
@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_nets_stop_as_in_the_compiled_loops(every):
    """Also one that meets the bound first and diverges later, and one that diverges."""
    X, y = [[1.0], [2.0]], [1.0, 2.0]
    nets = [
        fastnn.Sequential([affine(1, 1)], loss="mse", init="zeros")
        for affine in (fastnn.Affine, OwnAffine)
    ]
    options = {
        # The loss is 2.5 at first. Net 0 falls below 0.5, net 1 grows to infinity, and
        # net 2 starts at 0.02 with a rate that makes it grow.
        "init": [[0.0, 0.0], [0.0, 0.0], [1.1, 0.0]],
        "lr": [0.01, 10.0, 10.0],
        "epochs": 200,
        "batch_size": "full",
        "every": every,
    }
    compiled, own = (net.fit_many(X, y, stop_below=0.5, **options) for net in nets)
    assert own.trained.tolist() == compiled.trained.tolist()
    assert own.diverged.tolist() == compiled.diverged.tolist() == [False, True, False]
    assert 1 < own.trained[1] < 200
    assert own.trained[2] == 1
    assert np.allclose(own.theta[[0, 2]], compiled.theta[[0, 2]])
    assert np.allclose(own.final_loss[[0, 2]], compiled.final_loss[[0, 2]])
