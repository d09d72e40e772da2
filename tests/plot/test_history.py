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


def test_the_legend_tells_what_the_dashed_lines_are():
    net = fastnn.mlp(2, 6, 3)
    history = net.fit(*fastnn.datasets.spiral(20), epochs=5, lr=0.1)
    legend = fastnn.plot.history(history).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        f"loss (dashed: lowest, {history.loss.min():.4g})",
        f"accuracy (dashed: highest, {history.accuracy.max():.4g})",
    ]


def test_validation_is_dotted_and_the_best_epoch_is_marked():
    X, y = fastnn.datasets.spiral(20)
    stopping = fastnn.EarlyStopping(patience=2, monitor="loss", min_delta=1.0)
    history = fastnn.mlp(2, 6, 3).fit(
        X, y, epochs=5, lr=0.1, X_val=X, y_val=y, early_stopping=stopping
    )
    ax = fastnn.plot.history(history)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[1:3] == ["validation loss (dotted)", "best epoch, 1"]
    assert labels[-1] == "validation accuracy (dotted)"
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert dotted[0].get_ydata().tolist() == history.val_loss.tolist()
    ax.figure.canvas.draw()


def test_losses_that_are_not_finite_leave_gaps():
    loss = np.array([0.5, np.nan, 0.25, np.inf, 0.75])
    ax = fastnn.plot.history(fastnn.History(loss, np.full(5, np.nan), 5, 0.1))
    drawn = ax.lines[0].get_ydata()
    assert np.isfinite(drawn).tolist() == [True, False, True, False, True]
    assert ax.lines[1].get_ydata()[0] == 0.25
    ax.set_yscale("log")
    ax.figure.canvas.draw()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_history_without_a_finite_loss_says_so(value):
    ax = fastnn.plot.history(
        fastnn.History(np.full(3, value), np.full(3, np.nan), 3, 0.1)
    )
    (text,) = ax.get_legend().get_texts()
    assert text.get_text() == "loss: not finite"
    ax.figure.canvas.draw()


def test_a_single_value_is_drawn_as_a_marker():
    for loss in ([0.5], [np.nan, 0.5, np.nan]):
        history = fastnn.History(np.array(loss), np.full(len(loss), np.nan), 1, 0.1)
        assert fastnn.plot.history(history).lines[0].get_marker() == "o"


def test_a_regression_has_no_accuracy():
    regression = fastnn.mlp(1, 2, 1, loss="mse")
    regression.fit([[0.0], [1.0]], [0.0, 1.0], epochs=1, lr=0.1)
    assert len(fastnn.plot.history(regression.history).figure.axes) == 1


def test_several_histories_have_a_colour_and_a_name_each():
    X, y = fastnn.datasets.spiral(20)
    stopping = fastnn.EarlyStopping(patience=2, monitor="val_loss")
    histories = {
        f"${n}": fastnn.mlp(2, n, 3).fit(
            X, y, epochs=4, lr=2.0, X_val=X, y_val=y, early_stopping=stopping
        )
        for n in (3, 6)
    }
    histories["_plain"] = fastnn.mlp(2, 3, 3).fit(X, y, epochs=7, lr=0.1)
    ax = fastnn.plot.history(histories)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["$3", "$6", "_plain", "validation", "best epoch"]
    assert len(ax.figure.axes) == 1
    by_color = {}
    for line in ax.lines:
        by_color.setdefault(line.get_color(), []).append(line)
    assert [len(lines) for lines in by_color.values()] == [3, 3, 1]
    drawn = zip(by_color.values(), histories.values(), strict=True)
    for (loss, *others), history in drawn:
        assert loss.get_ydata().tolist() == history.loss.tolist()
        if others:
            val_loss, dot = others
            assert val_loss.get_ydata().tolist() == history.val_loss.tolist()
            best = history.best_epoch
            assert list(dot.get_xdata()) == [best + 1]
            assert list(dot.get_ydata()) == [history.val_loss[best]]
    ax.figure.canvas.draw()


def test_a_list_of_histories_is_numbered():
    curves = [
        fastnn.History(np.full(n, 0.5), np.full(n, np.nan), n, 0.1) for n in (2, 9)
    ]
    ax = fastnn.plot.history(curves)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["1", "2"]
    for wrong in ([], {}):
        with pytest.raises(ValueError, match="no history"):
            fastnn.plot.history(wrong)
    with pytest.raises(TypeError, match="what fit returns"):
        fastnn.plot.history([*curves, curves[0].loss])


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="what fit returns"):
        fastnn.plot.history(fastnn.mlp(2, 1))
    empty = fastnn.History(np.array([]), np.array([]), 3, 0.1)
    with pytest.raises(ValueError, match="no completed epoch"):
        fastnn.plot.history(empty)
