"""Sequential and mlp: construction, parameters, predictions, files."""

import copy
import io
import os
import pickle

import numpy as np
import pytest

import fastnn

GATE = fastnn.datasets.xor_gate()


def test_theta_is_one_vector_and_params_are_views_into_it():
    net = fastnn.mlp(2, 3, 4, seed=1)
    assert [param.shape for param in net.params] == [(2, 3), (3,), (3, 4), (4,)]
    assert all(np.shares_memory(param, net.theta) for param in net.params)
    assert (
        np.concatenate([param.ravel() for param in net.params]).tolist()
        == net.theta.tolist()
    )
    net.theta[0] = 7.0
    assert net.params[0][0, 0] == 7.0
    assert net.layers[0].params[0][0, 0] == 7.0
    net.params[3][2] = 5.0
    assert net.theta[-2] == 5.0
    before = net.theta
    net.theta = np.arange(25)
    assert net.theta is before
    assert net.params[1].tolist() == [6, 7, 8]
    with pytest.raises(ValueError, match="has 25 parameters"):
        net.theta = np.zeros(24)
    with pytest.raises(ValueError, match="nan in row 2"):
        net.theta = np.where(np.arange(25) == 2, np.nan, 0)


@pytest.mark.parametrize("loss", ["bce", "softmax_ce"])
def test_the_losss_own_activation_may_stand_at_the_end(loss):
    end = fastnn.Sigmoid() if loss == "bce" else fastnn.Softmax()
    n_out = 1 if loss == "bce" else 2
    nets = [
        fastnn.Sequential(
            [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Affine(3, n_out), *last],
            loss=loss,
            seed=1,
        )
        for last in ([], [end])
    ]
    for net in nets:
        net.fit(*GATE, epochs=5, lr=0.5)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()
    assert (
        nets[0].predict_proba(GATE[0]).tobytes()
        == nets[1].predict_proba(GATE[0]).tobytes()
    )


A, S, T = fastnn.Affine, fastnn.Sigmoid, fastnn.Tanh
BAD_STACKS = {
    "nothing": (list, {}, "at least one layer"),
    "no weights": (lambda: [S()], {}, "at least one layer with weights"),
    "sizes": (
        lambda: [A(2, 3), S(), A(4, 1)],
        {},
        "layer 2 does not fit.*takes 4 inputs, but gets 3",
    ),
    "not a layer": (lambda: [A(2, 3), "tanh"], {}, "layer 1 is 'tanh'"),
    "a class": (lambda: [A(2, 3), S], {}, "pass layer objects"),
    "twice": (lambda: [layer := A(2, 2), layer], {}, "part of a net already"),
    "bce, 2 outputs": (lambda: [A(2, 2)], {"loss": "bce"}, "1 output, not 2"),
    "softmax, 1 output": (lambda: [A(2, 1)], {"loss": "softmax_ce"}, "at least 2"),
    "tanh before bce": (
        lambda: [A(2, 1), T()],
        {"loss": "bce"},
        r"ends in Tanh\(\).*goes with Sigmoid",
    ),
    "sigmoid before mse": (
        lambda: [A(2, 1), S()],
        {"loss": "mse"},
        "without activation",
    ),
    "relu before softmax": (
        lambda: [A(2, 2), fastnn.ReLU()],
        {"loss": "softmax_ce"},
        "goes with Softmax",
    ),
    "loss": (lambda: [A(2, 1)], {"loss": "hinge"}, "'bce', 'softmax_ce', 'mse'"),
    "dtype": (lambda: [A(2, 1)], {"dtype": "float16"}, "'float64' or 'float32'"),
    "init": (lambda: [A(2, 1)], {"init": "lecun"}, "'xavier', 'he'"),
    "init arrays": (lambda: [A(2, 1)], {"init": [np.zeros((2, 1))]}, "1 arrays, but 2"),
    "init shape": (
        lambda: [A(2, 1)],
        {"init": [np.zeros((1, 2)), np.zeros(1)]},
        r"W is \(n_in, n_out\)",
    ),
    "init NaN": (
        lambda: [A(2, 1)],
        {"init": [[[0.0], [np.nan]], [0.0]]},
        "nan in row 1",
    ),
    "seed": (lambda: [A(2, 1)], {"seed": None}, "can be repeated"),
    "no list": (lambda: A(2, 1), {}, "layers must be a list"),
    "dtype None": (lambda: [A(2, 1)], {"dtype": None}, "'float64' or 'float32'"),
    "init a function": (lambda: [A(2, 1)], {"init": fastnn.init.he}, "init must be"),
    "init a number": (lambda: [A(2, 1, init=5)], {}, "init must be"),
    "loss that sums": (
        lambda: [A(2, 1)],
        {"loss": fastnn.BCE("sum")},
        "reduction='sum' to fit",
    ),
}


