"""Forms of y that are accepted, with the same bits, and labels that are refused."""

import numpy as np
import pandas as pd
import pytest
from nets import GATE, LABELS, trained_on_gate

import fastnn
from fastnn.data.labels import encode_targets
from fastnn.data.targets import TargetKind

REFERENCE = trained_on_gate(GATE.astype(float), LABELS)


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
def test_all_forms_of_y_give_the_same_bits(y):
    net = trained_on_gate(GATE, y)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.predict(GATE).tolist() == REFERENCE.predict(GATE).tolist()


TWO_LABELS = {
    "bool": np.array([False, True]),
    "uint8": np.array([0, 255], np.uint8),
    "int8": np.array([-128, 127], np.int8),
    "int64, beyond floats": np.array([2**53, 2**53 + 1]),
    "uint64, beyond int64": np.array([1, 2**64 - 1], np.uint64),
    "big-endian": np.array([2, 4], ">i4"),
    "float16": np.array([2, 4], np.float16),
    "float32": np.array([-0.5, 3], np.float32) * 2,
    "strings": np.array(["no", "yes"], "U7"),
    "bytes": np.array([b"no", b"yes"]),
}


@pytest.mark.parametrize("name", TWO_LABELS)
def test_predict_returns_the_dtype_and_values_of_fit(name, tmp_path):
    two = TWO_LABELS[name]
    net = trained_on_gate(GATE, two[LABELS])
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    runs = net.fit_many(GATE, two[LABELS], seeds=range(2), epochs=1, lr=0.1)
    dtype = two.dtype.newbyteorder("=")
    net.save(tmp_path / "net.npz")
    runs.save(tmp_path / "runs.npz")
    for trained in (
        net,
        net.astype("float32"),
        fastnn.load(tmp_path / "net.npz"),
        runs[1],
        fastnn.Runs.load(tmp_path / "runs.npz")[1],
    ):
        assert trained.predict(GATE).dtype == trained.classes.dtype == dtype
        assert (trained.classes == two).all()
    numbers = REFERENCE.predict(GATE)
    assert (net.predict(GATE) == two[numbers]).all()
    assert net.score(GATE, two[LABELS]) == REFERENCE.score(GATE, LABELS)


OBJECTS = {
    "whole numbers": (np.array([2, 4, 4, 2], object), np.int64),
    "NumPy scalars": (np.array([np.int8(2), np.int8(4)] * 2, object), np.int8),
    "whole floats": (np.array([2.0, 4.0, 4.0, 2.0], object), np.float64),
    "booleans": (np.array([False, True, True, False], object), np.bool_),
    "pandas Int16": (pd.Series([2, 4, 4, 2], dtype="Int16"), np.int16),
    "pandas boolean": (pd.Series([False, True] * 2, dtype="boolean"), np.bool_),
    "pandas category": (pd.Series([2, 4, 4, 2], dtype="category"), np.int64),
    "a frame with a column": (pd.DataFrame({"y": [2, 4, 4, 2]}), np.int64),
    "a list": ([2, 4, 4, 2], np.int64),
    "a tuple": ((False, True, True, False), np.bool_),
    "a range": (range(4), np.int64),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_get_the_type_that_holds_them(name):
    y, dtype = OBJECTS[name]
    net = fastnn.mlp(2, 3, 4 if name == "a range" else 1)
    net.fit(GATE, y, epochs=1, lr=0.1)
    assert net.predict(GATE).dtype == dtype
    values = np.asarray(y).reshape(-1).tolist()
    assert net.classes.tolist() == sorted(set(values))


@pytest.mark.parametrize(
    "kind",
    [
        list,
        lambda y: np.array(y, object),
        lambda y: pd.Series(y, dtype=object),
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y, dtype="category"),
        lambda y: np.array(y, np.dtypes.StringDType()),
        lambda y: pd.DataFrame({"y": y}),
    ],
)
def test_strings_of_any_container_come_back(kind):
    names = np.array(["no", "yes"])
    net = trained_on_gate(GATE, kind(names[LABELS].tolist()))
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.predict(GATE).tolist() == names[REFERENCE.predict(GATE)].tolist()
    assert net.predict(GATE).dtype.kind == "U"


@pytest.mark.parametrize("labels", [[10, 20, 30], [0, 1, 3], [-5, 0, 2], [1, 2, 3]])
def test_any_whole_numbers_are_labels_in_sorted_order(labels):
    X, y = fastnn.datasets.spiral(10)
    net, other = (fastnn.mlp(2, 4, 3) for _ in range(2))
    net.fit(X, y, epochs=2, lr=0.1)
    other.fit(X, np.array(labels)[y], epochs=2, lr=0.1)
    assert other.theta.tobytes() == net.theta.tobytes()
    assert other.predict(X).tolist() == np.array(labels)[net.predict(X)].tolist()


