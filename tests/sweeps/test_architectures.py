"""Tests of sweeps over architectures, settings and seeds."""

import os

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nets import Scaled
from sweep_results import assert_same_runs

import fastnn

GATE = fastnn.datasets.xor_gate()
NETS = {
    "2-2-1": fastnn.mlp(2, 2, 1),
    "2-3-1 tanh": fastnn.mlp(2, 3, 1, activation="tanh"),
}
HOW = {"seeds": range(5), "epochs": 60, "batch_size": "full"}


@pytest.fixture(scope="module")
def swept():
    optimizer = fastnn.SGD([0.3, 3.0], momentum=[0.0, 0.5, 0.9])
    return fastnn.sweep(NETS, *GATE, optimizer=optimizer, **HOW)


@pytest.mark.compiled
def test_each_combination_is_trained_with_each_seed(swept):
    assert list(swept) == list(NETS)
    groups = list(swept.groups())
    assert len(groups) == 2 * 6
    for name, settings, runs in groups:
        optimizer = fastnn.SGD(settings["lr"], momentum=settings["momentum"])
        if settings["momentum"] == 0.0:
            # In one call with others, its rule is that with momentum.
            optimizer = fastnn.SGD(settings["lr"], momentum=np.array([0.0] * 4 + [0.1]))
            runs, some = runs[:4], slice(0, 4)
        else:
            some = slice(None)
        alone = NETS[name].fit_many(*GATE, optimizer=optimizer, **HOW)
        assert (runs.theta == alone.theta[some]).all()
        assert (runs.settings["lr"] == settings["lr"]).all()
        assert (runs.settings["momentum"] == settings["momentum"]).all()
        assert runs.seeds.tolist() == list(range(5))[some]
    assert {tuple(settings.items()) for _, settings, _ in groups} == {
        (("lr", lr), ("momentum", m)) for lr in (0.3, 3.0) for m in (0.0, 0.5, 0.9)
    }


@pytest.mark.compiled
def test_a_single_setting_makes_one_group_per_architecture():
    sweep = fastnn.sweep(NETS, *GATE, lr=1.0, losses="percentiles", **HOW)
    for (name, settings, runs), net in zip(sweep.groups(), NETS.values(), strict=True):
        assert settings == {}
        assert name in NETS
        assert_same_runs(runs, net.fit_many(*GATE, lr=1.0, losses="percentiles", **HOW))
    assert repr(sweep) == "Sweep(2 architectures, 5 seeds: 10 nets)"


