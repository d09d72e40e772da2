"""Validation, early stopping and `on_epoch`, against their definitions."""

import copy
import pickle

import naive
import numpy as np
import pytest
from nets import build
from trainings import initial_params, learnable_data

import fastnn

PARAMS = initial_params([3, 4, 1])
X, Y = learnable_data(33, 3, "bce")
X_VAL, Y_VAL = learnable_data(20, 3, "bce", seed=5)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}
STOPPING = fastnn.EarlyStopping(3, min_delta=0.002)


class OwnTanh(fastnn.Tanh):
    """A layer that only the engine for any layers runs."""

    def _run(self, x):
        return super()._run(x)


def new_net():
    return build(PARAMS, ["tanh"], "bce")


def fit(net, **options):
    return net.fit(X, Y, **{"lr": 0.5, "epochs": 6, "seed": 0} | options)


@pytest.mark.parametrize("batch_size", [1, 16, "full"])
def test_validation_is_that_of_the_parameters_at_each_epochs_end(batch_size):
    weights = np.arange(20) / 7
    history = fit(
        new_net(), batch_size=batch_size, sample_weight_val=weights, **VALIDATION
    )
    seen = []
    fit(new_net(), batch_size=batch_size, on_epoch=lambda s: seen.append(s.theta))
    for epoch, theta in enumerate(seen):
        params = new_net().with_theta(theta).params
        z = naive.forward(params, ["tanh"], X_VAL)[1][-1]
        losses, _ = naive.sample_losses(z, Y_VAL, "bce")
        assert history.val_loss[epoch] == pytest.approx(
            (weights * losses).mean(), rel=1e-12
        )
        right = naive.is_correct(z, Y_VAL, "bce")
        assert history.val_accuracy[epoch] == right.mean()


def test_whoever_looks_changes_no_bit():
    plain, watched = new_net(), new_net()
    plain_history = fit(plain, batch_size=4)
    stopping = fastnn.EarlyStopping(patience=6, restore_best=False)
    history = fit(
        watched,
        batch_size=4,
        on_epoch=lambda state: None,
        early_stopping=stopping,
        **VALIDATION,
    )
    assert plain.theta.tobytes() == watched.theta.tobytes()
    assert plain_history.loss.tobytes() == history.loss.tobytes()
    assert np.isnan(plain_history.val_loss).all()
    assert plain_history.best_epoch is None


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "loss", "accuracy"])
def test_early_stopping_follows_its_definition(monitor):
    patience, min_delta = 3, 0.02
    free = fit(new_net(), epochs=60, lr=1.0, **VALIDATION)
    values = getattr(free, monitor) * (-1 if monitor.endswith("loss") else 1)
    best, best_epoch, end = -np.inf, None, 60
    for epoch, value in enumerate(values):
        if value > best + min_delta:
            best, best_epoch = value, epoch
        elif epoch - best_epoch >= patience:
            end = epoch + 1
            break
    assert end < 60  # otherwise this test shows nothing
    thetas, net = [], new_net()
    history = fit(
        net,
        epochs=60,
        lr=1.0,
        early_stopping=fastnn.EarlyStopping(patience, monitor, min_delta),
        on_epoch=lambda state: thetas.append(state.theta),
        **VALIDATION,
    )
    assert (history.epochs, history.best_epoch) == (end, best_epoch)
    assert history.val_loss.tobytes() == free.val_loss[:end].tobytes()
    assert net.theta.tobytes() == thetas[best_epoch].tobytes()


def measured(net, history):
    arrays = net.theta, history.loss, history.val_loss, history.val_accuracy
    return history.best_epoch, history.updates, [array.tobytes() for array in arrays]


@pytest.mark.parametrize("batch_size", [1, 16])
def test_where_chunks_end_changes_nothing_that_is_measured(batch_size, chunks):
    stopping = fastnn.EarlyStopping(3, min_delta=0.02)
    options = {"epochs": 60, "lr": 1.0, "batch_size": batch_size, **VALIDATION}
    found = []
    # Rows that are validated count, too: 20 of 53 end each chunk with its epoch.
    for samples in (1, 20, 53, 10**6):
        chunks(samples)
        net = new_net()
        history = fit(net, early_stopping=stopping, **options)
        found.append(measured(net, history))
    assert history.epochs < 60
    assert all(each == found[0] for each in found)


