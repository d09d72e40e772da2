"""Architectures: layers that fit each other, copies, and drawing of parameters."""

import json

import numpy as np
import pytest

import fastnn
from fastnn import Affine, Sigmoid, Tanh
from fastnn.data.archives import Archive
from fastnn.nn.architecture import Architecture

GATE = fastnn.datasets.xor_gate()

BAD_STACKS = {
    "nothing": (list, {}, "at least one layer"),
    "no weights": (lambda: [Sigmoid()], {}, "at least one layer with weights"),
    "sizes": (
        lambda: [Affine(2, 3), Sigmoid(), Affine(4, 1)],
        {},
        "layer 2 does not fit.*takes 4 inputs, but gets 3",
    ),
    "not a layer": (lambda: [Affine(2, 3), "tanh"], {}, "layer 1 is 'tanh'"),
    "a class": (lambda: [Affine(2, 3), Sigmoid], {}, "pass layer objects"),
    "twice": (lambda: [layer := Affine(2, 2), layer], {}, "part of a net already"),
    "poisson of tanh": (
        lambda: [Affine(2, 2), fastnn.Tanh()],
        {"loss": "poisson"},
        "makes values of plain outputs",
    ),
    "softmax, 1 output": (
        lambda: [Affine(2, 1)],
        {"loss": "softmax_ce"},
        "at least 2",
    ),
    "tanh before bce": (
        lambda: [Affine(2, 1), Tanh()],
        {"loss": "bce"},
        r"ends in Tanh\(\).*goes with Sigmoid",
    ),
    "softmax of one output before mse": (
        lambda: [Affine(2, 1), fastnn.Softmax()],
        {"loss": "mse"},
        "softmax of 1 output is always 1",
    ),
    "relu before softmax": (
        lambda: [Affine(2, 2), fastnn.ReLU()],
        {"loss": "softmax_ce"},
        "goes with Softmax",
    ),
    "loss": (lambda: [Affine(2, 1)], {"loss": "hinge"}, "'bce', 'softmax_ce', 'mse'"),
    "dtype": (lambda: [Affine(2, 1)], {"dtype": "float16"}, "'float64' or 'float32'"),
    "init": (lambda: [Affine(2, 1)], {"init": "lecun"}, "'xavier', 'he'"),
    "init arrays": (
        lambda: [Affine(2, 1)],
        {"init": [np.zeros((2, 1))]},
        "1 arrays, but 2",
    ),
    "init shape": (
        lambda: [Affine(2, 1)],
        {"init": [np.zeros((1, 2)), np.zeros(1)]},
        r"W is \(n_in, n_out\)",
    ),
    "init NaN": (
        lambda: [Affine(2, 1)],
        {"init": [[[0.0], [np.nan]], [0.0]]},
        "nan in row 1",
    ),
    "seed": (lambda: [Affine(2, 1)], {"seed": "none"}, "can be repeated"),
    "no list": (lambda: Affine(2, 1), {}, "layers must be a list"),
    "dtype None": (lambda: [Affine(2, 1)], {"dtype": None}, "'float64' or 'float32'"),
    "init a function": (
        lambda: [Affine(2, 1)],
        {"init": fastnn.init.he},
        "init must be",
    ),
    "init a number": (lambda: [Affine(2, 1, init=5)], {}, "init must be"),
    "loss that sums": (
        lambda: [Affine(2, 1)],
        {"loss": fastnn.BCE("sum")},
        "reduction='sum' to fit",
    ),
}


@pytest.mark.parametrize("case", BAD_STACKS)
def test_wrong_layers_and_options_are_refused(case):
    make_layers, options, message = BAD_STACKS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        fastnn.Sequential(make_layers(), **options)


def test_a_layer_belongs_to_one_net():
    layer = Affine(2, 1)
    fastnn.Sequential([layer])
    with pytest.raises(ValueError, match="part of a net already"):
        fastnn.Sequential([layer])


@pytest.mark.parametrize("loss", ["bce", "softmax_ce"])
def test_the_final_activation_of_the_loss_may_be_left_out(loss):
    n_out, last = (1, fastnn.Sigmoid()) if loss == "bce" else (2, fastnn.Softmax())
    without, with_last = (
        fastnn.Sequential(
            [Affine(2, 3), Tanh(), Affine(3, n_out), *end], loss=loss, seed=1
        )
        for end in ([], [last])
    )
    for net in (without, with_last):
        net.fit(*GATE, epochs=5, lr=0.5)
    assert without.theta.tobytes() == with_last.theta.tobytes()
    probabilities = [net.predict_proba(GATE[0]) for net in (without, with_last)]
    assert probabilities[0].tobytes() == probabilities[1].tobytes()


