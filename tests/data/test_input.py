"""What data may be, and how what they may not be is refused."""

import numpy as np
import pandas as pd
import pytest

import fastnn

GATE = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
LABELS = np.array([0, 1, 1, 0])


def trained(X, y, **options):
    net = fastnn.mlp(2, 3, 1, activation="tanh", seed=3, **options)
    net.fit(X, y, epochs=3, lr=0.5)
    return net


REFERENCE = trained(GATE.astype(float), LABELS)


def memory_mapped(tmp_path):
    path = tmp_path / "x.dat"
    GATE.astype(float).tofile(path)
    return np.memmap(path, float, "r", shape=(4, 2))


def read_only():
    X = GATE.astype(float)
    X.flags.writeable = False
    return X


def unaligned():
    raw = np.zeros(8 * 8 + 1, np.uint8)[1:].view("V8").view(float).reshape(4, 2)
    raw[:] = GATE
    assert not raw.flags.aligned
    return raw


FORMS = {
    "list": lambda: GATE.tolist(),
    "tuple of tuples": lambda: tuple(map(tuple, GATE.tolist())),
    "int64": lambda: GATE,
    "uint8": lambda: GATE.astype(np.uint8),
    "bool": lambda: GATE.astype(bool),
    "float16": lambda: GATE.astype(np.float16),
    "float32": lambda: GATE.astype(np.float32),
    "big-endian": lambda: GATE.astype(">f8"),
    "read-only": read_only,
    "Fortran-ordered": lambda: np.asfortranarray(GATE.astype(float)),
    "strided": lambda: np.repeat(np.repeat(GATE.astype(float), 2, axis=0), 3, axis=1)[
        ::2, ::3
    ],
    "negative strides": lambda: GATE.astype(float)[::-1, ::-1][::-1, ::-1],
    "unaligned": unaligned,
    "masked, nothing masked": lambda: np.ma.array(GATE.astype(float)),
    "pandas frame": lambda: pd.DataFrame(GATE, columns=["a", "b"]),
    "pandas frame, nullable": lambda: pd.DataFrame(GATE, dtype="Int64"),
    "pandas frame, mixed numbers": lambda: pd.DataFrame(
        {"a": GATE[:, 0].astype(bool), "b": GATE[:, 1].astype(float)}
    ),
    "pandas frame, odd index": lambda: pd.DataFrame(
        GATE.astype(float), index=[9, 3, 3, 1]
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_x_give_the_same_bits(form):
    X = FORMS[form]()
    before = np.array(X, float)
    net = trained(X, LABELS)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.predict_proba(X).tobytes() == REFERENCE.predict_proba(GATE).tobytes()
    assert (np.array(X, float) == before).all()


def test_memory_mapped_x(tmp_path):
    assert (
        trained(memory_mapped(tmp_path), LABELS).theta.tobytes()
        == REFERENCE.theta.tobytes()
    )


@pytest.mark.parametrize(
    "y",
    [
        LABELS.tolist(),
        LABELS.astype(np.float16),
        LABELS.astype(np.uint8),
        LABELS.astype(bool),
        LABELS[:, None],
        np.asfortranarray(np.stack([LABELS, LABELS], axis=1))[:, 0],
        pd.Series(LABELS, index=[4, 4, 2, 0]),
        pd.Series(LABELS, dtype="category"),
    ],
    ids=lambda y: type(y).__name__,
)
def test_forms_of_y_give_the_same_bits(y):
    net = trained(GATE, y)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.predict(GATE).dtype == np.int64


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["no", "yes"], list),
        (["no", "yes"], np.array),
        (["no", "yes"], lambda y: np.array(y, object)),
        (["no", "yes"], pd.Series),
        (["no", "yes"], lambda y: pd.Series(y, dtype="category")),
        ([-1, 1], np.array),
        ([-1.0, 1.0], np.array),
    ],
)
def test_labels_come_back_from_predict(names, kind):
    y = kind([names[label] for label in LABELS])
    net = trained(GATE, y)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.classes.tolist() == names
    assert set(net.predict(GATE).tolist()) <= set(names)
    assert net.score(GATE, y) == REFERENCE.score(GATE, LABELS)
    net.fit(
        GATE[:1], kind([names[0]]), epochs=1, lr=0.1
    )  # one of the known labels is enough
    with pytest.raises(ValueError, match="has learned"):
        net.fit(
            GATE,
            ["a", "b", "b", "a"] if names[0] == -1 else [0, 1, 1, 0],
            epochs=1,
            lr=0.1,
        )