def test_threads_and_layers_measure_as_the_compiled_loop_does():
    X, y = learnable_data(2500, 3, "bce")
    options = {
        "epochs": 40,
        "lr": 0.5,
        "batch_size": "full",
        "early_stopping": STOPPING,
        **VALIDATION,
    }
    found, losses = [], []
    for layer, n_jobs in ((fastnn.Tanh(), 1), (fastnn.Tanh(), 2), (OwnTanh(), 1)):
        layers = [fastnn.Affine(3, 4), layer, fastnn.Affine(4, 1)]
        net = fastnn.Sequential(layers, seed=3)
        history = net.fit(X, y, n_jobs=n_jobs, **options)
        found.append(measured(net, history))
        losses.append(history.val_loss)
    assert found[0] == found[1]
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-12)
    assert found[2][0] == found[0][0]
    assert found[0][1] < 40


def test_without_restoring_the_net_keeps_its_last_parameters():
    net, last = new_net(), []
    stopping = fastnn.EarlyStopping(2, "loss", min_delta=1.0, restore_best=False)
    history = fit(
        net, early_stopping=stopping, on_epoch=lambda state: last.append(state.theta)
    )
    assert history.epochs == 3
    assert net.theta.tobytes() == last[-1].tobytes()


def test_on_epoch_sees_the_history():
    states, thetas, net = [], [], new_net()

    def look(state):
        states.append(state)
        if state.epoch < 3:
            thetas.append(state.theta.copy())

    history = fit(net, on_epoch=look, **VALIDATION)
    assert [state.epoch for state in states] == [*range(6)]
    assert {state.epochs for state in states} == {6}
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        seen = [getattr(state, name) for state in states]
        assert seen == getattr(history, name).tolist()
    assert all(state.net is net for state in states)
    with pytest.raises(ValueError, match="read-only"):
        states[0].theta[0] = 1.0
    assert "val_loss=" in repr(states[0])
    for state, theta in zip(states, thetas, strict=False):
        np.testing.assert_array_equal(state.theta, theta)
    with pytest.raises(RuntimeError, match="epoch 3 is over"):
        _ = states[3].theta
    with pytest.raises(RuntimeError, match="epoch 0 is over"):
        states[0].lr = 0.1
    assert set(history.lr) == {0.5}


@pytest.mark.parametrize("answer", [True, np.True_, np.array(True)])
def test_on_epoch_stops_with_true_alone(answer):
    answers = iter([None, False, np.False_, np.array(False), answer])
    assert fit(new_net(), on_epoch=lambda state: next(answers)).epochs == 5


@pytest.mark.parametrize("answer", [1, "yes", np.array([True]), np.array(1.0)])
def test_on_epoch_must_answer_clearly(answer):
    with pytest.raises(TypeError, match="on_epoch must return True to end"):
        fit(new_net(), on_epoch=lambda state: answer)


def test_on_epoch_must_not_train_its_net():
    """Other nets may be trained then, and this one again afterwards."""
    net, expected = new_net(), new_net()
    learner = net.learner(lr=0.1)
    learner.learn(X[0], Y[0])
    expected.learner(lr=0.1).learn(X[0], Y[0])

    def train(state):
        for nested in (
            lambda: fit(state.net),
            lambda: learner.learn(X[0], Y[0]),
            lambda: learner.learn(X[:3], Y[:3]),
            lambda: state.net.learner(lr=0.1).learn(X[0], Y[0]),
        ):
            with pytest.raises(RuntimeError, match="must not train the net"):
                nested()
        for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), new_net()):
            fit(other, epochs=1)
        assert len(net.fit_many(X, Y, init=[net.theta], epochs=1, lr=0.1)) == 1

    fit(net, on_epoch=train)
    fit(expected)
    assert net.theta.tobytes() == expected.theta.tobytes()
    assert learner.learn(X[0], Y[0]) == expected.learner(lr=0.1).learn(X[0], Y[0])
    with pytest.raises(RuntimeError, match="must not train the net"):
        fit(net, on_epoch=lambda state: fit(state.net))
    assert fit(net).epochs == 6


