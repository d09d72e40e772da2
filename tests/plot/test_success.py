"""Plots of many nets: shares, losses, and maps of typical nets."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import look_at
from matplotlib.figure import Figure

import fastnn

pytestmark = pytest.mark.compiled
GATE = fastnn.datasets.xor_gate()
SPIRAL = fastnn.datasets.spiral(20)


def gate_runs(n=60, epochs=800, lr=2.0, **options):
    options = {"seeds": range(100, 100 + n), "batch_size": "full"} | options
    return fastnn.mlp(2, 2, 1).fit_many(*GATE, epochs=epochs, lr=lr, **options)


def diverging(factors, **options):
    """Train one net per factor, on numbers that are too large for the largest ones."""
    X = GATE[0] * 1e10
    net = fastnn.mlp(2, 3, 1, activation="relu")
    return net.fit_many(
        X, GATE[1], seeds=range(len(factors)), epochs=20, lr=factors, **options
    )


def band(collection, epochs):
    """Return the lower and the upper edge of an area at each epoch."""
    at, values = collection.get_paths()[0].vertices.T
    return [
        [edge(values[at == epoch]) for epoch in epochs] for edge in (np.min, np.max)
    ]


def titled_seeds(axes):
    """Return the seeds in the titles of maps."""
    return [int(ax.get_title().split(",")[0].removeprefix("seed ")) for ax in axes]


def test_lines_and_areas_are_the_shares_and_quantiles_of_the_losses():
    runs = gate_runs(every=50)
    share, losses, *_ = fastnn.plot.success(runs, *GATE, loss_below=0.05)
    assert share.lines[0].get_xdata().tolist() == [*range(1, 800, 50), 800]
    assert share.lines[0].get_ydata() == pytest.approx((runs.loss < 0.05).mean(axis=0))
    ranked = np.sort(runs.loss, axis=0)
    median, lowest, threshold = losses.lines
    assert (median.get_ydata() == ranked[29]).all()
    assert (lowest.get_ydata() == ranked[0]).all()
    assert set(threshold.get_ydata()) == {0.05}
    wide, half = losses.collections
    assert band(wide, runs.epochs) == [ranked[2].tolist(), ranked[56].tolist()]
    assert band(half, runs.epochs) == [ranked[14].tolist(), ranked[44].tolist()]
    assert losses.get_yscale() == "log"


def test_the_end_is_marked_with_its_interval():
    runs = gate_runs(every=100)
    ax = fastnn.plot.success(runs, accuracy_above=0.9)[0]
    rate = np.mean(runs.accuracy[:, -1] > 0.9)
    # Wilson's interval ends at the shares p with (rate - p)^2 = z^2 p (1 - p) / n.
    z, n = 1.959964, 60
    low, high = np.sort(np.roots([1 + z**2 / n, -2 * rate - z**2 / n, rate**2]))
    assert ax.lines[1].get_xydata() == pytest.approx(np.array([[800, rate]]))
    assert ax.collections[0].get_segments()[0] == pytest.approx(
        np.array([[800, low], [800, high]]), abs=1e-6
    )
    (label,) = ax.get_legend().get_texts()
    assert label.get_text() == (
        f"{rate:.1%} after training\n(95% interval: {low:.1%} to {high:.1%})"
    )
    assert ax.get_ylabel() == "share with accuracy above 0.9"


def test_all_axes_can_look_at_validation_data():
    X, y = SPIRAL
    options = {"X_val": X[::2], "y_val": y[::2], "every": 5}
    net = fastnn.mlp(2, 5, 3, activation="tanh")
    runs = net.fit_many(X, y, seeds=range(40), epochs=60, lr=0.3, **options)
    below = float(np.median(runs.final_val_loss))
    share, losses, *maps = fastnn.plot.success(
        runs, X, y, loss_below=below, by="val_loss"
    )
    expected = (runs.val_loss < below).mean(axis=0)
    assert share.lines[0].get_ydata() == pytest.approx(expected)
    assert share.lines[1].get_ydata() == pytest.approx([0.5])
    assert share.get_ylabel() == f"share with validation loss below {below:g}"
    assert losses.get_ylabel() == "mean validation loss"
    ranked = np.sort(runs.val_loss, axis=0)
    assert (losses.lines[0].get_ydata() == ranked[19]).all()
    assert (losses.lines[1].get_ydata() == ranked[0]).all()
    ranking = np.argsort(runs.final_val_loss, kind="stable")
    assert titled_seeds(maps) == ranking[[2, 7, 12, 17, 22, 27, 32, 37]].tolist()
    best = runs.final_val_loss[ranking[2]]
    assert maps[0].get_title().endswith(f", val loss {best:.3g}")
    by_loss = fastnn.plot.success(runs, X, y, loss_below=0.01)[2:]
    ranking = np.argsort(runs.final_loss, kind="stable")
    assert titled_seeds(by_loss) == ranking[[5, 15, 25, 35]].tolist()


def test_maps_show_the_middle_net_of_each_quarter_of_successes_and_failures():
    runs = gate_runs()
    final = dict(zip(range(100, 160), runs.loss[:, -1], strict=True))
    maps = fastnn.plot.success(runs, *GATE, loss_below=0.05)[2:]
    kinds = {"solved": sorted(each for each in final.values() if each < 0.05)}
    kinds["not solved"] = sorted(each for each in final.values() if each >= 0.05)
    for row, (name, losses) in zip((maps[:4], maps[4:]), kinds.items(), strict=True):
        assert row[0].get_ylabel() == f"{name}\n{len(losses)} of 60"
        for quarter, (seed, ax) in enumerate(zip(titled_seeds(row), row, strict=True)):
            assert f"loss {final[seed]:.3g}" in ax.get_title()
            middle = (quarter + 0.5) / 4 * len(losses)
            assert losses.index(final[seed]) + 0.5 == pytest.approx(middle, abs=0.5)
            assert ax.get_legend() is None
            assert not ax.get_xticks().size
    alone = fastnn.plot.decision_map(
        runs[titled_seeds(maps)[0] - 100], *GATE, resolution=120
    )
    assert (maps[0].images[0].get_array() == alone.images[0].get_array()).all()
    offsets = [points.get_offsets() for points in maps[0].collections]
    assert sum(len(each) for each in offsets if len(each) == 2) == 4


def test_all_of_a_few_nets_have_a_map():
    runs = gate_runs(3)
    share, losses, *maps = fastnn.plot.success(
        runs, *GATE, loss_below=runs.loss[:, -1].min() * 1.0001
    )
    order = np.argsort(runs.loss[:, -1]) + 100
    assert titled_seeds(maps) == order.tolist()
    assert [ax.get_ylabel() for ax in maps] == [
        "solved\n1 of 3",
        "not solved\n2 of 3",
        "",
    ]
    assert share.get_shared_x_axes().joined(share, losses)


def test_titles_have_the_number_of_nets_without_seeds_or_with_long_ones():
    start = np.tile(fastnn.mlp(2, 2, 1).theta, (2, 1))
    for runs in (
        gate_runs(seeds=None, init=start, epochs=1),
        gate_runs(seeds=[10**30, 10**30 + 1], epochs=1),
    ):
        titles = [
            ax.get_title().split(",")[0]
            for ax in fastnn.plot.success(runs, *GATE, loss_below=1e-3)[2:]
        ]
        assert sorted(titles) == ["net 0", "net 1"]


CASES = {
    "one epoch": (lambda: gate_runs(epochs=1), {"loss_below": 0.1}, (0, 4)),
    "one net": (lambda: gate_runs(1), {"loss_below": 0.5}, (1, 0)),
    "all solved": (lambda: gate_runs(9), {"loss_below": 9.0}, (4, 0)),
    "none solved": (lambda: gate_runs(9), {"loss_below": 1e-9}, (0, 4)),
    "a threshold below all losses": (
        lambda: gate_runs(9),
        {"loss_below": 0.0},
        (0, 4),
    ),
    "percentiles": (
        lambda: gate_runs(losses="percentiles"),
        {"loss_below": 0.05},
        (4, 4),
    ),
    "percentiles, diverged": (
        lambda: diverging([1e300, 1e-30], losses="percentiles"),
        {"accuracy_above": 0.8},
        (0, 1),
    ),
    "accuracy": (gate_runs, {"accuracy_above": 0.9}, (4, 4)),
    "both": (gate_runs, {"loss_below": 0.05, "accuracy_above": 0.9}, (4, 4)),
    "equal losses": (
        lambda: gate_runs(seeds=None, init=np.zeros((5, 9)), lr=0.0),
        {"loss_below": 0.7},
        (4, 0),
    ),
    "all diverged": (lambda: diverging([1e300] * 5), {"loss_below": 0.05}, (0, 0)),
    "some diverged": (
        lambda: diverging([1e300] * 5 + [1e-30] * 2),
        {"loss_below": 0.05},
        (0, 2),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_all_kinds_of_results_are_drawn_without_warnings_or_overlaps(case):
    make, criterion, (n_solved, n_failed) = CASES[case]
    runs, drawn = make(), []

    def draw(figure):
        drawn.extend(fastnn.plot.success(runs, *GATE, **criterion, figure=figure))

    look_at(SimpleNamespace(size=(12, 9), draw=draw))
    share, losses, *maps = drawn
    labels = [ax.get_ylabel().split("\n")[0] for ax in maps if ax.get_ylabel()]
    assert labels == ["solved"] * bool(n_solved) + ["not solved"] * bool(n_failed)
    assert len(maps) == n_solved + n_failed
    assert np.isfinite(losses.get_ylim()).all()
    assert share.lines[0].get_ydata()[-1] == pytest.approx(
        runs.success_rate(**criterion), abs=0.01
    )


def test_losses_of_nets_that_diverge_are_above_the_limits():
    X = SPIRAL[0]
    net = fastnn.mlp(2, 6, 1, activation="relu", loss="mse")
    # With the larger rate, losses grow by orders of magnitude per epoch.
    rates = [0.05] * 12 + [10.0] * 8
    runs = net.fit_many(
        X, X[:, 0] * X[:, 1], seeds=range(20), epochs=60, lr=rates, batch_size=10
    )
    losses = fastnn.plot.success(runs, loss_below=1e-3)[1]
    finite, diverging = runs.loss[:12], runs.loss[12:]
    assert not np.isfinite(diverging).all()
    assert losses.get_yscale() == "log"
    assert finite.max() < losses.get_ylim()[1] < 1e4 * finite[:, 0].max()
    assert losses.get_ylabel() == "mean loss (8 of 20 nets diverged)"
    losses.figure.canvas.draw()


def test_losses_within_one_decade_have_a_linear_scale():
    runs = gate_runs(9, epochs=5)
    assert fastnn.plot.success(runs, loss_below=0.5)[1].get_yscale() == "linear"
    assert fastnn.plot.success(runs, loss_below=0.01)[1].get_yscale() == "log"
    low, high = fastnn.plot.success(runs, accuracy_above=0.9)[1].get_ylim()
    assert low < runs.loss.min() < runs.loss.max() < high


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 3, 2)])
def test_nets_without_maps_need_no_points(sizes):
    X, y = np.eye(4)[:, : sizes[0]], [0, 1, 0, 1]
    net = fastnn.mlp(*sizes, loss="mse" if sizes[-1] == 1 else "softmax_ce")
    runs = net.fit_many(X, y, seeds=range(5), epochs=3, lr=0.1)
    assert len(fastnn.plot.success(runs, loss_below=0.1)) == 2
    assert len(fastnn.plot.success(runs, X, y, loss_below=0.1)) == 2


def test_a_given_figure_is_drawn_on():
    runs = gate_runs(5, epochs=2)
    whole = Figure(figsize=(16, 9), layout="constrained")
    for figure in whole.subfigures(1, 2):
        axes = fastnn.plot.success(runs, loss_below=0.1, figure=figure)
        assert {ax.figure for ax in axes} == {figure}
        assert len(axes) == 6
    assert not plt.get_fignums()
    new = fastnn.plot.success(runs, loss_below=0.1)
    assert {ax.figure.number for ax in new} == set(plt.get_fignums())


def test_wrong_arguments_are_refused_before_there_is_a_figure():
    runs = gate_runs(5, epochs=2)
    with pytest.raises(TypeError, match="what fit_many returns, not Sequential"):
        fastnn.plot.success(runs.net, loss_below=0.1)
    with pytest.raises(ValueError, match="loss_below= or accuracy_above="):
        fastnn.plot.success(runs, *GATE)
    with pytest.raises(ValueError, match="by='val_loss' needs validation data"):
        fastnn.plot.success(runs, *GATE, loss_below=0.1, by="val_loss")
    with pytest.raises(ValueError, match=r"by must be .*val_loss.*, not 'test'"):
        fastnn.plot.success(runs, *GATE, loss_below=0.1, by="test")
    with pytest.raises(ValueError, match="without X"):
        fastnn.plot.success(runs, y=GATE[1], loss_below=0.1)
    with pytest.raises(ValueError, match="does not know"):
        fastnn.plot.success(runs, GATE[0], GATE[1] + 5, loss_below=0.1)
    with pytest.raises(ValueError, match="one label per row"):
        fastnn.plot.success(runs, GATE[0], [0, 1], loss_below=0.1)
    assert not plt.get_fignums()
