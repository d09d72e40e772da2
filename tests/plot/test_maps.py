"""Decision maps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import fastnn


def trained_net(classes=3):
    X, y = fastnn.datasets.spiral(20, classes=classes)
    net = fastnn.mlp(2, 6, 1 if classes == 2 else classes)
    net.fit(X, y, epochs=5, lr=0.1)
    return net, X, y


@pytest.mark.parametrize("classes", [2, 3, 5, 12])
def test_decision_map_shows_regions_and_points(classes):
    net, X, y = trained_net(classes)
    given = plt.figure().subplots()
    ax = fastnn.plot.decision_map(net, X, y, ax=given, resolution=40)
    assert ax is given
    (image,) = ax.images
    assert image.get_array().shape == (40, 40, 3)
    points = [
        collection for collection in ax.collections if len(collection.get_offsets()) > 1
    ]
    assert sum(len(collection.get_offsets()) for collection in points) == len(X)
    # A cell has the colour of its predicted class, but paler.
    x1, x2 = np.meshgrid(
        np.linspace(*ax.get_xlim(), 40), np.linspace(*ax.get_ylim(), 40)
    )
    grid = np.stack([x1.ravel(), x2.ravel()], axis=1)
    predicted = net.predict(grid).reshape(40, 40)
    hues = {
        number: {
            tuple(np.argsort(cell)) for cell in image.get_array()[predicted == number]
        }
        for number in set(predicted.flat)
    }
    assert all(len(orders) <= 2 for orders in hues.values())
    ax.figure.canvas.draw()


def test_a_map_is_white_if_no_class_is_more_probable():
    net = fastnn.mlp(2, 1, init="zeros")
    assert (fastnn.plot.decision_map(net).images[0].get_array() == 1.0).all()


def test_a_legend_names_points_and_regions():
    net, X, y = trained_net()
    for ax, title in (
        (fastnn.plot.decision_map(net, X, y), "point: label\nregion: predicted"),
        (fastnn.plot.decision_map(net, X), "predicted label"),
        (fastnn.plot.decision_map(net), "predicted label"),
    ):
        legend = ax.get_legend()
        assert legend.get_title().get_text() == title
        assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "2"]


def test_a_dark_style_has_dark_maps_with_bright_borders():
    net, X, y = trained_net(8)
    with plt.style.context("dark_background"):
        ax = fastnn.plot.decision_map(net, X, y, resolution=40)
        assert ax.images[0].get_array().max() < 0.5
        borders = [each for each in ax.collections if each.get_zorder() == 2]
        assert borders
        for each in borders:
            assert (each.get_edgecolor()[:, :3] == 1.0).all()
        # The colour of the eighth class is that of text.
        points = [each for each in ax.collections if each.get_zorder() == 3]
        assert (points[-1].get_facecolor()[0, :3] == 1.0).all()
        blank = fastnn.plot.decision_map(fastnn.mlp(2, 1, init="zeros"))
    assert (blank.images[0].get_array() == 0.0).all()


def test_wrong_arguments_are_refused():
    net, X, y = trained_net()
    with pytest.raises(ValueError, match="2 inputs"):
        fastnn.plot.decision_map(fastnn.mlp(3, 2))
    with pytest.raises(TypeError, match=r"net must be a net, .*, not Ensemble\("):
        fastnn.plot.decision_map(fastnn.Ensemble([net]))
    with pytest.raises(ValueError, match="does not know"):
        fastnn.plot.decision_map(net, X, y + 1)
    with pytest.raises(ValueError, match="nan in row 0"):
        fastnn.plot.decision_map(net, X * np.nan, y)
    with pytest.raises(ValueError, match="without X"):
        fastnn.plot.decision_map(net, y=y)
