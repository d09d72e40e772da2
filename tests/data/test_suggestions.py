"""Suggestions for arguments and values that other libraries have."""

import inspect
from collections.abc import Callable

import pytest
from nets import GATE, LABELS

import fastnn

NET = fastnn.mlp(2, 3, 1)
RUNS = NET.fit_many(GATE, LABELS, seeds=range(2), epochs=1, lr=0.1)
CALLS: dict[str, Callable] = {
    "fit": lambda **words: NET.fit(GATE, LABELS, **words),
    "fit_many": lambda **words: NET.fit_many(GATE, LABELS, **words),
    "loss_and_grads": lambda **words: NET.loss_and_grads(GATE, LABELS, **words),
    "save": NET.save,
    "mlp": lambda **words: fastnn.mlp(2, 3, 1, **words),
    "Sequential": lambda **words: fastnn.Sequential([fastnn.Affine(2, 1)], **words),
    "Affine": lambda **words: fastnn.Affine(2, 3, **words),
    "SGD": fastnn.SGD,
    "Adam": fastnn.Adam,
    "load": fastnn.load,
    "spiral": fastnn.datasets.spiral,
    "data": lambda **words: fastnn.plot.data(GATE, LABELS, **words),
    "decision_map": lambda **words: fastnn.plot.decision_map(NET, **words),
    "history": lambda **words: fastnn.plot.history(NET.history, **words),
    "success": lambda **words: fastnn.plot.success(RUNS, **words),
}
UNKNOWN = [
    ("fit", "learning_rate", "use lr="),
    ("fit", "n_epochs", "use epochs="),
    ("fit", "max_iter", "use epochs="),
    ("fit", "verbose", "use progress="),
    ("fit", "validation_data", "use X_val= and y_val="),
    ("fit", "validation_split", "divide the rows yourself, and use X_val= and y_val="),
    ("fit", "patience", "use early_stopping="),
    ("fit", "callbacks", "use on_epoch="),
    ("fit", "batchsize", "use batch_size="),
    ("fit", "batch_sizes", "did you mean batch_size="),
    ("fit", "random_state", "use seed="),
    ("fit", "shuffles", "did you mean shuffle="),
    ("fit", "momentum", "pass it to the optimizer, as in optimizer=fastnn.SGD"),
    ("fit", "betas", "pass it to the optimizer, as in optimizer=fastnn.Adam"),
    ("fit", "Epochs", "use epochs="),
    ("fit", "qqq", "it takes X, y, epochs"),
    ("fit_many", "n_nets", "use seeds="),
    ("fit_many", "eta", "use lr="),
    ("fit_many", "n_workers", "use n_jobs="),
    ("loss_and_grads", "reduce", "use reduction="),
    ("save", "filename", "use path="),
    (
        "mlp",
        "hidden_layer_sizes",
        "pass the sizes of all layers one by one, as in mlp",
    ),
    ("mlp", "activations", "did you mean activation="),
    ("mlp", "criterion", "use loss="),
    ("mlp", "kernel_initializer", "use init="),
    ("Sequential", "random_seed", "use seed="),
    ("Sequential", "losss", "did you mean loss="),
    ("SGD", "learning_rate", "use lr="),
    ("SGD", "nesterovs_momentum", "use nesterov="),
    ("Adam", "beta_1", "use beta1="),
    ("Adam", "epsilon", "use eps="),
    ("Adam", "l2", "use weight_decay="),
    ("Affine", "in_features", "use n_in="),
    ("Affine", "units", "use n_out="),
    ("Affine", "bias", "Affine has a bias, MatMul has none"),
    ("load", "file", "use path="),
    ("spiral", "n_samples", "use n="),
    ("data", "axes", "use ax="),
    ("decision_map", "resolutoin", "did you mean resolution="),
    ("history", "axis", "use ax="),
    ("success", "loss_bellow", "did you mean loss_below="),
]


@pytest.mark.parametrize(("function", "word", "hint"), UNKNOWN)
def test_an_unknown_argument_names_the_right_one(function, word, hint):
    with pytest.raises(TypeError, match=rf"{function}\(\) has no .*'{word}': {hint}"):
        CALLS[function](**{word: 1})


def test_several_unknown_arguments_are_all_named():
    with pytest.raises(TypeError, match=r"'verbose': use progress=; .*'lrr': did you"):
        NET.fit(GATE, LABELS, epochs=1, verbose=True, lrr=0.1)