@pytest.mark.parametrize("case", BAD_STACKS)
def test_nets_that_make_no_sense_are_refused(case):
    layers, options, message = BAD_STACKS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        fastnn.Sequential(layers(), **options)


def test_a_layer_belongs_to_one_net():
    layer = fastnn.Affine(2, 1)
    fastnn.Sequential([layer])
    with pytest.raises(ValueError, match="part of a net already"):
        fastnn.Sequential([layer])


@pytest.mark.parametrize(
    "sizes", [(), (2,), (2, 0, 1), (2, -1, 1), (2, 1.5, 1), (2, True, 1)]
)
def test_bad_sizes_are_refused(sizes):
    with pytest.raises((ValueError, TypeError)):
        fastnn.mlp(*sizes)


@pytest.mark.filterwarnings("ignore::fastnn.SymmetryWarning")
def test_init_schemes():
    def first(init, **options):
        return fastnn.mlp(400, 300, 1, init=init, **options).params

    for init, spread in [
        ("xavier", np.sqrt(2 / 700)),
        ("he", np.sqrt(2 / 400)),
        ("normal(0.3)", 0.3),
        (fastnn.init.normal(0.3), 0.3),
        ("uniform(-1, 2)", np.sqrt(9 / 12)),
        (fastnn.init.uniform(-1, 2), np.sqrt(9 / 12)),
        ("zeros", 0.0),
    ]:
        w, b = first(init)[:2]
        assert w.std() == pytest.approx(spread, rel=0.01)
        assert w.mean() == pytest.approx(0.5 if "-1, 2" in str(init) else 0.0, abs=0.01)
        assert not b.any()
    assert (first("xavier", seed=1)[0] != first("xavier", seed=2)[0]).all()
    assert (first("he", seed=1)[0] == first("he", seed=1)[0]).all()
    assert np.abs(first("xavier")[0]).max() <= np.sqrt(6 / 700)
    rng = np.random.default_rng(9)  # as documented: layer by layer from one generator
    drawn = fastnn.mlp(2, 3, 1, init="normal(2)", seed=9).params
    assert (drawn[0] == 2 * rng.standard_normal((2, 3))).all()
    assert (drawn[2] == 2 * rng.standard_normal((3, 1))).all()
    for bad in (
        "normal(-1)",
        "uniform(2, 1)",
        "normal(a)",
        "xavier(1)",
        "uniform(1)(2)",
        "uniform(1)",
        "uniform(,1)",
        "uniform",
        "normal(1,)",
        "normal(nan)",
        3.0,
        None,
    ):
        with pytest.raises((ValueError, TypeError)):
            fastnn.mlp(2, 1, init=bad)


def test_a_layers_own_init_goes_before_the_nets():
    net = fastnn.Sequential(
        [A(2, 3, init="zeros"), T(), A(3, 1, init=[[[1], [2], [3]], [5.0]])],
        init="normal(1)",
    )
    assert not net.params[0].any()
    assert net.params[2].tolist() == [[1], [2], [3]]
    assert net.params[3].tolist() == [5]


def test_given_arrays_are_copied():
    arrays = [np.ones((2, 1)), np.zeros(1)]
    net = fastnn.mlp(2, 1, init=arrays)
    net.fit(*GATE, epochs=1, lr=1.0)
    assert (arrays[0] == 1).all()


def test_repr_and_summary_show_the_net():
    net = fastnn.mlp(2, 10, 3, activation="relu", dtype="float32")
    text = "Sequential([Affine(2, 10), ReLU(), Affine(10, 3)], loss='softmax_ce', dtype='float32')"
    assert repr(net) == text + "  # 63 parameters"
    assert len(eval(text, vars(fastnn)).theta) == 63
    summary = net.summary()
    for part in (
        "Affine(2, 10)",
        "30",
        "33",
        "63",
        "softmax_ce",
        "float32",
        "sample by sample",
        "side by side",
    ):
        assert part in summary
    history = fastnn.mlp(2, 3, 1).fit(*GATE, epochs=3, lr=0.1)
    assert repr(history).startswith("History(3 epochs, 12 updates, loss ")


