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
    "optimizer": ({"optimizer": "rmsprop"}, "'sgd', 'adam'"),
    "reduction": ({"reduction": "average"}, "'mean', 'sum'"),
    "shuffle": ({"shuffle": "yes"}, "True or False"),
    "seed": ({"seed": -1}, "seed must be at least 0"),
    "seed None": ({"seed": None}, "can be repeated"),
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
