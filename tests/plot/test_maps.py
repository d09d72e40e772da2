"""Pictures: Axes in and out, what is on them, and what is refused."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

import fastnn


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def spiral_net(classes=3):
    X, y = fastnn.datasets.spiral(20, classes=classes)
    net = fastnn.mlp(2, 6, 1 if classes == 2 else classes)
    net.fit(X, y, epochs=5, lr=0.1)
    return net, X, y


@pytest.mark.parametrize("classes", [2, 3, 5, 12])
def test_decision_map_shows_regions_and_points(classes):
    net, X, y = spiral_net(classes)
    given = plt.figure().subplots()
    ax = fastnn.plot.decision_map(net, X, y, ax=given, resolution=40)
    assert ax is given
    (image,) = ax.images
    assert image.get_array().shape == (40, 40, 3)
    points = [
        collection for collection in ax.collections if len(collection.get_offsets()) > 1
    ]
    assert sum(len(collection.get_offsets()) for collection in points) == len(X)
    # the colour of a cell is that of its predicted class, made paler
    x1, x2 = np.meshgrid(
        np.linspace(*ax.get_xlim(), 40), np.linspace(*ax.get_ylim(), 40)
    )
    found = net.predict(np.stack([x1.ravel(), x2.ravel()], axis=1)).reshape(40, 40)
    hues = {
        number: {tuple(np.argsort(cell)) for cell in image.get_array()[found == number]}
        for number in set(found.flat)
    }
    assert all(len(orders) <= 2 for orders in hues.values())
    ax.figure.canvas.draw()


def test_new_axes_are_made_where_none_are_given():
    net, X, y = spiral_net()
    axes = [
        fastnn.plot.data(X, y),
        fastnn.plot.history(net.history),
        fastnn.plot.decision_map(net),
    ]
    assert len({ax.figure.number for ax in axes}) == 3
    assert axes[0].get_aspect() == 1.0


def test_data_of_one_feature_and_string_labels():
    ax = fastnn.plot.data(*fastnn.datasets.threshold())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "1"]
    ax = fastnn.plot.data([[0.0, 1.0], [2.0, 3.0]], ["yes", "no"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no", "yes"]


def test_scales_are_equal_where_that_leaves_room():
    X, y = fastnn.datasets.xor_gate()
    assert fastnn.plot.data(X, y).get_aspect() == 1.0
    assert fastnn.plot.data(X * [1000, 1], y).get_aspect() == "auto"
    assert (
        fastnn.plot.decision_map(fastnn.mlp(2, 1), X * [1000, 1], y).get_aspect()
        == "auto"
    )
    one = fastnn.plot.data(*fastnn.datasets.threshold())
    assert (one.get_aspect(), one.get_ylabel()) == ("auto", "label")


def test_history_shows_loss_and_accuracy():
    net, _, _ = spiral_net()
    ax = fastnn.plot.history(net.history)
    assert ax.lines[0].get_ydata().tolist() == net.history.loss.tolist()
    assert ax.lines[1].get_ydata()[0] == net.history.loss.min()
    (right,) = [other for other in ax.figure.axes if other is not ax]
    assert right.lines[0].get_ydata().tolist() == net.history.accuracy.tolist()
    regression = fastnn.mlp(1, 2, 1, loss="mse")
    regression.fit([[0.0], [1.0]], [0.0, 1.0], epochs=1, lr=0.1)
    assert len(fastnn.plot.history(regression.history).figure.axes) == 1


def test_what_cannot_be_drawn_is_refused():
    net, X, y = spiral_net()
    with pytest.raises(ValueError, match="2 inputs"):
        fastnn.plot.decision_map(fastnn.mlp(3, 2))
    with pytest.raises(ValueError, match="one or two features"):
        fastnn.plot.data(np.ones((3, 3)), [0, 1, 0])
    with pytest.raises(ValueError, match="one label per row"):
        fastnn.plot.data(X, [0, 1])
    with pytest.raises(ValueError, match="does not know"):
        fastnn.plot.decision_map(net, X, y + 1)
    with pytest.raises(ValueError, match="nan in row 0"):
        fastnn.plot.decision_map(net, X * np.nan, y)
    with pytest.raises(ValueError, match="row 1 of y"):
        fastnn.plot.data(X[:2], [[0, 1], [1, 1]])
    with pytest.raises(ValueError, match="nan in row 1"):
        fastnn.plot.data(X[:2], [0, np.nan])
    with pytest.raises(ValueError, match="without X"):
        fastnn.plot.decision_map(net, y=y)
    with pytest.raises(TypeError, match="what fit returns"):
        fastnn.plot.history(net)
    empty = fastnn.History(np.array([]), np.array([]), 3, 0.1)
    with pytest.raises(ValueError, match="no completed epoch"):
        fastnn.plot.history(empty)


def test_matplotlib_is_imported_only_when_something_is_drawn():
    program = "import sys, fastnn; assert 'matplotlib' not in sys.modules; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_where_no_class_is_more_probable_a_map_is_white():
    net = fastnn.mlp(2, 1, init="zeros")
    assert (fastnn.plot.decision_map(net).images[0].get_array() == 1.0).all()