@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")  # of plain Python
@pytest.mark.parametrize("batch_size", [1, 16])
def test_a_net_that_diverges_has_the_parameters_of_its_best_epoch(batch_size, tmp_path):
    X, y = learnable_data(33, 3, "mse")
    net, thetas = fastnn.mlp(3, 4, 1, loss="mse", activation="relu", seed=0), []
    options = {
        "lr": lambda epoch: 0.02 if epoch < 4 else 1e6,
        "epochs": 30,
        "batch_size": batch_size,
        "seed": 0,
        "early_stopping": fastnn.EarlyStopping(50, "loss"),
    }
    with pytest.raises(fastnn.DivergenceError, match="best epoch by") as error:
        net.fit(
            *(X, y),
            on_epoch=lambda state: thetas.append(state.theta),
            checkpoint=tmp_path / "fit.npz",
            **options,
        )
    best = net.history.best_epoch
    assert pickle.loads(pickle.dumps(error.value)).best_epoch == best < 30
    assert net.theta.tobytes() == thetas[best].tobytes()
    again = fastnn.mlp(3, 4, 1, loss="mse", activation="relu", seed=0)
    with pytest.raises(fastnn.DivergenceError):
        again.fit(
            *(X, y),
            on_epoch=lambda state: None,
            checkpoint=tmp_path / "fit.npz",
            **options,
        )
    assert again.theta.tobytes() == net.theta.tobytes()
    stopping = fastnn.EarlyStopping(50, "loss", restore_best=False)
    with pytest.raises(fastnn.DivergenceError, match="last finite") as error:
        fastnn.mlp(3, 4, 1, loss="mse", activation="relu", seed=0).fit(
            X, y, **options | {"early_stopping": stopping}
        )
    assert error.value.best_epoch is None


@pytest.mark.parametrize("batch_size", [1, 16])
def test_on_epoch_sets_the_learning_rate_of_later_epochs(batch_size):
    def halve(state):
        state.lr /= 2

    net = new_net()
    history = fit(net, epochs=3, batch_size=batch_size, on_epoch=halve)
    assert history.lr.tolist() == [0.5, 0.25, 0.125]
    scheduled = new_net()
    halving = fastnn.schedules.exponential(0.5, gamma=0.5)
    fit(scheduled, epochs=3, batch_size=batch_size, lr=halving)
    assert net.theta.tobytes() == scheduled.theta.tobytes()
    with pytest.raises(ValueError, match="lr must be at least 0"):
        fit(net, on_epoch=lambda state: setattr(state, "lr", -1.0))


def test_an_error_in_on_epoch_leaves_the_epoch_before_it():
    net, thetas = new_net(), []

    def fail(state):
        thetas.append(state.theta)
        if state.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(net, on_epoch=fail, **VALIDATION)
    assert net.theta.tobytes() == thetas[2].tobytes()
    assert net.history.epochs == len(net.history.val_loss) == 3


def test_values_have_no_accuracy():
    X, y = learnable_data(20, 2, "mse")
    net = fastnn.mlp(2, 3, 1, loss="mse", seed=0)
    history = net.fit(X, y, epochs=2, lr=0.1, X_val=X, y_val=y)
    assert np.isfinite(history.val_loss).all()
    assert np.isnan(history.val_accuracy).all()
    stopping = fastnn.EarlyStopping(monitor="accuracy")
    with pytest.raises(ValueError, match="predicts values"):
        net.fit(X, y, epochs=2, lr=0.1, early_stopping=stopping)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X_val": X_VAL}, "y_val is missing"),
        ({"y_val": Y_VAL}, "X_val is missing"),
        ({"X_val": X_VAL[:, :2], "y_val": Y_VAL}, "in the validation data, X has 2"),
        ({"X_val": X_VAL, "y_val": Y_VAL + 7}, "in the validation data, y has"),
        ({**VALIDATION, "sample_weight_val": [1.0]}, "in the validation data, sample"),
        ({"early_stopping": fastnn.EarlyStopping()}, "needs validation data"),
        ({"early_stopping": 5}, r"must be fastnn.EarlyStopping\(...\)"),
        ({"on_epoch": 5}, "on_epoch must be a function"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(options, message):
    net = new_net()
    with pytest.raises((TypeError, ValueError), match=message):
        fit(net, **options)
    assert net.theta.tobytes() == new_net().theta.tobytes()


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 0},
        {"monitor": "speed"},
        {"min_delta": -1.0},
        {"min_delta": np.nan},
        {"restore_best": 1},
    ],
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises((TypeError, ValueError), match=next(iter(settings))):
        fastnn.EarlyStopping(**settings)
