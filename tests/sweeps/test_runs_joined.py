"""Tests of the settings of nets, and of Runs that are joined."""

import io

import numpy as np
import pytest

import fastnn

GATE = fastnn.datasets.xor_gate()
NET = fastnn.mlp(2, 3, 1)
HOW = {"epochs": 40, "every": 10, "batch_size": "full", "seeds": range(4)}
RATES = np.array([0.1, 0.3, 1.0, 3.0])


def train(net=NET, **options):
    return net.fit_many(*GATE, **HOW | {"lr": 1.0} | options)


@pytest.mark.compiled
def test_settings_say_what_each_net_was_trained_with():
    optimizer = fastnn.SGD(RATES, momentum=0.5, bias_lr=RATES / 2)
    runs = train(optimizer=optimizer, lr=None)
    assert {name: values.tolist() for name, values in runs.settings.items()} == {
        "lr": RATES.tolist(),
        "weight_decay": [0.0] * 4,
        "momentum": [0.5] * 4,
        "bias_lr": (RATES / 2).tolist(),
    }
    assert list(runs.varying_settings()) == ["lr", "bias_lr"]
    assert runs[[3, 1]].settings["lr"].tolist() == [3.0, 0.3]
    assert runs[runs.settings["lr"] > 0.2].seeds.tolist() == [1, 2, 3]
    stream = io.BytesIO()
    runs.save(stream)
    stream.seek(0)
    loaded = fastnn.Runs.load(stream).settings
    assert list(loaded) == list(runs.settings)
    for name, values in runs.settings.items():
        assert (loaded[name] == values).all()
        assert (runs.to_arrays()[name] == values).all()
    text = str(runs.table())
    assert "bias_lr" in text
    assert "momentum" not in text


@pytest.mark.compiled
def test_joined_runs_have_the_nets_of_each():
    slow, fast = train(seeds=[7]), train(lr=RATES)
    adam = train(optimizer=fastnn.Adam(0.1), lr=None, seeds=[2**64, 5])
    runs = fastnn.Runs.concatenate([slow, fast, adam])
    assert len(runs) == 7
    assert (runs.theta == np.concatenate([slow.theta, fast.theta, adam.theta])).all()
    assert runs.loss.tolist() == [
        *slow.loss.tolist(),
        *fast.loss.tolist(),
        *adam.loss.tolist(),
    ]
    assert runs.seeds.tolist() == ["7", "0", "1", "2", "3", str(2**64), "5"]
    assert runs.updates == 7 * 40
    assert runs.seconds == slow.seconds + fast.seconds + adam.seconds
    assert runs.settings["lr"].tolist() == [1.0, *RATES, 0.1, 0.1]
    beta = runs.settings["beta1"]
    assert np.isnan(beta[:5]).all()
    assert beta[5:].tolist() == [0.9, 0.9]
    assert (runs[1:5].theta == fast.theta).all()
    given = train(seeds=None, init=slow.theta)
    assert fastnn.Runs.concatenate([slow, given]).seeds is None
    assert fastnn.Runs.concatenate(iter([slow])).seeds.tolist() == [7]


@pytest.mark.compiled
def test_runs_whose_nets_all_stopped_early_can_be_joined():
    options = {"stop_below": 0.4, "epochs": 2000}
    early, late = train(lr=3.0, **options), train(lr=0.001, **options)
    assert len(early.epochs) < len(late.epochs)
    runs = fastnn.Runs.concatenate([early, late])
    assert (runs.epochs == late.epochs).all()
    assert np.isnan(runs.loss[:4, len(early.epochs) :]).all()
    expected = NET.fit_many(
        *GATE,
        **HOW | options | {"seeds": [*range(4)] * 2, "lr": np.repeat([3.0, 0.001], 4)},
    )
    assert np.array_equal(runs.loss, expected.loss, equal_nan=True)
    assert (runs.share_solved(0.4) == expected.share_solved(0.4)).all()


OTHERS = {
    "architecture": {"net": fastnn.mlp(2, 2, 1)},
    "loss": {"net": fastnn.mlp(2, 3, 1, loss="mse")},
    "dtype": {"net": NET.astype("float32")},
    "stop_below": {"stop_below": 1e-9},
    "recorded epochs": {"every": 9},
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", OTHERS)
def test_runs_that_do_not_fit_are_refused(name):
    with pytest.raises(ValueError, match=rf"joined with the others: its {name} is"):
        fastnn.Runs.concatenate([train(), train(**OTHERS[name])])


@pytest.mark.compiled
def test_other_epochs_labels_and_percentiles_are_refused():
    runs = train()
    with pytest.raises(ValueError, match="recorded epochs is"):
        fastnn.Runs.concatenate([runs, train(epochs=31)])
    named = NET.with_theta(NET.theta).fit_many(
        GATE[0], ["no", "yes", "yes", "no"], **HOW, lr=1.0
    )
    with pytest.raises(ValueError, match="labels is"):
        fastnn.Runs.concatenate([runs, named])
    with pytest.raises(ValueError, match="runs 1 has only percentiles"):
        fastnn.Runs.concatenate([runs, train(losses="percentiles")])
    with pytest.raises(TypeError, match="pass Runs, as fit_many returns them, not 3"):
        fastnn.Runs.concatenate([runs, 3])
    with pytest.raises(ValueError, match="no runs to concatenate"):
        fastnn.Runs.concatenate([])
