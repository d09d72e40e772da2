"""Plots of data points."""

import io

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


ODD_NAMES = ["$0-$10", "Ba$$in", "_hidden", "", r"\\alpha^2", "a_b", "{", "100 %"]


@pytest.mark.parametrize("n_features", [1, 2])
def test_names_of_classes_are_shown_as_they_are(n_features):
    X = np.arange(8.0 * n_features).reshape(8, n_features)
    ax = fastnn.plot.data(X, ODD_NAMES)
    shown = ax.get_legend().get_texts()
    assert [text.get_text() for text in shown] == sorted(ODD_NAMES)
    if n_features == 1:
        assert [text.get_text() for text in ax.get_yticklabels()] == sorted(ODD_NAMES)
        shown += ax.get_yticklabels()
    assert not any(text.get_parse_math() for text in shown)
    ax.figure.savefig(io.BytesIO(), format="png")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == sorted(
        ODD_NAMES
    )


def test_names_of_classes_are_shown_as_they_are_in_maps():
    names = ["$0-$10", "_hidden"]
    X, y = fastnn.datasets.xor_gate()
    net = fastnn.mlp(2, 2, 1)
    labels = np.array(names)[y]
    runs = net.fit_many(X, labels, seeds=range(4), epochs=1, lr=0.1)
    net.fit(X, labels, epochs=1, lr=0.1)
    *_, ax = fastnn.plot.success(runs, X, labels, loss_below=9.0)
    legends = [
        fastnn.plot.decision_map(net, resolution=9).get_legend(),
        fastnn.plot.decision_map(net, X, labels, resolution=9).get_legend(),
        ax.figure.legends[0],
    ]
    for legend in legends:
        assert [text.get_text() for text in legend.get_texts()] == names
        assert not any(text.get_parse_math() for text in legend.get_texts())


@pytest.mark.parametrize(
    ("labels", "ticks", "heights"),
    [
        ([30, 10, 20, 10], ["10", "20", "30"], [30, 10, 20, 10]),
        ([4, 2, 2, 4], ["2", "4"], [4, 2, 2, 4]),
        ([-1.0, 1.0, 1.0, -1.0], ["-1.0", "1.0"], [-1, 1, 1, -1]),
        ([True, False, True, True], ["False", "True"], [1, 0, 1, 1]),
        (["b", "c", "a", "b"], ["a", "b", "c"], [1, 2, 0, 1]),
    ],
)
def test_labels_stand_at_their_ticks(labels, ticks, heights):
    ax = fastnn.plot.data(np.arange(4.0)[:, None], labels)
    assert [text.get_text() for text in ax.get_yticklabels()] == ticks
    drawn = np.concatenate([points.get_offsets() for points in ax.collections])
    assert drawn[np.argsort(drawn[:, 0]), 1].tolist() == heights
    at = dict(zip(ticks, ax.get_yticks(), strict=True))
    assert [at[str(label)] for label in labels] == heights


VALUES = {
    "fractions": np.array([0.5, 2.0, 7.25]),
    "many whole numbers": np.arange(0, 100, 3),
    "whole floats, many": np.arange(0.0, 100.0, 3.0),
    "objects": np.array([0.5, 2, 7], object),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_drawn_as_values(name):
    y = VALUES[name]
    X = np.linspace(0.0, 1.0, len(y))
    ax = fastnn.plot.data(X[:, None], y)
    (points,) = ax.collections
    assert points.get_offsets()[:, 1].tolist() == y.tolist()
    assert (ax.get_ylabel(), ax.get_legend()) == ("y", None)
    ax = fastnn.plot.data(np.stack([X, X**2], axis=1), y)
    assert ax.collections[0].get_array().tolist() == y.tolist()
    _, scale = ax.figure.axes
    low, high = scale.get_ylim()
    assert (low, high) == (y.min(), y.max())
    assert (scale.get_ylabel(), ax.get_ylabel()) == ("y", "x2")


@pytest.mark.parametrize(
    "labels",
    [["a", None], [None, 1], [float("nan"), 1.0], ["a", float("nan")], [1, "a"]],
)
def test_missing_and_mixed_labels_are_refused(labels):
    X = np.zeros((2, 2))
    with pytest.raises((ValueError, TypeError), match="in row"):
        fastnn.plot.data(X, np.array(labels, object))
    net = fastnn.mlp(2, 1)
    with pytest.raises((ValueError, TypeError), match="in row"):
        fastnn.plot.decision_map(net, X, np.array(labels, object))


def test_labels_that_a_net_does_not_know_are_refused():
    with pytest.raises(ValueError, match=r"does not know: it knows \[0, 1\]"):
        fastnn.plot.decision_map(fastnn.mlp(2, 1), np.zeros((2, 2)), [0, 2])


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
