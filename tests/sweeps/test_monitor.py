"""Nets of a sweep that validate, stop early, and have weights and schedules."""

import re

import naive
import numpy as np
import pytest
from nets import build
from sweep_results import assert_same_runs

import fastnn
from fastnn.sweeps import monitor, plan, scheduler, state
from fastnn.training.stopping import NO_STOP

X, Y = fastnn.datasets.spiral(12, seed=3)
ROWS = np.random.default_rng(0).permutation(36)
X, Y = X[ROWS], Y[ROWS]
X_VAL, Y_VAL, X, Y = X[:11], Y[:11], X[11:], Y[11:]
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}
WEIGHTS = np.random.default_rng(1).uniform(0.0, 2.0, (9, 25))
WEIGHTS[:, 3] = 0.0
RATES = np.linspace(0.1, 1.0, 9)
N_EPOCHS = 15
SCHEDULES = {
    "cosine": lambda lr: fastnn.schedules.cosine(lr, N_EPOCHS),
    "adam": lambda lr: fastnn.Adam(fastnn.schedules.exponential(np.divide(lr, 9), 0.9)),
    "bias_lr": lambda lr: fastnn.SGD(fastnn.schedules.step(lr, 4), bias_lr=0.3),
    "momentum": lambda lr: fastnn.SGD(fastnn.schedules.step(lr, 4), momentum=0.5),
    "adamw": lambda lr: fastnn.AdamW(fastnn.schedules.warmup(np.divide(lr, 9), 3)),
}
STOPPING = fastnn.EarlyStopping(patience=2)


def mlp(seed=0, dtype="float64", **options):
    return fastnn.mlp(2, 5, 3, activation="tanh", seed=seed, dtype=dtype, **options)


def rule_of(schedule, lr):
    rule = SCHEDULES[schedule](lr)
    return {"lr": rule} if callable(rule) else {"optimizer": rule}


def layer_by_layer(seed=0):
    layers = [fastnn.MatMul(2, 4), fastnn.Tanh(), fastnn.Affine(4, 3)]
    return fastnn.Sequential(layers, init="normal(0.7)", seed=seed)


def assert_net_is(runs, i, net, history, equal):
    """Compare net i of runs with one that was trained alone."""
    reached = history.epochs
    recorded = runs.epochs[runs.epochs <= reached] - 1
    assert runs.trained[i] == reached
    equal(runs.theta[i], net.theta)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        values = getattr(runs, name)[i]
        equal(values[: len(recorded)], getattr(history, name)[recorded])
        assert np.isnan(values[len(recorded) :]).all()
    equal(runs.final_loss[i], history.loss[-1])
    if runs.early_stopping is None:
        equal(runs.final_val_loss[i], history.val_loss[-1])
        return
    assert runs.best_epoch[i] == history.best_epoch
    ends = history.best_epoch if runs.early_stopping.restore_best else -1
    equal(runs.final_val_loss[i], history.val_loss[ends])
    equal(runs.final_val_accuracy[i], history.val_accuracy[ends])


