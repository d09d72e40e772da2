"""Forms of y that are accepted, with the same bits, and labels that are refused."""

import numpy as np
import pandas as pd
import pytest
from nets import GATE, LABELS, trained_on_gate

import fastnn

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
def test_predict_returns_labels_of_the_given_kind(names, kind):
    y = kind([names[label] for label in LABELS])
    net = trained_on_gate(GATE, y)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.classes.tolist() == names
    assert set(net.predict(GATE).tolist()) <= set(names)
    assert net.score(GATE, y) == REFERENCE.score(GATE, LABELS)
    # a later fit may have only some of the labels, but no others
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
    "probabilities": (
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
