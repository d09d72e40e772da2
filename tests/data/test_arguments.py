"""Arguments of `fit` that are refused, and NumPy scalars, which are accepted."""

import numpy as np
import pytest
from nets import GATE, LABELS

import fastnn

BAD_FIT = {
    "epochs 0": ({"epochs": 0}, "epochs must be at least 1"),
    "epochs negative": ({"epochs": -3}, "epochs must be at least 1"),
    "epochs 1.5": ({"epochs": 1.5}, "epochs must be a whole number"),
    "epochs True": ({"epochs": True}, "epochs must be a whole number"),
    "epochs beyond int32": ({"epochs": 2**31}, "at most"),
    "batch 0": ({"batch_size": 0}, "batch_size must be at least 1"),
    "batch negative": ({"batch_size": -1}, "batch_size must be at least 1"),
    "batch float": ({"batch_size": 2.0}, "batch_size must be a whole number"),
    "batch word": ({"batch_size": "all"}, "'full'"),
    "lr NaN": ({"lr": np.nan}, "lr must be finite"),
    "lr inf": ({"lr": np.inf}, "lr must be finite"),
    "lr negative": ({"lr": -0.1}, "lr must be at least 0"),
    "lr text": ({"lr": "0.1"}, "lr must be a number"),
    "lr array": ({"lr": [0.1, 0.2]}, "lr has 2 values for one net"),
    "no lr": ({"lr": None}, "fit needs lr="),
    "lr twice": ({"optimizer": fastnn.SGD(0.1)}, "given twice"),
    "optimizer": ({"optimizer": "lbfgs"}, "'sgd', 'adam'"),
    "reduction": ({"reduction": "average"}, "'mean', 'sum'"),
    "shuffle": ({"shuffle": "yes"}, "True or False"),
    "seed": ({"seed": -1}, "seed must be at least 0"),
    "seed text": ({"seed": "1"}, "can be repeated"),
    "seed True": ({"seed": True}, "seed must be a whole number"),
    "lr True": ({"lr": True}, "lr must be a number"),
    "progress": ({"progress": "yes"}, "True or False"),
}


@pytest.mark.parametrize("case", BAD_FIT)
def test_bad_arguments_of_fit_are_refused_and_change_nothing(case):
    options, message = BAD_FIT[case]
    net = fastnn.mlp(2, 3, 1)
    before = net.theta.tobytes()
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(GATE, LABELS, **({"epochs": 1, "lr": 0.1} | options))
    assert net.theta.tobytes() == before


def test_numpy_scalars_are_accepted():
    net = fastnn.mlp(np.int64(2), np.int32(3), 1, seed=np.uint8(3))
    net.fit(
        GATE,
        LABELS,
        epochs=np.int16(2),
        lr=np.float32(0.5),
        batch_size=np.uint8(2),
        seed=np.int64(1),
    )
    assert net.history.epochs == 2


def test_no_seed_draws_a_new_one_and_keeps_it(tmp_path):
    one, two = (fastnn.mlp(2, 3, 1, seed=None) for _ in range(2))
    assert one.seed != two.seed
    assert (one.theta != two.theta).any()
    again = fastnn.mlp(2, 3, 1, seed=one.seed)
    assert (again.theta == one.theta).all()
    history = one.fit(GATE, LABELS, epochs=20, lr=0.5, seed=None)
    repeated = again.fit(GATE, LABELS, epochs=20, lr=0.5, seed=history.seed)
    assert (repeated.loss == history.loss).all()
    assert one.fit(GATE, LABELS, epochs=1, lr=0.5, seed=None).seed != history.seed
    assert one.fit(GATE, LABELS, epochs=1, lr=0.5, seed=3).seed == 3
    with pytest.raises(TypeError, match="can be repeated"):
        fastnn.datasets.spiral(seed=None)  # which could not say what it drew


@pytest.mark.parametrize(
    "layers",
    [
        [fastnn.Affine(2, 1)],
        [fastnn.Affine(2, 3), fastnn.Softmax(), fastnn.Affine(3, 1)],
    ],
    ids=["compiled", "layer by layer"],
)
def test_a_sweep_keeps_the_seed_that_it_drew(layers, tmp_path):
    net = fastnn.Sequential(layers)
    how = {"seeds": range(3), "epochs": 20, "lr": 0.5}
    runs = net.fit_many(GATE, LABELS, seed=None, **how)
    assert (net.fit_many(GATE, LABELS, seed=runs.seed, **how).loss == runs.loss).all()
    assert (net.fit_many(GATE, LABELS, **how).loss != runs.loss).any()
    runs.save(tmp_path / "runs.npz")
    assert fastnn.Runs.load(tmp_path / "runs.npz").seed == runs.seed