def bits(a, b):
    assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def nearly(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


RULES = {
    "none": None,
    "val_loss": STOPPING,
    "val_accuracy": fastnn.EarlyStopping(2, "val_accuracy", 0.01, restore_best=False),
    "loss": fastnn.EarlyStopping(2, "loss", 0.003),
    "accuracy": fastnn.EarlyStopping(1, "accuracy"),
}


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("every", [1, 4])
def test_each_net_is_the_net_alone(dtype, schedule, rule, every):
    options = {"epochs": N_EPOCHS, "early_stopping": RULES[rule], "seed": 5}
    options |= VALIDATION | {"sample_weight_val": np.arange(11) / 5}
    for batch_size in (1, 7, "full") if dtype == "float64" else (1,):
        options |= {"batch_size": batch_size}
        runs = mlp(dtype=dtype).fit_many(
            X,
            Y,
            seeds=range(9),
            sample_weight=WEIGHTS,
            every=every,
            **rule_of(schedule, RATES),
            **options,
        )
        for i in (0, 8):
            net = mlp(i, dtype)
            own = rule_of(schedule, float(RATES[i]))
            history = net.fit(X, Y, sample_weight=WEIGHTS[i], **own, **options)
            assert_net_is(runs, i, net, history, bits if batch_size == 1 else nearly)


@pytest.mark.parametrize("batch_size", [1, "full"])
def test_losses_below_zero_stop_no_net(batch_size):
    """Those of counts, which are large enough here."""
    counts = np.full(25, 20)
    options = {"epochs": 12, "lr": 0.003, "seed": 5, "batch_size": batch_size}
    options |= {"X_val": X_VAL, "y_val": counts[:11], "early_stopping": RULES["loss"]}
    net = fastnn.mlp(2, 2, 1, activation="tanh", loss="poisson")
    runs = net.fit_many(X, counts, seeds=range(3), **options)
    for i in range(3):
        alone = fastnn.mlp(2, 2, 1, activation="tanh", loss="poisson", seed=i)
        history = alone.fit(X, counts, **options)
        assert history.loss.min() < 0.0
        assert runs.trained[i] == history.epochs > 2
        nearly(runs.theta[i], alone.theta)


@pytest.mark.parametrize("batch_size", [1, 4, "full"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nets_stop_by_their_own_validation_loss(batch_size, reduction):
    """Against NumPy, with weights, a schedule and the parameters of the best epoch."""
    n = 25 if batch_size == "full" else batch_size
    rates = [fastnn.schedules.step(0.4, 2, 0.5)(epoch) / n**0.5 for epoch in range(6)]
    runs = mlp().fit_many(
        X,
        Y,
        seeds=range(3),
        epochs=6,
        lr=rates.__getitem__,
        batch_size=batch_size,
        reduction=reduction,
        shuffle=False,
        sample_weight=WEIGHTS[:3],
        early_stopping=fastnn.EarlyStopping(patience=1, min_delta=1e-3),
        **VALIDATION,
    )
    for i in range(3):
        params, best, best_epoch, curve = mlp(i).params, np.inf, -1, []
        for epoch in range(1, 7):
            trained, losses, _ = naive.train(
                [param.copy() for param in params],
                ["tanh"],
                "softmax_ce",
                X,
                Y,
                naive.Rule("sgd", 0.0),
                epoch,
                n,
                reduction,
                weights=WEIGHTS[i],
                rates=rates,
            )
            z = naive.forward(trained, ["tanh"], X_VAL)[1][-1]
            curve.append(naive.sample_losses(z, Y_VAL, "softmax_ce")[0].mean())
            if curve[-1] < best - 1e-3:
                best, best_epoch, kept = curve[-1], epoch - 1, trained
            elif epoch - 1 - best_epoch >= 1:
                break
        assert runs.trained[i] == epoch
        assert runs.best_epoch[i] == best_epoch
        np.testing.assert_allclose(runs.val_loss[i, :epoch], curve, rtol=1e-10)
        np.testing.assert_allclose(runs.loss[i, :epoch], losses, rtol=1e-10)
        assert runs.final_val_loss[i] == pytest.approx(best, rel=1e-10)
        for found, expected in zip(runs[i].params, kept, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("batch_size", [1, 4])
def test_nets_that_are_run_layer_by_layer_are_the_nets_alone(batch_size):
    options = {"epochs": 12, "batch_size": batch_size, "early_stopping": STOPPING}
    runs = layer_by_layer().fit_many(
        X,
        Y,
        seeds=range(3),
        lr=fastnn.schedules.cosine(RATES[:3], 12),
        class_weight=["balanced", {0: 2.0}, {1: 0.5}],
        **options,
        **VALIDATION,
    )
    for i, weight in enumerate(["balanced", {0: 2.0}, {1: 0.5}]):
        net = layer_by_layer(i)
        lr = fastnn.schedules.cosine(float(RATES[i]), 12)
        more = {"lr": lr, "class_weight": weight, "seed": 0} | options | VALIDATION
        assert_net_is(runs, i, net, net.fit(X, Y, **more), bits)


LOSSES = {  # hidden activation, last one, number of outputs, targets
    "bce": (fastnn.Tanh, None, 1, Y > 0),
    "mse": (fastnn.ReLU, None, 2, X / 3),
    "mse of tanh": (fastnn.Sigmoid, fastnn.Tanh, 2, X / 3),
}


@pytest.mark.compiled
@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_is_validated_as_alone(loss):
    hidden, last, n_out, y = LOSSES[loss]
    options = {"epochs": 9, "lr": 0.3, "early_stopping": STOPPING, "seed": 0}
    options |= {"X_val": X[:9], "y_val": y[:9], "sample_weight": WEIGHTS[0, 9:]}

    def net(seed):
        layers = [fastnn.Affine(2, 4), hidden(), fastnn.Affine(4, n_out)]
        if last is not None:
            layers.append(last())
        return fastnn.Sequential(layers, loss=loss[:3], seed=seed)

    runs = net(0).fit_many(X[9:], y[9:], seeds=range(9), **options)
    for i in (0, 8):
        alone = net(i)
        assert_net_is(runs, i, alone, alone.fit(X[9:], y[9:], **options), bits)


@pytest.mark.compiled
@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("every", [1, 4])
def test_blocks_stages_and_windows_change_no_bit(
    batch_size, every, monkeypatch, chunks
):
    options = {"seeds": range(60), "epochs": 20, "lr": 0.7, "batch_size": batch_size}
    options |= {"every": every, "early_stopping": STOPPING} | VALIDATION
    expected = mlp().fit_many(X, Y, **options, n_jobs=1)
    assert len(np.unique(expected.trained)) > 1
    monkeypatch.setattr(scheduler, "_FEWEST_EPOCHS", 3)
    for module in (state, plan):
        monkeypatch.setattr(module, "WINDOW", 60 * 3)
    chunks(17)
    assert_same_runs(mlp().fit_many(X, Y, **options, n_jobs=2), expected)
    runs = mlp().fit_many(X, Y, **options, losses="percentiles")
    for name in ("theta", "trained", "final_val_loss", "best_epoch"):
        assert (getattr(runs, name) == getattr(expected, name)).all()
    q = np.arange(101) / 100
    for by in ("loss", "val_loss"):
        quantiles = expected.loss_quantiles(q, by)
        assert (runs.loss_quantiles(q, by) == quantiles).all()
        accuracies = expected.accuracy_quantiles(q, by)
        assert (runs.accuracy_quantiles(q, by) == accuracies).all()
    some = mlp().fit_many(X, Y, **options | {"seeds": [7, 41]})
    assert (some.theta == expected.theta[[7, 41]]).all()
    assert (some.final_val_loss == expected.final_val_loss[[7, 41]]).all()


@pytest.mark.compiled
@pytest.mark.parametrize("every", [1, 4])
def test_nets_that_stopped_count_with_what_they_ended_with(every):
    options = {"seeds": range(40), "epochs": 40, "lr": 0.1, "every": every}
    runs = mlp().fit_many(X, Y, **options, early_stopping=STOPPING, **VALIDATION)
    between = ~np.isin(runs.trained, runs.epochs)
    assert between.any() == (every > 1)
    for by, final in (("loss", runs.final_loss), ("val_loss", runs.final_val_loss)):
        bound = float(np.median(final))
        shares = runs.share_solved(loss_below=bound, by=by)
        for share, epoch, values in zip(
            shares, runs.epochs, getattr(runs, by).T, strict=True
        ):
            values = np.where(epoch <= runs.trained, values, final)
            assert share == (values < bound).mean()
    over = runs.trained < runs.epochs[-1]
    assert (over & between).any() == (every > 1)
    bound = float(np.median(runs.final_loss[over]))
    rate = runs[over].success_rate(loss_below=bound)
    assert runs[over].share_solved(loss_below=bound)[-1] == rate


def test_weight_2_is_the_row_twice_and_weight_0_the_row_left_out():
    twice = np.append(np.arange(1, 25), [1, 5, 5])
    weights = np.bincount(twice, minlength=25)
    options = {"seeds": range(3), "epochs": 3, "lr": 0.02, "batch_size": "full"}
    options |= {"reduction": "sum"}
    weighted = mlp().fit_many(X, Y, sample_weight=weights, **options)
    repeated = mlp().fit_many(X[twice], Y[twice], **options)
    np.testing.assert_allclose(weighted.theta, repeated.theta, rtol=1e-11, atol=1e-13)
    losses = weighted.final_loss * 25, repeated.final_loss * 27
    np.testing.assert_allclose(*losses, rtol=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("make", [mlp, layer_by_layer])
@pytest.mark.parametrize("every", [1, 3])
def test_whoever_meets_stop_below_first_stops_with_the_best_parameters(make, every):
    options = {"seeds": range(6), "epochs": 25, "lr": 0.5, "seed": 2} | VALIDATION
    early = make().fit_many(X, Y, **options, early_stopping=STOPPING)
    both = make().fit_many(
        X, Y, **options, early_stopping=STOPPING, stop_below=0.95, every=every
    )
    for i in range(6):
        recorded = np.arange(len(early.epochs)) % every == 0
        met = np.flatnonzero((early.loss[i] < 0.95) & recorded)
        assert both.trained[i] == min([*(met[:1] + 1), early.trained[i]])
        curve = early.val_loss[i, : both.trained[i]]
        assert both.best_epoch[i] == curve.argmin()
        assert both.final_val_loss[i] == curve.min()
        assert both[i].score(X_VAL, Y_VAL) == both.final_val_accuracy[i]
    assert (both.trained < early.trained).any()


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
@pytest.mark.parametrize("batch_size", [1, "full"])
def test_a_net_that_diverges_leaves_in_the_epoch_in_which_it_would_alone(batch_size):
    options = {"epochs": 30, "batch_size": batch_size, "X_val": X_VAL, "seed": 0}
    options |= {"y_val": X_VAL[:, 0], "early_stopping": fastnn.EarlyStopping(30)}
    lr = [0.05, 1e3, 1e200, 1e308]
    runs = fastnn.mlp(2, 3, 1, loss="mse", activation="identity").fit_many(
        X, X[:, 0], seeds=range(4), lr=lr, **options
    )
    assert runs.diverged.tolist() == [False, True, True, True]
    assert runs.trained[0] == 30
    for i in (1, 2, 3):
        net = fastnn.mlp(2, 3, 1, loss="mse", activation="identity", seed=i)
        with pytest.raises(fastnn.DivergenceError) as caught:
            net.fit(X, X[:, 0], lr=lr[i], **options)
        assert runs.trained[i] == caught.value.epoch
    assert runs.ranking("val_loss")[0] == 0
    assert np.isfinite(runs.theta[0]).all()


@pytest.mark.compiled
def test_without_validation_data_there_is_none():
    runs = mlp().fit_many(X, Y, seeds=range(3), epochs=5, lr=0.1, every=3)
    assert runs.val_loss.shape == runs.val_accuracy.shape == (3, 3)
    assert np.isnan([runs.val_loss, runs.val_accuracy]).all()
    assert np.isnan(runs.final_val_loss).all()
    assert runs.best_epoch is None
    assert (runs.lr == 0.1).all()
    for call in (runs.best, runs.ranking, runs.criteria, runs.table):
        with pytest.raises(ValueError, match="by='val_loss' needs validation data"):
            call(by="val_loss")
    with pytest.raises(ValueError, match="needs validation data"):
        runs.success_rate(loss_below=1.0, by="val_loss")


@pytest.mark.compiled
def test_early_stopping_by_the_training_loss_needs_no_validation_data():
    rule = fastnn.EarlyStopping(patience=1, monitor="loss", min_delta=0.05)
    options = {"epochs": 30, "lr": 0.3, "early_stopping": rule, "seed": 0}
    runs = mlp().fit_many(X, Y, seeds=range(9), **options)
    net = mlp(4)
    assert net.fit(X, Y, **options).epochs == runs.trained[4] < 30
    bits(runs.theta[4], net.theta)
    assert np.isnan(runs.val_loss).all()


@pytest.fixture(scope="module")
def runs():
    return mlp().fit_many(
        X,
        Y,
        seeds=range(30),
        epochs=40,
        lr=fastnn.schedules.cosine(np.linspace(0.1, 2.0, 30), 40),
        early_stopping=fastnn.EarlyStopping(patience=4),
        **VALIDATION,
    )


@pytest.mark.compiled
def test_nets_are_ranked_by_validation(runs):
    losses, accuracies = runs.final_val_loss, runs.final_val_accuracy
    assert (runs.ranking("val_loss") == np.argsort(losses, kind="stable")).all()
    assert (runs.ranking() == runs.ranking("val_loss")).all()
    assert (runs.best().theta == runs.theta[losses.argmin()]).all()
    assert (runs.ensemble(2)[1].theta == runs.theta[np.argsort(losses)[1]]).all()
    assert str(runs.table()) == str(runs.table(by="val_loss"))
    assert (runs.ranking("loss") == np.argsort(runs.final_loss, kind="stable")).all()
    by_accuracy = runs.ranking("val_accuracy")
    assert (np.diff(accuracies[by_accuracy]) <= 0).all()
    best = runs.best(by="val_loss")
    assert (best.theta == runs.theta[losses.argmin()]).all()
    assert best.score(X_VAL, Y_VAL) == accuracies[losses.argmin()]
    ensemble = runs.ensemble(10, by="val_loss")
    chosen = np.argsort(losses)[:10]
    proba = np.mean([runs[int(i)].predict_proba(X_VAL) for i in chosen], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X_VAL), proba, rtol=1e-12)
    bound = float(np.median(losses))
    rate = runs.success_rate(loss_below=bound, by="val_loss")
    assert float(rate) == (losses < bound).mean() == 0.5
    above = runs.success_rate(accuracy_above=0.5, by="val_accuracy")
    assert float(above) == (accuracies > 0.5).mean()
    stopped = runs.trained < runs.epochs[-1]
    ends = np.where(stopped, losses, runs.val_loss[:, -1])
    share = runs.share_solved(loss_below=bound, by="val_loss")
    assert share[-1] == (ends < bound).mean()
    lines = str(runs.table(3, by="val_loss")).splitlines()
    assert "val loss" in str(lines)
    assert f"{losses.min():.4g}" in str(lines[5])
    best = losses.argmin()
    epochs = runs.best_epoch[best] + 1, runs.trained[best]  # both counted from 1
    assert re.search(r" {} │ +{} │".format(*epochs), lines[5])


@pytest.mark.compiled
def test_runs_keep_validation_in_files_parts_and_joined(runs, tmp_path):
    runs.save(tmp_path / "runs.npz")
    loaded = fastnn.Runs.load(tmp_path / "runs.npz")
    assert_same_runs(loaded, runs)
    assert loaded.early_stopping == runs.early_stopping
    assert loaded.lr.tobytes() == runs.lr.tobytes()
    parts = [runs[:11], runs[11:]]
    assert parts[1].val_loss.shape == (19, len(runs.epochs))
    assert_same_runs(fastnn.Runs.concatenate(parts), runs)
    others = mlp().fit_many(X, Y, seeds=range(3), epochs=40, lr=0.1)
    with pytest.raises(ValueError, match="early_stopping"):
        fastnn.Runs.concatenate([runs, others])
    assert runs.settings["lr"].tolist() == np.linspace(0.1, 2.0, 30).tolist()


@pytest.mark.compiled
def test_a_sweep_of_architectures_is_validated():
    nets = {"2-5-3": mlp(), "2-3-3": fastnn.mlp(2, 3, 3)}
    sweep = fastnn.sweep(
        nets,
        X,
        Y,
        seeds=range(6),
        epochs=20,
        lr=[0.3, 1.0],
        early_stopping=STOPPING,
        **VALIDATION,
    )
    losses = np.concatenate([sweep[name].final_val_loss for name in nets])
    best = sweep.best(by="val_loss")
    targets = np.eye(3)[Y_VAL].astype(bool)
    loss = -np.log(best.predict_proba(X_VAL)[targets]).mean()
    assert loss == pytest.approx(losses.min(), rel=1e-12)
    assert (sweep.best().theta == best.theta).all()
    assert len(sweep.ensemble(5, by="val_loss")) == 5
    text = str(sweep.table(loss_below=1.0, by="val_loss"))
    assert "val_loss: 5 %" in text
    assert f"{(sweep['2-5-3'][:6].final_val_loss < 1.0).mean():.1%}" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X_val": X_VAL}, "y_val is missing"),
        ({"X_val": X_VAL[:, :1], "y_val": Y_VAL}, "in the validation data"),
        ({"X_val": X_VAL, "y_val": Y_VAL + 9}, "in the validation data"),
        ({"early_stopping": STOPPING}, "needs validation data"),
        ({"early_stopping": 5}, r"must be fastnn.EarlyStopping"),
        ({"sample_weight": np.ones((3, 25))}, "weights of 3 nets, but there are 2"),
        ({"sample_weight": np.ones(24)}, "one weight for each of the 25 rows"),
        ({"sample_weight": np.zeros((2, 25))}, "all weights of net 0 are 0"),
        ({"class_weight": ["balanced"] * 3}, "weights of 3 nets"),
        ({"class_weight": {7: 1.0}}, "has the label 7"),
        ({"lr": fastnn.schedules.cosine([0.1] * 3, 9)}, "3 learning rates for 2 nets"),
        ({"lr": lambda epoch: -1.0}, "learning rate of epoch 0"),
    ],
)
def test_what_cannot_be_used_is_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mlp().fit_many(X, Y, **{"seeds": [0, 1], "epochs": 2, "lr": 0.1} | options)


@pytest.mark.parametrize("stop_below", [None, 0.5])
def test_the_rule_by_which_nets_stop_has_the_types_of_the_one_without(stop_below):
    """For other types the kernels would be compiled once more."""
    stopping = fastnn.EarlyStopping(monitor="loss")
    rule = monitor.monitor(None, stopping, True).stop_rule(stop_below)
    assert list(map(type, rule)) == list(map(type, NO_STOP))


def test_a_net_of_other_layers_is_validated_too():
    net = build([np.ones((2, 1)), np.zeros(1)], [], "bce")
    runs = net.fit_many(
        X, Y > 0, init=[net.theta], epochs=2, lr=0.0, X_val=X_VAL, y_val=Y_VAL > 0
    )
    z = X_VAL.sum(axis=1)
    losses = np.logaddexp(0, np.where(Y_VAL > 0, -z, z))
    np.testing.assert_allclose(runs.val_loss, [[losses.mean()] * 2], rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 7, "full"])
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_net_that_diverges_has_the_parameters_of_its_best_epoch(batch_size):
    """As when it is trained alone; also where its last update is what breaks it."""
    options = {
        "lr": lambda epoch: 1e-4 if epoch < 4 else 1e308,
        "batch_size": batch_size,
        "seed": 0,
        "X_val": X_VAL,
        "y_val": Y_VAL * 100.0,
    }
    for make in (
        lambda seed: fastnn.mlp(2, 5, 1, activation="relu", loss="mse", seed=seed),
        lambda seed: fastnn.Sequential(
            [fastnn.MatMul(2, 4), fastnn.ReLU(), fastnn.Affine(4, 1)],
            loss="mse",
            seed=seed,
        ),
    ):
        for restores in (True, False):
            options["early_stopping"] = fastnn.EarlyStopping(9, "loss", 0.0, restores)
            runs = make(0).fit_many(X, Y * 100.0, seeds=range(3), epochs=20, **options)
            assert runs.diverged.all()
            assert np.isfinite(runs.theta).all() == restores
            for i in range(3):
                net = make(i)
                with pytest.raises(fastnn.DivergenceError):
                    net.fit(X, Y * 100.0, epochs=20, **options)
                assert runs.best_epoch[i] == net.history.best_epoch
                if restores:
                    equal = bits if batch_size == 1 else nearly
                    equal(runs.theta[i], net.theta)
                    best = net.history.val_loss[net.history.best_epoch]
                    equal(runs.final_val_loss[i], best)
                    assert runs[i].theta.tobytes() == runs.theta[i].tobytes()
