"""A batch's L2 penalty, weighted mean and clipped losses, against naive NumPy."""

import copy
from dataclasses import replace

import naive
import numpy as np
import pytest
from sweeps import Sweep, no_stop
from trainings import RULES, initial_params, learnable_data

import fastnn
from fastnn.data.weights import no_weights
from fastnn.nn.architecture import Architecture
from fastnn.nn.optimizers import update_rule
from fastnn.sweeps.blocks import train_block
from fastnn.training.config import fit_config
from fastnn.training.engines.dispatch import choose_loop
from fastnn.training.engines.fused import Fused
from fastnn.training.engines.layerwise import Layerwise
from fastnn.training.engines.table import layer_table
from fastnn.training.orders import EpochOrders
from fastnn.training.state import TrainingState

N, EPOCHS = 33, 3
TOLERANCES = {"float64": 1e-12, "float32": 3e-5}
WEIGHTS = np.random.default_rng(0).integers(1, 5, N) / 2
TERMS = {
    "l2": {"l2": 0.7},
    "weighted mean": {"weighted_mean": True},
    "both": {"l2": 0.7, "weighted_mean": True},
    "clipped": {"min_probability": 0.2},
    "all": {"l2": 0.7, "weighted_mean": True, "min_probability": 0.2},
}


def configured(X, y, rule, batch_size, weights=None, reduction="mean"):
    """Return the configuration of a training, without the terms."""
    return fit_config(
        X,
        np.ascontiguousarray(y.reshape(len(X), -1), X.dtype),
        no_weights(X.dtype) if weights is None else weights.astype(X.dtype),
        rule,
        None,
        epochs=EPOCHS,
        batch_size=batch_size,
        reduction=reduction,
        shuffle=True,
        seed=3,
        progress=False,
        n_jobs=1,
        mixes_rows=False,
    )


def assert_terms_are_those_of_naive_code(
    terms, loss, n_out, batch_size, dtype, rule_name, reduction
):
    X, y = learnable_data(N, 3, loss, n_out)
    X = X.astype(dtype)
    weights = WEIGHTS if terms.get("weighted_mean") else None
    params = initial_params([3, 4, n_out])
    layers = [fastnn.Affine(3, 4), fastnn.Tanh(), fastnn.Affine(4, n_out)]
    architecture = Architecture.of(layers, loss)
    theta = np.concatenate([p.ravel() for p in params]).astype(dtype)
    optimizer, rule = RULES[rule_name]
    plain = configured(
        X, y, update_rule(optimizer, params), batch_size, weights, reduction
    )
    config = replace(plain, **terms)
    state = TrainingState(theta, config)
    engine = Fused(theta, layer_table(architecture.stack), architecture.loss)
    orders = EpochOrders(config).since(0)
    advance = engine.start(config, state)
    for end in range(1, config.updates + 1):
        assert advance(orders, 0, end, N) == 0
    found = (state.loss_sums + (state.penalty_sums if config.l2 else 0.0)) / (
        N * config.loss_scale
    )
    expected, losses, _ = naive.train(
        params,
        ["tanh"],
        loss,
        X.astype(np.float64),
        y,
        copy.deepcopy(rule),
        EPOCHS,
        batch_size,
        "weighted mean" if terms.get("weighted_mean") else reduction,
        orders=np.broadcast_to(orders, (EPOCHS, N)),
        weights=weights,
        l2=terms.get("l2", 0.0),
        low=terms.get("min_probability", 0.0),
    )
    tolerance = TOLERANCES[dtype]
    flat = np.concatenate([p.ravel() for p in expected])
    np.testing.assert_allclose(theta, flat, rtol=0, atol=tolerance * abs(flat).max())
    np.testing.assert_allclose(found, losses, rtol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [1, 16, N])
