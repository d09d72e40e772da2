"""Forms of X that are accepted, with the same bits, and values that are refused."""

import numpy as np
import pandas as pd
import pytest
from nets import GATE, LABELS, trained_on_gate

import fastnn

REFERENCE = trained_on_gate(GATE.astype(float), LABELS)


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
def test_all_forms_of_x_give_the_same_bits(form):
    X = FORMS[form]()
    before = np.array(X, float)
    net = trained_on_gate(X, LABELS)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.predict_proba(X).tobytes() == REFERENCE.predict_proba(GATE).tobytes()
    assert (np.array(X, float) == before).all()


def test_memory_mapped_x_gives_the_same_bits(tmp_path):
    path = tmp_path / "x.dat"
    GATE.astype(float).tofile(path)
    X = np.memmap(path, float, "r", shape=(4, 2))
    assert trained_on_gate(X, LABELS).theta.tobytes() == REFERENCE.theta.tobytes()


NAN_IN_ROW_2 = [[0.0, 1.0], [1.0, 2.0], [0.0, np.nan]]
BAD_X = {
    "NaN": (NAN_IN_ROW_2, "X has nan in row 2, column 1"),
    "inf": ([[0.0, -np.inf], [1.0, 2.0]], "X has -inf in row 0, column 1"),
    "width": (np.zeros((4, 3)), "X has 3 columns, but the net takes 2"),
    "one row": (np.zeros(2), r"X\[None, :\]"),
    "three dimensions": (np.zeros((4, 2, 1)), "two dimensions"),
    "no rows": (np.zeros((0, 2)), "empty"),
    "empty list": ([], "two dimensions"),
    "ragged": ([[0.0, 1.0], [1.0]], "rectangular"),
    "complex": (GATE.astype(complex), "complex"),
    "objects": (
        np.array([[0, 1], [1, "x"]], object),
        "'x' in row 1, column 1, among objects",
    ),
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
def test_bad_x_is_refused_and_changes_nothing(case):
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
    class Sparse:
        """What SciPy's sparse matrices have in common."""

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


def test_the_advice_for_one_sample_in_a_list_works():
    net, X = fastnn.mlp(2, 1), [0.5, 1.0]
    with pytest.raises(ValueError, match=r"pass np\.array\(X\)\[None, :\] for one sam"):
        net.predict(X)
    assert net.predict(np.array(X)[None, :]).shape == (1,)