def test_history_is_of_the_losses_before_each_update():
    net = fastnn.mlp(2, 3, 1, seed=2)
    X, y = GATE
    expected = []
    twin = copy.deepcopy(net)
    for i in range(4):
        expected.append(twin.loss_and_grads(X[i : i + 1], y[i : i + 1])[0])
        twin.fit(X[i : i + 1], y[i : i + 1], epochs=1, lr=0.5)
    history = net.fit(X, y, epochs=1, lr=0.5, shuffle=False)
    assert history is net.history
    assert history.loss[0] == pytest.approx(np.mean(expected), rel=1e-14)
    assert twin.theta.tobytes() == net.theta.tobytes()
    assert (
        history.epochs,
        history.updates,
        history.loss.shape,
        history.accuracy.shape,
    ) == (1, 4, (1,), (1,))
    assert 0 < history.seconds < 60


def test_predictions_agree_with_each_other():
    X, y = fastnn.datasets.spiral(50)
    for labels, n_out in ((y, 3), (y > 0, 1)):
        net = fastnn.mlp(2, 8, n_out, seed=1)
        net.fit(X, labels, epochs=30, lr=0.3)
        shares, found = net.predict_proba(X), net.predict(X)
        assert shares.shape == (150, max(n_out, 2))
        assert np.abs(shares.sum(axis=1) - 1).max() < 1e-15
        assert (shares.argmax(axis=1) == found).all()
        assert net.score(X, labels) == np.mean(found == labels)
        one_by_one = np.concatenate(
            [net.predict_proba(X[i : i + 1]) for i in range(150)]
        )
        assert one_by_one.tobytes() == shares.tobytes()


def test_extreme_inputs_give_certain_predictions():
    net = fastnn.mlp(1, 1, init=[[[1.0]], [0.0]])
    assert net.predict_proba([[1000.0], [-1000.0], [0.0]]).tolist() == [
        [0, 1],
        [1, 0],
        [0.5, 0.5],
    ]
    assert net.predict([[0.0]]).tolist() == [0]


def test_mse_is_regression():
    X = np.linspace(-1, 1, 60)[:, None]
    y = np.sin(3 * X[:, 0])
    net = fastnn.mlp(1, 12, 1, activation="tanh", loss="mse", seed=0)
    history = net.fit(X, y, epochs=400, optimizer=fastnn.Adam(0.02), batch_size=10)
    assert net.predict(X).shape == (60,)
    assert net.score(X, y) == pytest.approx(
        1 - np.mean((net.predict(X) - y) ** 2) / np.var(y), rel=1e-12
    )
    assert net.score(X, y) > 0.99
    assert np.isnan(history.accuracy).all()
    assert "accuracy" not in repr(history)
    both = fastnn.mlp(1, 4, 2, loss="mse")
    assert both.predict(X).shape == (60, 2)
    with pytest.raises(ValueError, match="use predict"):
        net.predict_proba(X)
    with pytest.raises(ValueError, match="the same in all rows"):
        net.score(X, np.ones(60))