def test_string_labels_of_three_classes_and_one_hot_rows():
    X, y = fastnn.datasets.spiral(10)
    names = np.array(["red", "green", "blue"])
    numbers, hot, words = (fastnn.mlp(2, 4, 3) for _ in range(3))
    numbers.fit(X, y, epochs=2, lr=0.1)
    hot.fit(X, np.eye(3)[y], epochs=2, lr=0.1)
    words.fit(X, names[(2 - y) % 3], epochs=2, lr=0.1)  # blue, green, red, as sorted
    assert numbers.theta.tobytes() == hot.theta.tobytes() == words.theta.tobytes()
    assert set(words.predict(X)) <= set(names)
    assert words.classes.tolist() == ["blue", "green", "red"]


NAN_AT = [[0.0, 1.0], [1.0, 2.0], [0.0, np.nan]]
BAD_X = {
    "NaN": (NAN_AT, "X has nan in row 2, column 1"),
    "inf": ([[0.0, -np.inf], [1.0, 2.0]], "X has -inf in row 0, column 1"),
    "width": (np.zeros((4, 3)), "X has 3 columns, but the net takes 2"),
    "one row": (np.zeros(2), r"X\[None, :\]"),
    "three dimensions": (np.zeros((4, 2, 1)), "two dimensions"),
    "no rows": (np.zeros((0, 2)), "empty"),
    "empty list": ([], "two dimensions"),
    "ragged": ([[0.0, 1.0], [1.0]], "rectangular"),
    "complex": (GATE.astype(complex), "complex"),
    "objects": (GATE.astype(object), "objects"),
    "strings": ([["0", "1"], ["1", "0"]], "strings"),
    "dates": (GATE.astype("datetime64[s]"), "dates"),
    "long double": (GATE.astype(np.longdouble), "64 bits"),
    "huge integers": ([[2**62 + 1, 0], [1, 0]], r"2\*\*53"),
    "masked": (np.ma.array(GATE.astype(float), mask=GATE == 1), "masked"),
    "missing in pandas": (
        pd.DataFrame({"a": [1, None], "b": [0, 1]}),
        "X has nan in row 1, column 0",
    ),
    "mixed pandas": (
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        "no numbers in column 1 .'b'",
    ),
    "pandas, missing integers": (
        pd.DataFrame({"a": [1, None], "b": [0, 1]}, dtype="Int64"),
        "X has nan in row 1",
    ),
    "None": (None, "two dimensions.*not NoneType"),
    "a dict": ({"a": [1]}, "two dimensions.*not dict"),
    "strings among numbers": (
        [[0.0, "1"], [1.0, 0.0]],
        "mixes strings with other values, such as 0.0",
    ),
}


