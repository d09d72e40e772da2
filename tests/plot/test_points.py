"""Plots of data points."""

import numpy as np
import pytest

import fastnn


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_one_feature():
    ax = fastnn.plot.data(*fastnn.datasets.threshold())
    assert legend_texts(ax) == ["0", "1"]
    assert (ax.get_aspect(), ax.get_ylabel()) == ("auto", "label")


def test_string_labels():
    ax = fastnn.plot.data([[0.0, 1.0], [2.0, 3.0]], ["yes", "no"])
    assert legend_texts(ax) == ["no", "yes"]


def test_scales_are_equal_if_that_leaves_room():
    X, y = fastnn.datasets.xor_gate()
    net = fastnn.mlp(2, 1)
    assert fastnn.plot.data(X, y).get_aspect() == 1.0
    assert fastnn.plot.data(X * [1000, 1], y).get_aspect() == "auto"
    assert fastnn.plot.decision_map(net, X * [1000, 1], y).get_aspect() == "auto"


def test_wrong_arguments_are_refused():
    X, _ = fastnn.datasets.spiral(20)
    with pytest.raises(ValueError, match="one or two features"):
        fastnn.plot.data(np.ones((3, 3)), [0, 1, 0])
    with pytest.raises(ValueError, match="one label per row"):
        fastnn.plot.data(X, [0, 1])
    with pytest.raises(ValueError, match="row 1 of y"):
        fastnn.plot.data(X[:2], [[0, 1], [1, 1]])
    with pytest.raises(ValueError, match="nan in row 1"):
        fastnn.plot.data(X[:2], [0, np.nan])