def test_other_errors_and_the_signature_stay_as_they_are():
    with pytest.raises(TypeError, match=r"missing 1 required keyword-only .*'epochs'"):
        NET.fit(GATE, LABELS, lr=0.1)
    with pytest.raises(TypeError, match="epochs must be a whole number"):
        NET.fit(GATE, LABELS, lr=0.1, epochs=1.5)
    parameters = inspect.signature(fastnn.Sequential.fit).parameters
    assert list(parameters)[:5] == ["self", "X", "y", "epochs", "lr"]
    for function in (fastnn.Sequential.fit_many, fastnn.SGD, fastnn.mlp, fastnn.load):
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert fastnn.Sequential.fit.__doc__.startswith("Train from the present")
    assert fastnn.Sequential.fit.__qualname__ == "Sequential.fit"


def test_an_optimizer_of_the_users_own_has_its_own_settings():
    class Mine(fastnn.SGD):
        def __init__(self, rate=0.1, **more):
            super().__init__(lr=rate)

    assert Mine(rate=0.5, other=1).lr == 0.5
    with pytest.raises(TypeError, match="use lr="):
        fastnn.SGD(learning_rate=1)


class MSELoss:
    """What an object of PyTorch looks like."""

    def __repr__(self):  # without an address, the test has one name in all processes
        return "MSELoss()"


VALUES = [
    ({"loss": "crossentropy"}, "not 'crossentropy': use 'bce' or 'softmax_ce'$"),
    ({"loss": "binary_crossentropy"}, ": use 'bce'$"),
    ({"loss": "multilabel"}, ": use 'bce'$"),
    ({"loss": "BCEWithLogits"}, ": use 'bce'$"),
    ({"loss": "PoissonNLLLoss"}, ": use 'poisson'$"),
    ({"loss": "count"}, ": use 'poisson'$"),
    ({"loss": "categorical_crossentropy"}, ": use 'softmax_ce'$"),
    ({"loss": "MSELoss"}, ": use 'mse'$"),
    ({"loss": MSELoss()}, ": use 'mse'$"),
    ({"loss": "MSE"}, ": use 'mse'$"),
    ({"loss": fastnn.MSE}, ": use 'mse'$"),
    ({"loss": "mae"}, "fastnn has no 'mae', the nearest is 'mse'$"),
    ({"loss": "softmaxce"}, ": use 'softmax_ce'$"),
    ({"loss": "msee"}, ": did you mean 'mse'.$"),
    ({"activation": "relu "}, ": use 'relu'$"),
    ({"activation": "ReLU"}, ": use 'relu'$"),
    ({"activation": fastnn.Tanh}, ": use 'tanh'$"),
    ({"activation": "logistic"}, ": use 'sigmoid'$"),
    ({"activation": "linear"}, ": use 'identity'$"),
    ({"activation": None}, ": use 'identity'$"),
    ({"activation": "swish"}, "fastnn has no 'swish', the nearest is 'relu'$"),
    ({"activation": "sigmiod"}, ": did you mean 'sigmoid'.$"),
    ({"activation": "xyz"}, "not 'xyz'$"),
    ({"init": "glorot_uniform"}, ": use 'xavier'$"),
    ({"init": "kaiming_normal"}, ": use 'he'$"),
    ({"init": "xaver"}, ": did you mean 'xavier'.$"),
    ({"dtype": "float16"}, "fastnn has no 'float16', the nearest is 'float32'$"),
]


@pytest.mark.parametrize(("argument", "message"), VALUES, ids=str)
def test_a_value_of_another_library_names_ours(argument, message):
    with pytest.raises(ValueError, match=message):
        fastnn.mlp(2, 3, 1, **argument)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"optimizer": "SGD", "lr": 0.1}, ": use 'sgd'$"),
        ({"optimizer": "nadam", "lr": 0.1}, "the nearest is 'adam'$"),
        ({"optimizer": fastnn.Adam, "lr": 0.1}, ": use 'adam'$"),
        ({"lr": 0.1, "reduction": "average"}, ": use 'mean'$"),
        ({"lr": 0.1, "loop": "specialized"}, ": use 'specialised'$"),
    ],
    ids=str,
)
def test_a_value_of_fit_names_ours(argument, message):
    with pytest.raises(ValueError, match=message):
        NET.fit(GATE, LABELS, epochs=1, **argument)
