"""The warning of inputs that were never scaled."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)

import fastnn
from fastnn.data.scaling import warn_of_scale

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((300, 3))
PICTURES = load_digits().data


def standardised(X):
    std = X.std(axis=0)
    return ((X - X.mean(axis=0)) / np.where(std > 0, std, 1)).astype(float)


UNSCALED = {
    "wine": (load_wine().data, "column 12 has values such as .*, beyond 100"),
    "breast cancer": (load_breast_cancer().data, "the range of column 23 is .* times"),
    "pictures to 255": (PICTURES * 16, "has values such as 256"),
    "unequal": (NORMAL * [1, 1e-3, 1], "times that of column 1"),
    "large": (NORMAL * [1, 1000, 1], "column 1 has values such as"),
    "large below zero": (
        -np.abs(NORMAL) * [1, 1, 1e6],
        "column 2 has values such as -.*",
    ),
    "few rows": (np.array([[25, 4e4], [35, 6e4], [45, 5e4]] * 2), "such as 6e.04"),
    "years": (RNG.integers(1990, 2021, (300, 1)), "between 199. and 20.., far from"),
    "degrees Kelvin": (
        NORMAL + np.array([0, 0, 30]),
        "column 2 is between .*, far from zero",
    ),
    "percents above 100": (np.arange(1000.0)[:, None] / 5, "values such as 189"),
    "far below zero": (NORMAL - 30, "is between -.* and -.*, far from zero"),
    "with a constant": (
        np.column_stack([NORMAL, np.full(300, 1e9)]),
        "column 3 has .*drop columns with a single value, such as column 3, and",
    ),
    "many rows": (
        np.tile(NORMAL, (1000, 1)) + np.array([0, 0, 30]),
        "column 2 is between",
    ),
    "extreme": (np.clip(NORMAL, -1.5, 1.5) * 1e308, "values such as -?1.5e.308"),
}


@pytest.mark.parametrize("name", UNSCALED)
def test_inputs_that_were_never_scaled_give_a_warning_with_the_remedy(name):
    X, message = UNSCALED[name]
    with pytest.warns(fastnn.ScalingWarning, match=message) as caught:
        warn_of_scale(np.ascontiguousarray(X, float), None)
    assert len(caught) == 1
    assert "mean, std = X.mean(axis=0), X.std(axis=0)" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name != "extreme":  # NumPy's variance overflows
            warn_of_scale(standardised(X), None)


FINE = {
    "xor_grid": fastnn.datasets.xor_grid(100)[0],
    "xor_gate": fastnn.datasets.xor_gate()[0],
    "spiral": fastnn.datasets.spiral(100)[0],
    "iris": load_iris().data,
    "diabetes": load_diabetes().data,
    "digits": PICTURES,
    "digits to 1": PICTURES / 16,
    "percents and flags": np.column_stack([np.arange(101), np.arange(101) % 2]),
    "one-hot rows": np.eye(50),
    "an outlier": np.concatenate([NORMAL, [[1e30, 0, -1e30]]]),
    "an outlier of few": np.array([[1.0], [2], [1e30], [0], [1]]),
    "two kinds of iris": load_iris().data[:100],
    "the other two": load_iris().data[50:],
    "few rows": np.array([[1e6, 1.0]] * 4),
    "a narrow range of few rows": np.linspace([9.0, 0.0], [9.1, 50.0], 19),
    "constants": np.ones((100, 2)),
    "zeros": np.zeros((100, 2)),
    "a dim pixel in a hundred": np.column_stack([np.tile(NORMAL, 34), 1e-6 * NORMAL])[
        :, :103
    ],
}


@pytest.mark.parametrize("name", FINE)
def test_inputs_that_nets_can_learn_give_none(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_scale(FINE[name].astype(float), None)
        warn_of_scale(FINE[name].astype("float32"), None)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("n", [10, 20, 100, 1000])
def test_the_threshold_around_7_gives_none(n, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_scale(fastnn.datasets.threshold(n, boundary=7.0, seed=seed)[0], None)


X, Y = load_wine(return_X_y=True, as_frame=True)


def a_sweep(net):
    net.fit_many(X, Y, seeds=range(3), epochs=2, lr=0.1)


@pytest.mark.parametrize(
    "train",
    [
        lambda net: net.fit(X, Y, epochs=3, lr=0.1, batch_size=5),
        a_sweep,
    ],
    ids=["fit", "fit_many"],
)
@pytest.mark.parametrize("layer", [fastnn.Tanh, fastnn.Softmax])
def test_a_call_warns_once_and_names_the_column_and_the_users_line(train, layer):
    layers = [fastnn.Affine(13, 3), layer(), fastnn.Affine(3, 3)]
    net = fastnn.Sequential(layers)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(net)
        assert len(caught) == 1
        assert "'proline'" in str(caught[0].message)
        assert caught[0].filename == __file__
        net.predict(X)
        net.score(X, Y)
        net.loss_and_grads(X, Y)
    assert len(caught) == 1


def test_the_warning_can_be_an_error_or_silent_and_changes_no_bit():
    one, two = fastnn.mlp(13, 3), fastnn.mlp(13, 3)
    before = one.theta.tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", fastnn.ScalingWarning)
        with pytest.raises(fastnn.ScalingWarning, match="standardise"):
            one.fit(X, Y, epochs=1, lr=0.1)
        assert one.theta.tobytes() == before
        assert one.classes is None
        warnings.simplefilter("ignore", fastnn.ScalingWarning)
        one.fit(X, Y, epochs=2, lr=1e-9)
    with pytest.warns(fastnn.ScalingWarning):
        two.fit(X, Y, epochs=2, lr=1e-9)
    assert one.theta.tobytes() == two.theta.tobytes()


def test_the_remedy_helps():
    mean, std = X.mean(axis=0), X.std(axis=0)
    net, raw = (fastnn.mlp(13, 16, 3, activation="tanh") for _ in range(2))
    with pytest.warns(fastnn.ScalingWarning):
        raw.fit(X, Y, epochs=30, lr=0.1, batch_size=8)
    net.fit((X - mean) / std, Y, epochs=30, lr=0.1, batch_size=8)
    assert raw.score(X, Y) < 0.75 < 0.97 < net.score((X - mean) / std, Y)
    assert isinstance(X, pd.DataFrame)