@pytest.mark.parametrize("case", BAD_X)
def test_bad_x_is_refused(case):
    X, message = BAD_X[case]
    net = fastnn.mlp(2, 3, 1)
    before = net.theta.tobytes()
    for call in (
        net.predict,
        net.predict_proba,
        lambda X: net.fit(X, [0] * 4, epochs=1, lr=0.1),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            call(X)
    assert net.theta.tobytes() == before
    assert net.history is None


def test_a_sparse_matrix_is_refused_with_the_remedy():
    class Sparse:  # what SciPy's matrices have in common
        shape, nnz = (4, 2), 3

        def toarray(self):
            return GATE

    with pytest.raises(TypeError, match="toarray"):
        fastnn.mlp(2, 3, 1).predict(Sparse())


def test_values_too_large_for_float32_are_refused():
    net = fastnn.mlp(2, 3, 1, dtype="float32")
    net.predict(GATE * 1e30)
    with pytest.raises(
        ValueError, match=r"1e\+300 in row 1, column 0.* not finite in float32"
    ):
        net.predict([[0, 0], [1e300, 0]])


BAD_Y = {
    "length": ("bce", [0, 1, 1], "y has 3 rows, but 4"),
    "scalar": ("bce", 1, "single value"),
    "empty": ("bce", [], "empty"),
    "out of range": ("bce", [0, 1, 2, 0], "label 2 in row 2"),
    "below range": ("softmax_ce", [0, 1, -1, 2], "label -1 in row 2"),
    "above range": ("softmax_ce", [0, 1, 1, 3], "label 3 in row 3"),
    "fraction": ("bce", [0, 0.5, 1, 1], "label 0.5 in row 1"),
    "NaN": ("softmax_ce", [0, np.nan, 1, 1], "label nan in row 1"),
    "complex": ("bce", LABELS.astype(complex), "complex"),
    "objects": ("bce", np.array([0, 1, None, 1], object), "object"),
    "dates": ("bce", LABELS.astype("datetime64[s]"), "datetime"),
    "huge unsigned": ("bce", np.array([0, 1, 2**64 - 1, 1], np.uint64), "row 2"),
    "from 1": ("softmax_ce", [1, 2, 3, 1], "label 3 in row 2.*subtract 1"),
    "mixed": ("bce", ["a", np.nan, "a", "b"], "mixes strings"),
    "missing among objects": (
        "bce",
        np.array(["a", None, "a", "b"], object),
        "None in row 1",
    ),
    "missing in pandas": ("bce", pd.Series(["a", None, "a", "b"]), "in row 1"),
    "too few strings": ("softmax_ce", ["a", "b", "b", "a"], "2 kinds of labels"),
    "too many strings": ("bce", ["a", "b", "c", "a"], "3 kinds of labels"),
    "one-hot for bce": ("bce", np.eye(2)[LABELS], "argmax"),
    "one-hot of wrong width": ("softmax_ce", np.eye(2)[LABELS], "2 columns"),
    "one-hot that sums to two": (
        "softmax_ce",
        [[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]],
        "row 1 of y",
    ),
    "one-hot that sums to none": (
        "softmax_ce",
        [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]],
        "row 2 of y",
    ),
    "shares": (
        "softmax_ce",
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]],
        "row 3 of y",
    ),
    "negative one-hot": (
        "softmax_ce",
        [[1, 0, 0], [2, -1, 0], [0, 0, 1], [1, 0, 0]],
        "row 1 of y",
    ),
    "three dimensions": ("softmax_ce", np.zeros((4, 3, 1)), "one label per row"),
    "mse, wrong width": ("mse", np.zeros((4, 3)), "2 outputs"),
    "mse, one column": ("mse", np.zeros(4), "2 outputs"),
    "mse, NaN": (
        "mse",
        [[0, 1], [0, 1], [np.nan, 0], [0, 0]],
        "y has nan in row 2, column 0",
    ),
    "mse, strings": ("mse", [["a", "b"]] * 4, "strings"),
}


@pytest.mark.parametrize("case", BAD_Y)
def test_bad_y_is_refused(case):
    loss, y, message = BAD_Y[case]
    net = fastnn.mlp(2, 3, {"bce": 1, "softmax_ce": 3, "mse": 2}[loss], loss=loss)
    before = net.theta.tobytes()
    for call in (
        net.loss_and_grads,
        net.score,
        lambda X, y: net.fit(X, y, epochs=1, lr=0.1),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            call(GATE, y)
    assert net.theta.tobytes() == before
    assert net.classes is None


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
def test_bad_arguments_of_fit_are_refused(case):
    options, message = BAD_FIT[case]
    net = fastnn.mlp(2, 3, 1)
    before = net.theta.tobytes()
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(GATE, LABELS, **({"epochs": 1, "lr": 0.1} | options))
    assert net.theta.tobytes() == before


BAD_OPTIMIZERS = {
    "lr": lambda: fastnn.SGD(np.nan),
    "momentum 1": lambda: fastnn.SGD(0.1, momentum=1.0),
    "nesterov alone": lambda: fastnn.SGD(0.1, nesterov=True),
    "decay": lambda: fastnn.SGD(0.1, weight_decay=-1.0),
    "beta1": lambda: fastnn.Adam(beta1=1.0),
    "beta2": lambda: fastnn.Adam(beta2=-0.1),
    "eps": lambda: fastnn.Adam(eps=np.inf),
}


@pytest.mark.parametrize("case", BAD_OPTIMIZERS)
def test_bad_settings_of_optimizers_are_refused(case):
    with pytest.raises(ValueError, match=r"must be|needs"):
        BAD_OPTIMIZERS[case]()


def test_settings_changed_later_are_checked_as_well():
    optimizer = fastnn.SGD(0.1)
    optimizer.lr = np.nan
    with pytest.raises(ValueError, match="lr must be finite"):
        fastnn.mlp(2, 3, 1).fit(GATE, LABELS, epochs=1, optimizer=optimizer)


def test_numpy_numbers_are_numbers():
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