def in_turn(*ys, n_out=1):
    """A net after fits of single labels, each of which all rows have."""
    net = fastnn.mlp(2, 3, n_out, activation="tanh", seed=3)
    for y in ys:
        net.fit(GATE, [y] * 4, epochs=200, lr=0.5)
        assert net.predict(GATE).tolist() == [y] * 4
        assert net.predict_proba(GATE)[:, net.classes.tolist().index(y)].min() > 0.5
    return net


@pytest.mark.parametrize(
    ("ys", "n_out", "classes"),
    [
        ((1, -1), 1, [-1, 1]),
        ((-1, 1), 1, [-1, 1]),
        ((0, -1), 1, [-1, 0]),  # 0 was number 0 already, and stays it
        ((1, 2), 1, [1, 2]),
        ((1, 5), 1, [1, 5]),
        ((1.0, -1), 1, [-1, 1]),
        ((1, 3, 2), 3, [1, 2, 3]),
        ((2, 1, 7), 3, [1, 2, 7]),
        ((0, 1, 9), 3, [0, 1, 9]),
        ((*tuple(range(7, 0, -1))[1:], 7), 7, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_labels_keep_their_meaning_in_whatever_order_they_come(ys, n_out, classes):
    net = in_turn(*ys, n_out=n_out)
    assert net.classes.tolist() == classes
    with pytest.raises(ValueError, match="label 99 in row 0, but the net has learned"):
        net.fit(GATE, [99] * 4, epochs=1, lr=0.1)


def test_labels_that_came_in_any_order_survive_a_file(tmp_path):
    net, path = in_turn(0, -1), tmp_path / "net.npz"
    net.save(path)
    loaded = fastnn.load(path)
    assert loaded.predict(GATE).tolist() == net.predict(GATE).tolist() == [-1] * 4
    assert (loaded.predict_proba(GATE) == net.predict_proba(GATE)).all()
    assert net.predict_proba(GATE)[:, 0].min() > 0.5
    assert net.score(GATE, [-1, 0, -1, -1]) == 0.75
    half = in_turn(1)  # the label 0 is only assumed, also after loading
    half.save(path)
    loaded = fastnn.load(path)
    loaded.fit(GATE, [-1, 1, 1, -1], epochs=1, lr=0.1)
    assert loaded.classes.tolist() == [-1, 1]


def test_nets_of_a_sweep_learn_further_labels_too():
    runs = fastnn.mlp(2, 3, 1).fit_many(GATE, [1] * 4, seeds=[0], epochs=1, lr=0.1)
    runs[0].fit(GATE, [-1] * 4, epochs=1, lr=0.1)
    declared = fastnn.mlp(2, 3, 1).fit_many(
        GATE, [4] * 4, seeds=[0], epochs=1, lr=0.1, classes=[4, 2]
    )
    assert declared.classes.tolist() == declared[0].classes.tolist() == [2, 4]


def test_classes_declare_labels_that_are_absent():
    net, whole = fastnn.mlp(2, 3, 1), fastnn.mlp(2, 3, 1)
    y = np.array([2, 4], np.uint8)[LABELS]
    whole.fit(GATE, y, epochs=1, lr=0.5, shuffle=False)
    for row in range(4):
        one = slice(row, row + 1)
        net.fit(GATE[one], y[one], epochs=1, lr=0.5, classes=[4, 2])
    assert net.theta.tobytes() == whole.theta.tobytes()
    assert net.classes.tolist() == [2, 4]
    assert net.predict(GATE).dtype == np.uint8
    words = fastnn.mlp(2, 3, 3)
    words.fit(GATE, list("abba"), epochs=1, lr=0.1, classes=pd.Series(["c", "a", "b"]))
    assert words.classes.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([2, 3], "label 4 in row 1, but classes has 2, 3"),
        ([2, 3, 4], r"classes has 3 different labels \(2, 3, 4\).* 2 classes"),
        ([2, 2], "classes has 1 different labels .*1 repeated"),
        (["a", "b"], "y has labels like 2, but classes has 'a', 'b'"),
        ([2, None], "classes has a missing label, None, in row 1"),
        ([2.5, 4.0], "classes has the label 2.5"),
        (2, "classes must be a list of 2 labels"),
    ],
)
def test_wrong_classes_are_refused(classes, message):
    net = fastnn.mlp(2, 3, 1)
    with pytest.raises((ValueError, TypeError), match=message):
        net.fit(GATE, [2, 4, 4, 2], epochs=1, lr=0.1, classes=classes)
    assert net.classes is None


def test_classes_must_agree_with_those_learned_and_with_the_loss():
    net = fastnn.mlp(2, 3, 1)
    net.fit(GATE, [2, 4, 4, 2], epochs=1, lr=0.1)
    net.fit(GATE, [2, 2, 2, 2], epochs=1, lr=0.1, classes=[2, 4])
    with pytest.raises(ValueError, match=r"classes has the labels 2, 3, but .* 2, 4"):
        net.fit(GATE, [2, 2, 2, 2], epochs=1, lr=0.1, classes=[2, 3])
    with pytest.raises(ValueError, match="takes values"):
        fastnn.mlp(2, 1, loss="mse").fit(GATE, LABELS, epochs=1, lr=0.1, classes=[0, 1])


def test_a_net_that_was_not_fitted_forgets_no_numbering():
    net = fastnn.mlp(2, 3, 1)
    assert (
        net.loss_and_grads(GATE, [-1, 1, 1, -1])[0]
        == net.loss_and_grads(GATE, LABELS)[0]
    )
    assert net.score(GATE, [2, 4, 4, 2]) == net.score(GATE, LABELS)
    # Alone, a label 1 would be number 1; with 2 it is number 0.
    with pytest.raises(ValueError, match="labels 1, 2, and the net has not been fit"):
        net.loss_and_grads(GATE, [1, 2, 2, 1])
    with pytest.raises(ValueError, match="labels 1, 2, 3"):
        fastnn.SoftmaxCE().forward(np.zeros((3, 3)), [1, 2, 3])


MISSING = {
    "None": [0, None, 1, 1],
    "NaN": [0, np.nan, 1, 1],
    "None among strings": np.array(["a", None, "a", "b"], object),
    "NaN among strings": pd.Series(["a", np.nan, "a", "b"]),
    "pd.NA": pd.Series([0, None, 1, 1], dtype="Int64"),
    "pd.NA among booleans": pd.Series([True, None, True, False], dtype="boolean"),
    "a category": pd.Series(["a", None, "a", "b"], dtype="category"),
    "NaT": np.array(["a", pd.NaT, "a", "b"], object),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_labels_are_refused(name):
    net = fastnn.mlp(2, 3, 1)
    with pytest.raises(ValueError, match=r"missing label, .*, in row 1: drop"):
        net.fit(GATE, MISSING[name], epochs=1, lr=0.1)
    assert net.classes is None


def test_targets_of_a_regression_are_told_from_labels():
    y = np.arange(40.0)
    for values in (y / 7, y, y.astype(int)):
        with pytest.raises(ValueError, match="for a regression make the net with los"):
            fastnn.mlp(1, 3, 1).fit(y[:, None], values, epochs=1, lr=0.1)
    with pytest.raises(ValueError, match="for a regression make the net with loss"):
        fastnn.mlp(1, 3).fit(y[:, None], np.stack([y, y, y], 1), epochs=1, lr=0.1)


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
def test_predict_returns_labels_of_the_given_kind(names, kind):
    y = kind([names[label] for label in LABELS])
    net = trained_on_gate(GATE, y)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.classes.tolist() == names
    assert set(net.predict(GATE).tolist()) <= set(names)
    assert net.score(GATE, y) == REFERENCE.score(GATE, LABELS)
    # A later fit may have only some of the labels, but no others.
    net.fit(GATE[:1], kind([names[0]]), epochs=1, lr=0.1)
    others = ["a", "b", "b", "a"] if names[0] == -1 else [0, 1, 1, 0]
    with pytest.raises(ValueError, match="has learned"):
        net.fit(GATE, others, epochs=1, lr=0.1)


def test_numbers_one_hot_rows_and_sorted_strings_give_the_same_bits():
    X, y = fastnn.datasets.spiral(10)
    names = np.array(["red", "green", "blue"])
    numbers, one_hot, words = (fastnn.mlp(2, 4, 3) for _ in range(3))
    numbers.fit(X, y, epochs=2, lr=0.1)
    one_hot.fit(X, np.eye(3)[y], epochs=2, lr=0.1)
    # sorted, the names are blue, green, red
    words.fit(X, names[(2 - y) % 3], epochs=2, lr=0.1)
    assert numbers.theta.tobytes() == one_hot.theta.tobytes() == words.theta.tobytes()
    assert set(words.predict(X)) <= set(names)
    assert words.classes.tolist() == ["blue", "green", "red"]


BAD_Y = {
    "length": ("bce", [0, 1, 1], "y has 3 rows, but 4"),
    "scalar": ("bce", 1, "single value"),
    "empty": ("bce", [], "empty"),
    "too many": ("bce", [0, 1, 2, 0], "3 kinds of labels .0, 1, 2., .*3 outputs"),
    "too many from -1": ("softmax_ce", [0, 1, -1, 2], "4 kinds of labels"),
    "too few for a number": ("softmax_ce", [0, 5, 5, 0], r"classes=\[0, 5, ...\]"),
    "one of two": ("bce", [4, 4, 4, 4], r"1 kind of .* classes=\[4, ...\] of fit or"),
    "fraction": ("bce", [0, 1.5, 1, 1], "label 1.5 in row 1"),
    "NaN": ("softmax_ce", [0, np.nan, 1, 1], "missing label, nan, in row 1"),
    "complex": ("bce", LABELS.astype(complex), "complex"),
    "objects": ("bce", np.array([0, 1, "a", 1], object), "'a' in row 2, among obj"),
    "integers beyond 64 bits": ("bce", [0, 2**64, 0, 0], "no NumPy type"),
    "strings that end in NUL": (
        "bce",
        np.array(["a", "a\0", "a", "a"], object),
        "no NumPy type",
    ),
    "dates": ("bce", LABELS.astype("datetime64[s]"), "datetime"),
    "infinity": ("bce", [0, np.inf, 1, 1], "label inf in row 1"),
    "mixed": ("bce", ["a", np.nan, "a", "b"], "mixes strings"),
    "missing among objects": (
        "bce",
        np.array(["a", None, "a", "b"], object),
        "None, in row 1",
    ),
    "missing in pandas": ("bce", pd.Series(["a", None, "a", "b"]), "missing.*row 1"),
    "too few strings": ("softmax_ce", ["a", "b", "b", "a"], "2 kinds of labels"),
    "too many strings": ("bce", ["a", "b", "c", "a"], "3 kinds of labels"),
    "one-hot for bce": ("bce", np.eye(2)[LABELS], r"np\.argmax\(y, axis=1\)"),
    "three columns for bce": ("bce", np.eye(3)[LABELS], ": end the net in 3 outputs"),
    "one-hot of wrong width": ("softmax_ce", np.eye(2)[LABELS], "2 columns"),
    "one-hot that sums to two": (
        "softmax_ce",
        [[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]],
        r"row 1 of y .* several labels per row make the net with loss='bce'$",
    ),
    "one-hot that sums to none": (
        "softmax_ce",
        [[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]],
        "row 2 of y",
    ),
    "probabilities": (
        "softmax_ce",
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.4, 0]],
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
def test_bad_y_is_refused_and_changes_nothing(case):
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


@pytest.mark.parametrize("n", [9, 900])  # short lists take a way of their own
@pytest.mark.parametrize("dtype", ["int8", "uint64", "float16", "float32", "float64"])
def test_labels_that_are_the_numbers_of_their_classes_keep_them(n, dtype):
    kind = TargetKind(3, 3, False, True, -np.inf)
    y = np.resize(np.array([0, 2, 1], dtype), n)
    known = None
    for labels, seen in ((y[:1], [0]), (y[:2], [0, 2]), (y, [0, 1, 2]), (y, [0, 1, 2])):
        targets, known = encode_targets(
            labels, len(labels), kind, known, np.dtype("float64")
        )
        assert targets[:, 0].tolist() == labels.tolist()
        assert np.flatnonzero(known.seen).tolist() == seen
        assert known.of_class.tolist() == [0, 1, 2]


@pytest.mark.parametrize("n", [9, 900])
def test_a_negative_zero_is_the_label_0(n):
    kind = TargetKind(1, 2, False, True, -np.inf)
    y = np.resize([-0.0, 1.0], n)
    targets, known = encode_targets(y, n, kind, None, np.dtype("float64"))
    assert not np.signbit(targets).any()
    assert known.all_seen


@pytest.mark.parametrize("n", [9, 900])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1.5])
def test_a_number_that_is_no_label_is_found(n, wrong):
    y = np.resize([0.0, 1.0], n)
    y[7] = wrong
    with pytest.raises(ValueError, match="row 7"):
        fastnn.mlp(2, 2, 1, seed=0).fit(np.zeros((n, 2)), y, epochs=1, lr=0.1)