def make_architecture(init="normal(0.7)", first_init=None):
    layers = [
        Affine(2, 3, init=first_init),
        Tanh(),
        fastnn.MatMul(3, 4),
        fastnn.Softmax(),
        Affine(4, 1),
        Sigmoid(),
    ]
    return Architecture.of(layers, "bce", init)


def test_an_architecture_knows_its_sizes():
    architecture = make_architecture()
    assert (architecture.n_in, architecture.n_out, architecture.n_classes) == (2, 1, 2)
    assert architecture.n_params == 9 + 12 + 5
    shapes = [shape for shapes in architecture.shapes for shape in shapes]
    assert shapes == [(2, 3), (3,), (3, 4), (4, 1), (1,)]
    # The sigmoid belongs to the loss.
    assert len(architecture.layers) == 6
    assert len(architecture.stack) == 5
    assert not architecture.mixes_rows
    summed = Architecture.of([Affine(2, 1), fastnn.Sum()], "mse")
    assert summed.mixes_rows
    assert summed.n_classes is None


def test_a_copy_has_layers_of_its_own_that_belong_to_no_net():
    architecture = make_architecture()
    theta = np.arange(26.0)
    architecture.bind(theta)
    twin = architecture.copy()
    assert repr(twin) == repr(architecture)
    assert twin.facts() == architecture.facts()
    own = set(map(id, architecture.layers))
    assert not own & set(map(id, twin.layers))
    # The copy's stack is made of its own layers, too.
    assert set(map(id, twin.stack)) <= set(map(id, twin.layers))
    assert all(layer.owned for layer in architecture.stack)
    assert not any(layer.owned for layer in twin.layers)
    twin.bind(np.zeros(26))
    assert theta.tolist() == list(range(26))
    assert architecture.layers[0].params[1].tolist() == [6, 7, 8]
    assert not twin.layers[0].params[1].any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "first_init", [None, "he", [np.ones((2, 3)), np.arange(3.0)]], ids=str
)
@pytest.mark.parametrize(
    "init", ["xavier", "he", "normal(0.7)", "uniform(-1, 2)", "zeros"]
)
def test_draw_many_has_the_bits_of_draw(init, first_init, dtype):
    architecture = make_architecture(init, first_init)
    seeds = [3, 0, 2**80]
    theta = architecture.draw_many(seeds, np.dtype(dtype))
    assert (theta.shape, theta.dtype) == ((3, 26), np.dtype(dtype))
    for row, seed in zip(theta, seeds, strict=True):
        drawn = architecture.draw(init, np.random.default_rng(seed))
        assert row.tobytes() == drawn.astype(dtype).tobytes()


@pytest.mark.parametrize("init", ["xavier", [np.ones((2, 1)), np.zeros(1)]], ids=str)
def test_drawn_parameters_are_an_array_of_their_own(init):
    architecture = Architecture.of([Affine(2, 1)], "bce", init)
    rng = np.random.default_rng
    drawn, again = (architecture.draw(init, rng(0)) for _ in range(2))
    assert drawn.tobytes() == again.tobytes()
    drawn[:] = 7.0
    assert again.max() <= 2.0
    assert architecture.draw(init, rng(0)).tobytes() == again.tobytes()


def test_only_an_architecture_with_a_scheme_can_draw_many():
    assert str(make_architecture("he").scheme) == "he"
    layers = [Affine(2, 1)]
    assert Architecture.of(layers, "bce", [[[1.0], [2.0]], [0.0]]).scheme is None
    assert Architecture.of(layers, "bce").scheme is None


def test_views_are_the_parameters_of_a_flat_array():
    architecture, flat = make_architecture(), np.arange(26.0)
    views = architecture.views(flat)
    assert [view.shape for view in views] == [(2, 3), (3,), (3, 4), (4, 1), (1,)]
    assert np.concatenate([view.ravel() for view in views]).tolist() == flat.tolist()
    views[1][0] = -1.0
    assert flat[6] == -1.0


def test_bound_layers_compute_with_theta_and_write_the_gradient():
    architecture, theta = make_architecture(), np.arange(26.0)
    gradient = architecture.bind(theta)
    assert (gradient.shape, gradient.any()) == ((26,), False)
    first = architecture.layers[0]
    theta[6:9] = [1.0, 2.0, 3.0]
    assert first.forward(np.zeros((1, 2))).tolist() == [[1, 2, 3]]
    first.backward(np.ones((1, 3)))
    assert gradient[6:9].tolist() == [1, 1, 1]
    assert not gradient[9:].any()


def test_facts_describe_the_architecture_in_json():
    architecture = make_architecture()
    facts = json.loads(json.dumps(architecture.facts()))
    twin = Architecture.from_archive(Archive(facts, {}))
    assert repr(twin.layers) == repr(architecture.layers)
    assert twin.facts() == architecture.facts()
    assert (twin.shapes, twin.n_params) == (architecture.shapes, 26)
    assert twin.scheme is None