@pytest.mark.compiled
def test_best_and_ensemble_choose_among_all_nets(swept):
    losses = np.concatenate([runs.final_loss for runs in swept.values()])
    best = swept.best()
    (i,) = np.flatnonzero(losses == losses.min())[:1]
    runs = list(swept.values())[i // 30]
    assert (best.theta == runs.theta[i % 30]).all()
    members = swept.ensemble(7)
    thetas = [theta.tolist() for runs in swept.values() for theta in runs.theta]
    chosen = [losses[thetas.index(net.theta.tolist())] for net in members]
    assert chosen == sorted(losses)[:7]
    mixed = {"bce": fastnn.mlp(2, 2, 1), "mse": fastnn.mlp(2, 2, 1, loss="mse")}
    with pytest.raises(ValueError, match=r"losses, bce, mse, which cannot be compared"):
        fastnn.sweep(mixed, *GATE, lr=1.0, **HOW).best()


def test_losses_with_other_settings_are_not_compared():
    losses = [Scaled(factor=factor) for factor in (1.0, 2.0)]
    nets = {str(loss.factor): fastnn.mlp(2, 1, loss=loss) for loss in losses}
    swept = fastnn.sweep(nets, *GATE, lr=0.1, seeds=range(3), epochs=1)
    with pytest.raises(ValueError, match="Scaled, Scaled, which cannot be compared"):
        swept.best()


@pytest.mark.compiled
def test_table_and_frame_have_a_row_for_each_group_and_net(swept):
    text = str(swept.table(loss_below=0.3))
    assert len([line for line in text.splitlines() if "2-3-1 tanh" in line]) == 6
    for name in ("lr", "momentum", "95 %", "diverged", "solved"):
        assert name in text
    assert "solved" not in str(swept.table())
    frame = swept.to_frame()
    assert len(frame) == 60
    rows = frame[(frame.net == "2-3-1 tanh") & (frame.lr == 3.0) & (frame.seed == 2)]
    assert rows.momentum.tolist() == [0.0, 0.5, 0.9]
    runs = swept["2-3-1 tanh"]
    assert frame.final_loss.tolist()[30:] == runs.final_loss.tolist()
    assert frame.columns.tolist()[:3] == ["net", "seed", "lr"]
    with pytest.raises(KeyError, match=r"no architecture '3', but '2-2-1', '2-3-1"):
        swept["3"]


@pytest.mark.compiled
def test_the_plot_shows_the_success_rates(swept):
    ax = fastnn.plot.sweep(swept, loss_below=0.3)
    assert [line.get_label() for line in ax.lines] == [
        f"{name}, momentum {m:g}" for name in NETS for m in (0.0, 0.5, 0.9)
    ]
    rates = [runs.success_rate(0.3) for _, _, runs in swept.groups()]
    assert ax.lines[1].get_ydata() == pytest.approx([rates[1], rates[4]])
    assert ax.lines[1].get_xdata().tolist() == [0.3, 3.0]
    assert (ax.get_xlabel(), ax.get_xscale()) == ("lr", "log")
    one = fastnn.sweep(NETS, *GATE, lr=1.0, **HOW)
    _, given = plt.subplots()
    assert fastnn.plot.sweep(one, accuracy_above=0.9, ax=given) is given
    assert [text.get_text() for text in given.get_xticklabels()] == list(NETS)
    plt.close("all")
    with pytest.raises(TypeError, match=r"sweep must be what fastnn\.sweep returns"):
        fastnn.plot.sweep(one["2-2-1"], loss_below=0.3)
    with pytest.raises(ValueError, match="pass loss_below= or accuracy_above="):
        fastnn.plot.sweep(one)
    assert not plt.get_fignums()


@pytest.mark.compiled
@pytest.mark.parametrize("width", [3.0, 6.4, 12.0])
def test_the_legend_of_the_plot_covers_nothing(swept, width):
    figure, axes = plt.subplots(figsize=(width, 5), layout="constrained")
    ax = fastnn.plot.sweep(swept, loss_below=0.3, ax=axes)
    figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    assert len(ax.get_legend().get_texts()) == 6
    assert legend.y0 >= ax.bbox.y1
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
    plt.close(figure)


@pytest.mark.compiled
def test_the_legend_of_the_plot_has_the_names_as_they_are():
    nets = {"_small": fastnn.mlp(2, 2, 1), "$3$": fastnn.mlp(2, 3, 1)}
    ax = fastnn.plot.sweep(
        fastnn.sweep(nets, *GATE, lr=[0.1, 1.0], **HOW), loss_below=0.3
    )
    texts = ax.get_legend().get_texts()
    assert [text.get_text() for text in texts] == list(nets)
    assert not any(text.get_parse_math() for text in texts)
    plt.close("all")


@pytest.mark.compiled
def test_the_plot_and_the_table_look_at_validation_data(swept):
    data = {"X_val": GATE[0][:3], "y_val": GATE[1][:3]}
    validated = fastnn.sweep(NETS, *GATE, lr=[0.3, 3.0], **HOW, **data)
    groups = list(validated.groups())
    for by, name in (("loss", "loss"), ("val_loss", "validation loss")):
        ax = fastnn.plot.sweep(validated, loss_below=0.3, by=by)
        assert ax.get_ylabel() == f"share with {name} below 0.3"
        losses = [getattr(group.runs, f"final_{by}") for group in groups]
        rates = [float((loss < 0.3).mean()) for loss in losses]
        shown = [y for line in ax.lines for y in line.get_ydata()]
        assert shown == pytest.approx(rates)
        assert f"{by}: 5 %" in str(validated.table(by=by))
    plt.close("all")
    frame = validated.to_frame()
    best = frame.final_val_loss.idxmin()
    runs = validated[frame.net[best]]
    expected = runs.theta[best % len(runs)]
    assert (validated.best().theta == expected).all()
    assert (validated.best("val_loss").theta == expected).all()
    with pytest.raises(ValueError, match="by='val_loss' needs validation data"):
        fastnn.plot.sweep(swept, loss_below=0.3, by="val_loss")
    assert not plt.get_fignums()


@pytest.mark.compiled
def test_a_store_has_a_folder_for_each_architecture(tmp_path):
    nets = {"a/b": NETS["2-2-1"], "2-3-1 tanh": NETS["2-3-1 tanh"]}
    options = HOW | {"lr": [0.3, 1.0], "store": tmp_path}
    sweep = fastnn.sweep(nets, *GATE, **options)
    assert sorted(os.listdir(tmp_path)) == ["2-3-1 tanh", "a%2Fb"]
    again = fastnn.sweep(nets, *GATE, **options)
    for name in nets:
        assert_same_runs(again[name], sweep[name])


@pytest.mark.compiled
def test_after_an_error_each_net_has_what_was_finished(monkeypatch):
    nets = {"first": fastnn.mlp(2, 2, 1), "second": fastnn.mlp(2, 3, 1)}
    fit_many = fastnn.Sequential.fit_many

    def interrupted(net, *arguments, **options):
        if net is nets["second"]:
            raise KeyboardInterrupt
        return fit_many(net, *arguments, **options)

    monkeypatch.setattr(fastnn.Sequential, "fit_many", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fastnn.sweep(nets, *GATE, lr=1.0, **HOW)
    assert len(nets["first"].runs) == 5


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((3, 2, 1), r"'last' .*3 inputs|'last' .*3 columns"), ((2, 2, 3), "'last'")],
)
def test_all_nets_are_checked_before_the_first_is_trained(sizes, message, monkeypatch):
    nets = {"first": fastnn.mlp(2, 2, 1), "last": fastnn.mlp(*sizes)}
    X, _ = GATE
    monkeypatch.setattr(fastnn.Sequential, "fit_many", None)
    with pytest.raises(ValueError, match=message):
        fastnn.sweep(nets, X, [0.0, 0.5, 0.5, 1.0], lr=1.0, **HOW)


@pytest.mark.parametrize(
    "nets",
    [{}, [NETS["2-2-1"]], {1: NETS["2-2-1"]}, {"2-2-1": fastnn.Sequential}],
)
def test_nets_must_have_names(nets):
    with pytest.raises(TypeError, match="nets"):
        fastnn.sweep(nets, *GATE, lr=1.0, **HOW)


def test_settings_are_checked_before_any_work():
    with pytest.raises(ValueError, match="lr must be at least 0"):
        fastnn.sweep(NETS, *GATE, lr=[0.1, -1.0], **HOW)
    with pytest.raises(ValueError, match="lr is given twice"):
        fastnn.sweep(NETS, *GATE, lr=0.1, optimizer=fastnn.Adam(), **HOW)
    for wrong, message in (
        ({"seeds": 5}, r"seeds must be integers, such as range\(1000\), not 5"),
        ({"store": 5}, "store must be the path of a folder, not 5"),
    ):
        with pytest.raises(TypeError, match=message):
            fastnn.sweep(NETS, *GATE, lr=0.1, **HOW | wrong)
