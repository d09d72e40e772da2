"""Hidden neurons that start alike, and stay alike."""

import copy
import warnings

import numpy as np
import pytest

import fastnn

GATE = fastnn.datasets.xor_gate()


def test_a_net_of_zeros_warns_with_the_reason_at_the_callers_line():
    with pytest.warns(
        fastnn.SymmetryWarning, match=r"the 2 hidden .* are worth only 1: .*stay equal"
    ) as caught:
        fastnn.mlp(2, 2, 1, init="zeros")
    assert [each.filename for each in caught] == [__file__]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_what_it_says_is_true(batch_size, shuffle):
    alike = [
        [[0.3, 0.3, 0.7], [-0.2, -0.2, 0.1]],
        [0.5, 0.5, 0.5],
        [[0.9], [0.9], [0.9]],
        [0.1],
    ]
    with pytest.warns(fastnn.SymmetryWarning, match="the 3 hidden .* are worth only 2"):
        net = fastnn.mlp(2, 3, 1, init=alike)
    history = net.fit(
        *GATE, epochs=50, lr=0.5, batch_size=batch_size, shuffle=shuffle, record=1
    )
    w, b, out = (
        history.recording.theta[:, part]
        for part in (slice(0, 6), slice(6, 9), slice(9, 12))
    )
    assert (w[:, 0] == w[:, 1]).all()
    assert (w[:, 3] == w[:, 4]).all()
    assert (b[:, 0] == b[:, 1]).all()
    assert (out[:, 0] == out[:, 1]).all()
    assert (w[-1] != w[0]).all()  # though they do move
    assert w[-1, 2] != w[-1, 0]


def test_each_hidden_layer_is_looked_at():
    with pytest.warns(fastnn.SymmetryWarning) as caught:
        fastnn.mlp(2, 3, 2, 1, init="zeros")
    assert [str(each.message).split(",")[0] for each in caught] == [
        "the 3 hidden neurons of layer 0",
        "the 2 hidden neurons of layer 2",
    ]
    with pytest.warns(fastnn.SymmetryWarning, match=r"layer 0, MatMul\(2, 2\)"):
        fastnn.Sequential(
            [fastnn.MatMul(2, 2), fastnn.Tanh(), fastnn.MatMul(2, 1)], init="zeros"
        )


def test_what_can_learn_does_not_warn(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fastnn.mlp(2, 1, init="zeros")  # no hidden neurons
        fastnn.mlp(
            2, 2, 1, init=[[[1, 1], [2, 2]], [0, 0], [[1.0], [-1.0]], [0]]
        )  # equal in, other out
        fastnn.mlp(2, 2, 1, init=[np.zeros((2, 2)), [0, 0], [[1.0], [-1.0]], [0]])
        fastnn.mlp(
            2, 2, 1, init=[[[1, 2], [2, 1]], [0, 0], [[1.0], [1.0]], [0]]
        )  # other in, equal out
        net = fastnn.mlp(2, 30, 30, 3)
        net.save(tmp_path / "net.npz")
        fastnn.load(tmp_path / "net.npz")
        copy.deepcopy(net)
    assert not caught


class Numbering(fastnn.Identity):
    """Adds another number to each unit."""

    def compute(self, x):
        return x + np.arange(x.shape[1])


def test_other_layers_may_tell_neurons_apart():
    fastnn.Sequential(
        [fastnn.Affine(2, 2), Numbering(), fastnn.Tanh(), fastnn.Affine(2, 1)],
        init="zeros",
    )


class Gain(fastnn.layers.Weighted):
    """A factor for each unit, as a layer of one's own."""

    def shapes(self):
        return [(self.n_out,)]

    def draw(self, rng, default):
        return [np.arange(1.0, self.n_out + 1.0)]

    def compute(self, x):
        return x * self.params[0]

    def compute_back(self, dout, x, out):
        self.grads[0][...] = (dout * x).sum(axis=0)
        return dout * self.params[0]


def test_layers_of_ones_own_are_not_judged():
    layers = [fastnn.Affine(2, 3), Gain(3, 3), fastnn.Tanh(), fastnn.Affine(3, 1)]
    fastnn.Sequential(layers, init="zeros").fit(*GATE, epochs=1, lr=0.1)