def test_copies_are_nets_of_their_own():
    net = fastnn.mlp(2, 3, 1, seed=1)
    net.fit(*GATE, epochs=2, lr=0.1)
    for twin in (
        copy.copy(net),
        copy.deepcopy(net),
        pickle.loads(pickle.dumps(net)),
        net.astype("float64"),
    ):
        assert twin.theta.tobytes() == net.theta.tobytes()
        assert all(np.shares_memory(param, twin.theta) for param in twin.params)
        before = net.theta.copy()
        twin.fit(*GATE, epochs=2, lr=0.1)
        assert (net.theta == before).all()
        assert (twin.theta != before).any()
        assert (twin.params[0] != before[:6].reshape(2, 3)).any()
    single = net.astype("float32")
    assert single.theta.dtype == np.float32
    assert np.allclose(single.theta, net.theta, rtol=1e-7)
    single.fit(*GATE, epochs=2, lr=0.1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_save_and_load(tmp_path, dtype):
    path = tmp_path / "net.npz"
    stack = [fastnn.MatMul(2, 3), fastnn.ReLU(), fastnn.Affine(3, 1), fastnn.Sigmoid()]
    net = fastnn.Sequential(stack, dtype=dtype, seed=3)
    net.fit(GATE[0], np.array(["no", "yes"])[GATE[1]], epochs=3, lr=0.1)
    net.save(path)
    loaded = fastnn.load(path)
    assert repr(loaded) == repr(net)
    assert loaded.theta.tobytes() == net.theta.tobytes()
    assert loaded.predict(GATE[0]).tolist() == net.predict(GATE[0]).tolist()
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == {"net", "theta", "classes"}
    assert os.listdir(tmp_path) == ["net.npz"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    fastnn.mlp(2, 3, 1, seed=1).save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        OSError, match=r"cannot write the file .*net.npz: No space left"
    ):
        fastnn.mlp(2, 3, 1, seed=2).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net.npz"]


def test_files_that_are_no_nets_are_refused(tmp_path):
    junk, arrays, cut = (
        tmp_path / "junk.npz",
        tmp_path / "arrays.npz",
        tmp_path / "cut.npz",
    )
    junk.write_bytes(b"not a zip file at all")
    np.savez(arrays, a=np.arange(3))
    fastnn.mlp(2, 3, 1).save(cut)
    cut.write_bytes(cut.read_bytes()[:300])
    for path in (junk, arrays, cut):
        with pytest.raises(ValueError, match="is not a net"):
            fastnn.load(path)
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        fastnn.mlp(2, 1).save(tmp_path / "none" / "x.npz")
    with pytest.raises(IsADirectoryError, match="a folder has that name"):
        fastnn.mlp(2, 1).save(tmp_path)


def test_parameters_that_are_not_finite_are_told_at_once():
    net = fastnn.mlp(2, 3, 1)
    net.theta[2] = np.inf
    for call in (
        lambda: net.predict(GATE[0]),
        lambda: net.score(*GATE),
        lambda: net.loss_and_grads(*GATE),
    ):
        with pytest.raises(ValueError, match="parameters are not finite"):
            call()


def test_layers_of_ones_own_cannot_be_saved(tmp_path):
    class Mine(fastnn.Affine):
        pass

    with pytest.raises(TypeError, match="Mine is not one of fastnn's layers"):
        fastnn.Sequential([Mine(2, 1)]).save(tmp_path / "x.npz")
    assert not os.listdir(tmp_path)


def test_what_the_kernels_rely_on_cannot_be_changed():
    net = fastnn.mlp(2, 3, 1)
    changes = {
        "n_in": 5,
        "n_out": 5,
        "loss": fastnn.MSE(),
        "dtype": "float32",
        "layers": (),
        "classes": np.arange(99),
    }
    for name, value in changes.items():
        with pytest.raises(AttributeError):
            setattr(net, name, value)
    layer = fastnn.Affine(2, 3)
    layer.params[0] = np.zeros(
        (9, 9)
    )  # a list of its own: the layer keeps to its arrays
    assert layer.params[0].shape == (2, 3)
    layer.n_out = 1
    assert layer.forward(np.ones((4, 2))).shape == (4, 3)


def test_a_net_whose_memory_came_back_read_only_can_be_trained():
    net = fastnn.mlp(2, 3, 1, seed=1)
    buffers = []
    data = pickle.dumps(net, protocol=5, buffer_callback=buffers.append)
    twin = pickle.loads(data, buffers=[bytes(buffer) for buffer in buffers])
    for each in (net, twin):
        each.fit(*GATE, epochs=3, lr=0.1)
    assert twin.theta.tobytes() == net.theta.tobytes()


def test_damaged_files_name_themselves(tmp_path):
    path = tmp_path / "net.npz"
    net = fastnn.mlp(2, 3, 3, seed=1)
    net.fit(GATE[0], GATE[1], epochs=1, lr=0.1)
    net.save(path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for _ in range(300):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 4):
            damaged[at] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            fastnn.load(path).predict(GATE[0])
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 200
    assert all("net.npz is not a net" in message for message in messages)
    labels = ([2, 1, 0], [0, 1], [[0], [1], [2]], [0.5, 1.0, 2.0], range(10_000))
    for classes in map(np.array, labels):
        with np.load(io.BytesIO(content)) as file:
            arrays = dict(file) | {"classes": classes}
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="labels are not 3 sorted"):
            fastnn.load(path)
    net.theta[0] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        net.save(path)


def test_one_compilation_serves_every_loss_and_every_form_of_data():
    from fastnn import kernels

    for loss, n_out in (("bce", 1), ("softmax_ce", 3), ("mse", 2)):
        y = np.zeros((4, 2)) if loss == "mse" else [0, 1, 1, 0]
        for X in (GATE[0], GATE[0].tolist(), np.asfortranarray(GATE[0])):
            for size in (1, 2):
                fastnn.mlp(2, 3, n_out, loss=loss).fit(
                    X, y, epochs=1, lr=0.1, batch_size=size
                )
    for kernel in (kernels.loops.per_sample.train, kernels.loops.batches.train):
        signatures = [str(signature) for signature in getattr(kernel, "signatures", [])]
        assert len([text for text in signatures if "float32" not in text]) <= 1