@pytest.mark.parametrize("terms", list(TERMS))
@pytest.mark.parametrize(("loss", "n_out"), [("bce", 1), ("softmax_ce", 3)])
def test_terms_are_those_of_naive_code(terms, loss, n_out, batch_size, dtype):
    assert_terms_are_those_of_naive_code(
        TERMS[terms], loss, n_out, batch_size, dtype, "sgd", "mean"
    )


@pytest.mark.parametrize("batch_size", [1, 16, N])
@pytest.mark.parametrize("rule", ["momentum, decay", "adam", "clipped adam"])
def test_l2_with_other_optimizers_losses_and_sums(rule, batch_size):
    for loss, reduction in (("mse", "mean"), ("bce", "sum")):
        assert_terms_are_those_of_naive_code(
            {"l2": 0.3}, loss, 1, batch_size, "float64", rule, reduction
        )


@pytest.mark.parametrize("batch_size", [16, N])
def test_sums_of_batches_have_one_penalty_each(batch_size):
    assert_terms_are_those_of_naive_code(
        {"l2": 0.01}, "softmax_ce", 3, batch_size, "float64", "sgd", "sum"
    )


@pytest.mark.parametrize("batch_size", [5, 12])
def test_many_nets_record_clipped_losses(batch_size):
    sweep = Sweep(batch_size=batch_size, optimizer=fastnn.SGD(0.5))
    sweep.config = replace(sweep.config, min_probability=0.3)
    initial, stage = sweep.state.theta.copy(), sweep.begin_stage()
    block = sweep.make_block()
    result = train_block(sweep.state.nets(np.arange(5)), stage, block, no_stop)
    config = sweep.config
    orders = np.broadcast_to(stage.orders, (config.epochs, len(config.X)))
    for net, theta in enumerate(initial):
        params = [
            p.reshape(s)
            for p, s in zip(
                np.split(theta, [8, 12, 24]), [(2, 4), 4, (4, 3), 3], strict=True
            )
        ]
        expected, losses, _ = naive.train(
            params,
            ["tanh"],
            "softmax_ce",
            config.X,
            config.y[:, 0].astype(int),
            naive.Rule("sgd", 0.5),
            config.epochs,
            batch_size,
            orders=orders,
            low=0.3,
        )
        found = result.nets.theta[net]
        flat = np.concatenate([p.ravel() for p in expected])
        np.testing.assert_allclose(found, flat, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(result.curves[0, :, net], losses, rtol=1e-12)


def test_loops_without_the_terms_refuse_them():
    X, y = learnable_data(N, 3, "bce")
    layers = [fastnn.Affine(3, 4), fastnn.Tanh(), fastnn.Affine(4, 1)]
    architecture = Architecture.of(layers, "bce")
    theta = np.zeros(architecture.n_params)
    rule = update_rule(fastnn.SGD(0.1), [])
    table = layer_table(architecture.stack)
    layerwise = Layerwise(architecture, theta, np.zeros_like(theta))
    plain = configured(X, y, rule, 1, WEIGHTS)
    for terms, name in (
        ({"l2": 0.1}, "l2"),
        ({"weighted_mean": True}, "weighted_mean"),
        ({"min_probability": 0.1}, "min_probability"),
    ):
        config = replace(plain, **terms)
        assert config.batch_terms == [name]
        with pytest.raises(NotImplementedError, match=f"no {name} .* layer by layer"):
            layerwise.start(config, TrainingState(theta, config))
        one = replace(config, weights=no_weights(theta.dtype), loop="specialised")
        if name != "weighted_mean":
            with pytest.raises(ValueError, match=f"supports no {name}"):
                choose_loop(table, architecture.loss, one)
        sweep = Sweep()
        sweep.config = replace(config, X=sweep.config.X, y=sweep.config.y)
        with pytest.raises(NotImplementedError, match=f"no {name} .* many nets"):
            sweep.make_block()
    assert replace(plain, weights=X[:0, 0], weighted_mean=True).batch_terms == []
