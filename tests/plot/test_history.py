"""Plots of one training."""

import numpy as np
import pytest

import fastnn


def test_history_shows_loss_and_accuracy():
    net = fastnn.mlp(2, 6, 3)
    net.fit(*fastnn.datasets.spiral(20), epochs=5, lr=0.1)
    ax = fastnn.plot.history(net.history)
    assert ax.lines[0].get_ydata().tolist() == net.history.loss.tolist()
    assert ax.lines[1].get_ydata()[0] == net.history.loss.min()
    (right,) = [other for other in ax.figure.axes if other is not ax]
    assert right.lines[0].get_ydata().tolist() == net.history.accuracy.tolist()


def test_a_regression_has_no_accuracy():
    regression = fastnn.mlp(1, 2, 1, loss="mse")
    regression.fit([[0.0], [1.0]], [0.0, 1.0], epochs=1, lr=0.1)
    assert len(fastnn.plot.history(regression.history).figure.axes) == 1


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="what fit returns"):
        fastnn.plot.history(fastnn.mlp(2, 1))
    empty = fastnn.History(np.array([]), np.array([]), 3, 0.1)
    with pytest.raises(ValueError, match="no completed epoch"):
        fastnn.plot.history(empty)
