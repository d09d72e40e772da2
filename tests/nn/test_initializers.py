"""Initial parameters: schemes, a layer's own init, and arrays."""

import numpy as np
import pytest

import fastnn
from fastnn import Affine, Tanh

GATE = fastnn.datasets.xor_gate()


def draw(init, **options):
    """Return the parameters of a net whose first layer has 120,000 weights."""
    return fastnn.mlp(400, 300, 1, init=init, **options).params


@pytest.mark.filterwarnings("ignore::fastnn.SymmetryWarning")
@pytest.mark.parametrize(
    ("init", "mean", "std"),
    [
        ("xavier", 0.0, np.sqrt(2 / 700)),
        ("he", 0.0, np.sqrt(2 / 400)),
        ("normal(0.3)", 0.0, 0.3),
        (fastnn.init.normal(0.3), 0.0, 0.3),
        ("uniform(-1, 2)", 0.5, np.sqrt(9 / 12)),
        (fastnn.init.uniform(-1, 2), 0.5, np.sqrt(9 / 12)),
        ("zeros", 0.0, 0.0),
    ],
    ids=str,
)
def test_weights_have_the_mean_and_spread_of_their_scheme(init, mean, std):
    w, b = draw(init)[:2]
    assert w.std() == pytest.approx(std, rel=0.01)
    assert w.mean() == pytest.approx(mean, abs=0.01)
    assert not b.any()


def test_xavier_has_the_limits_of_glorot_and_bengio():
    assert np.abs(draw("xavier")[0]).max() <= np.sqrt(6 / 700)


def test_the_seed_decides_the_weights():
    assert (draw("xavier", seed=1)[0] != draw("xavier", seed=2)[0]).all()
    assert (draw("he", seed=1)[0] == draw("he", seed=1)[0]).all()


def test_weights_are_drawn_layer_by_layer_from_the_documented_generator():
    rng = np.random.default_rng(9)
    params = fastnn.mlp(2, 3, 1, init="normal(2)", seed=9).params
    assert (params[0] == 2 * rng.standard_normal((2, 3))).all()
    assert (params[2] == 2 * rng.standard_normal((3, 1))).all()


@pytest.mark.parametrize(
    "init",
    [
        "normal(-1)",
        "uniform(2, 1)",
        "normal(a)",
        "xavier(1)",
        "uniform(1)(2)",
        "uniform(1)",
        "uniform(,1)",
        "uniform",
        "normal(1,)",
        "normal(nan)",
        3.0,
        None,
    ],
)
def test_wrong_schemes_are_refused(init):
    with pytest.raises((ValueError, TypeError)):
        fastnn.mlp(2, 1, init=init)


def test_the_init_of_a_layer_goes_before_that_of_the_net():
    first = Affine(2, 3, init="zeros")
    last = Affine(3, 1, init=[[[1], [2], [3]], [5.0]])
    net = fastnn.Sequential([first, Tanh(), last], init="normal(1)")
    assert not net.params[0].any()
    assert net.params[2].tolist() == [[1], [2], [3]]
    assert net.params[3].tolist() == [5]


def test_arrays_are_copied():
    arrays = [np.ones((2, 1)), np.zeros(1)]
    net = fastnn.mlp(2, 1, init=arrays)
    net.fit(*GATE, epochs=1, lr=1.0)
    assert (arrays[0] == 1).all()
