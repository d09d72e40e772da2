"""Weights of rows and classes: their values, and what is refused."""

import numpy as np
import pytest

from fastnn.data.weights import row_weights

Y = np.array([[0], [0], [1], [0]], float)
LABELS = np.array(["no", "yes"])


def test_nothing_given_is_empty():
    assert row_weights(None, None, Y, LABELS).shape == (0,)


def test_weights_of_rows_and_classes_are_multiplied():
    weights = row_weights([1, 2, 3, 0], {"yes": 2.5}, Y, LABELS)
    assert weights.tolist() == [1, 2, 7.5, 0]
    assert weights.dtype == float
    assert not weights.flags.writeable


def test_balanced_classes_weigh_the_same():
    # scikit-learn: compute_sample_weight("balanced", [0, 0, 1, 0])
    assert row_weights(None, "balanced", Y, LABELS).tolist() == [2 / 3, 2 / 3, 2, 2 / 3]
    three = np.array(["no", "yes", "absent"])
    assert row_weights(None, "balanced", Y, three).tolist() == [2 / 3, 2 / 3, 2, 2 / 3]


def test_float32_targets_have_float32_weights():
    assert (
        row_weights([1, 2, 3, 4], None, Y.astype("float32"), LABELS).dtype == "float32"
    )


@pytest.mark.parametrize(
    ("sample_weight", "class_weight", "message"),
    [
        ([1, 2], None, r"sample_weight has shape \(2,\)"),
        ([1, 2, -1, 1], None, "-1 in row 2"),
        ([1, 2, np.nan, 1], None, "row 2"),
        ([0, 0, 0, 0], None, "all weights are 0"),
        (np.ones((3, 4)), None, "takes one weight per row of X"),
        (None, "equal", "must be 'balanced' or a dict"),
        (None, [1, 2], "must be 'balanced' or a dict"),
        (None, {"maybe": 1}, "has the label 'maybe'"),
        (None, {"yes": -1}, "-1"),
        (None, {"yes": "much"}, "class_weight"),
    ],
)
def test_wrong_weights_are_refused(sample_weight, class_weight, message):
    with pytest.raises((TypeError, ValueError), match=message):
        row_weights(sample_weight, class_weight, Y, LABELS)


def test_class_weight_needs_classes():
    with pytest.raises(ValueError, match="pass sample_weight"):
        row_weights(None, "balanced", Y, None)
