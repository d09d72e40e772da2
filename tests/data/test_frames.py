"""Frames of pandas, Polars and PyArrow: names and types of their columns."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from nets import GATE, LABELS, trained_on_gate

import fastnn
from fastnn.data.arrays import as_features
from fastnn.data.frames import column_names

REFERENCE = trained_on_gate(GATE.astype(float), LABELS)


def pandas_frame(columns):
    return pd.DataFrame(columns)


def polars_frame(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def arrow_table(columns):
    return pytest.importorskip("pyarrow").table(columns)


FRAMES = [pandas_frame, polars_frame, arrow_table]
COLUMNS = {"a": GATE[:, 0].astype(float), "b": GATE[:, 1].astype(float)}


@pytest.mark.parametrize("make", FRAMES)
@pytest.mark.parametrize(
    "second",
    [
        [0.0, 0.0, 1.0, 1.0],
        [False, False, True, True],
        np.array([0, 0, 1, 1], np.uint8),
        np.array([0, 0, 1, 1], np.float32),
    ],
    ids=["floats", "booleans", "uint8", "float32"],
)
def test_frames_give_the_same_bits_as_arrays(make, second):
    X = make({"a": COLUMNS["a"], "b": second})
    net = trained_on_gate(X, LABELS)
    assert net.theta.tobytes() == REFERENCE.theta.tobytes()
    assert net.predict_proba(X).tobytes() == REFERENCE.predict_proba(GATE).tobytes()
    assert net.columns == column_names(X) == ("a", "b")


WRONG_COLUMNS = {
    "words": ["x", "y", "z", "w"],
    "dates": [date(2020, 1, 1)] * 4,
    "decimals": [Decimal("1.5")] * 4,
    "booleans with nulls": [True, None, False, True],
    "numbers with nulls": [1.0, None, 2.0, 3.0],
    "lists": [[1.0]] * 4,
    "only nulls": [None] * 4,
}


@pytest.mark.parametrize("make", FRAMES)
@pytest.mark.parametrize("name", WRONG_COLUMNS)
def test_columns_that_hold_no_numbers_are_named(make, name):
    wrong = WRONG_COLUMNS[name]
    net = fastnn.mlp(2, 3, 1)
    for X in (make({"num": [0.0, 1.0, 0.0, 1.0], "bad": wrong}), make({"bad": wrong})):
        if net.n_in != X.shape[1]:
            net = fastnn.mlp(1, 3, 1)
        for call in (net.predict, lambda X, net=net: net.score(X, LABELS)):
            with pytest.raises((TypeError, ValueError), match="bad") as caught:
                call(X)
            assert "num" not in str(caught.value).replace("number", "")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b", "a", "b"], dtype="category"),
        pd.Series([1, 2, 1, 2], dtype="category"),
        pd.to_datetime(["2020-01-01"] * 4),
        pd.to_timedelta(["1 day"] * 4),
        pd.period_range("2020", periods=4, freq="D"),
        pd.Series([1 + 2j] * 4),
        pd.Series([0, None, 1, 1], dtype="Int64"),
        pd.Series([True, None, False, True], dtype="boolean"),
        pd.Series([1, "x", 2, 3], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_pandas_that_hold_no_numbers_are_named(column):
    X = pd.DataFrame({"num": [0.0, 1.0, 0.0, 1.0], "bad": column})
    with pytest.raises((TypeError, ValueError), match="'bad'"):
        fastnn.mlp(2, 3, 1).predict(X)


@pytest.mark.parametrize(
    "dtypes",
    [
        {"a": "Int64", "b": "boolean"},
        {"a": "int8[pyarrow]", "b": "Float32"},
        {"a": object, "b": "int64"},
        {"a": pd.SparseDtype("float64"), "b": "float64"},
    ],
)
def test_all_numeric_types_of_pandas_are_taken(dtypes):
    if "pyarrow" in str(dtypes):
        pytest.importorskip("pyarrow")
    X = pd.DataFrame(GATE, columns=["a", "b"]).astype(dtypes)
    assert trained_on_gate(X, LABELS).theta.tobytes() == REFERENCE.theta.tobytes()
    assert (
        trained_on_gate(X.astype(object).values, LABELS).theta.tobytes()
        == REFERENCE.theta.tobytes()
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["b", "a"], "another order.*'b', 'a' instead of 'a', 'b'"),
        (["a"], "lacks 'b'"),
        (["a", "b", "c"], "has 'c' besides"),
        (["a", "c"], "lacks 'b', and it has 'c' besides"),
        (["a", "a"], "lacks 'b'"),
    ],
)
@pytest.mark.parametrize("make", FRAMES[:2])
def test_other_columns_than_those_of_fit_are_refused(make, columns, message, tmp_path):
    X = pd.DataFrame(COLUMNS | {"c": COLUMNS["a"]})[columns]
    if make is polars_frame:
        if columns == ["a", "a"]:
            pytest.skip("names are unique in Polars")
        X = make(X.to_dict("list"))
    net = trained_on_gate(make(COLUMNS), LABELS)
    net.save(tmp_path / "net.npz")
    runs = net.fit_many(make(COLUMNS), LABELS, seeds=range(2), epochs=1, lr=0.1)
    runs.save(tmp_path / "runs.npz")
    before = net.theta.tobytes()
    for trained in (
        net,
        net.with_theta(net.theta),
        fastnn.load(tmp_path / "net.npz"),
        runs[0],
        fastnn.Runs.load(tmp_path / "runs.npz")[0],
    ):
        assert trained.columns == ("a", "b")
        for call in (
            trained.predict,
            trained.predict_proba,
            lambda X, net=trained: net.score(X, LABELS),
            lambda X, net=trained: net.loss_and_grads(X, LABELS),
            lambda X, net=trained: net.fit(X, LABELS, epochs=1, lr=0.1),
            lambda X, net=trained: fastnn.check_gradients(net, X, LABELS),
            lambda X, net=trained: fastnn.plot.decision_map(net, X, LABELS),
        ):
            with pytest.raises(ValueError, match=message):
                call(X)
    with pytest.raises(ValueError, match=message):
        net.fit_many(X, LABELS, seeds=range(2), epochs=1, lr=0.1)
    assert net.theta.tobytes() == before


def test_arrays_and_frames_may_take_turns():
    net = trained_on_gate(GATE, LABELS)
    assert net.columns is None
    frame = pd.DataFrame(GATE, columns=["a", "b"])
    net.predict(frame[["b", "a"]])  # there is nothing to compare with
    net.fit(frame, LABELS, epochs=1, lr=0.1)
    net.fit(GATE, LABELS, epochs=1, lr=0.1)
    assert net.columns == ("a", "b")
    assert (net.predict(GATE) == net.predict(frame)).all()
    # pandas numbers columns without names
    assert (net.predict(GATE) == net.predict(pd.DataFrame(GATE))).all()


def test_numbered_columns_have_an_order_too():
    frame = pd.DataFrame(GATE)
    net = trained_on_gate(frame, LABELS)
    with pytest.raises(ValueError, match="1, 0 instead of 0, 1"):
        net.predict(frame[[1, 0]])
    net.predict(frame.rename(columns={0: "a", 1: "b"}))


def test_names_of_several_levels_are_kept_in_a_file(tmp_path):
    columns = pd.MultiIndex.from_tuples([("x", 1), ("x", 2)])
    frame = pd.DataFrame(GATE, columns=columns)
    trained_on_gate(frame, LABELS).save(tmp_path / "net.npz")
    net = fastnn.load(tmp_path / "net.npz")
    assert net.columns == (("x", 1), ("x", 2))
    net.predict(frame)
    with pytest.raises(ValueError, match="another order"):
        net.predict(frame.iloc[:, ::-1])


def test_names_that_are_no_text_are_compared_as_text():
    frame = pd.DataFrame(GATE, columns=pd.to_datetime(["2020-01-01", "2020-01-02"]))
    net = trained_on_gate(frame, LABELS)
    assert net.columns == ("2020-01-01 00:00:00", "2020-01-02 00:00:00")
    with pytest.raises(ValueError, match="another order"):
        net.predict(frame.iloc[:, ::-1])


def test_a_lazy_frame_is_refused_with_the_remedy():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"X\.collect\(\)"):
        fastnn.mlp(2, 3, 1).predict(polars.LazyFrame(COLUMNS))


@pytest.mark.parametrize("dtype", ["String", "Categorical", "Enum"])
def test_labels_of_polars_come_back(dtype):
    polars = pytest.importorskip("polars")
    names = np.array(["no", "yes"])
    kind = polars.Enum(["yes", "no"]) if dtype == "Enum" else getattr(polars, dtype)
    y = polars.Series("y", names[LABELS].tolist(), dtype=kind)
    for labels in (y, y.to_frame()):
        net = trained_on_gate(GATE, labels)
        assert net.theta.tobytes() == REFERENCE.theta.tobytes()
        assert net.predict(GATE).tolist() == names[REFERENCE.predict(GATE)].tolist()
    for numbers in (LABELS.astype(np.uint8), LABELS.astype(bool)):
        net = trained_on_gate(GATE, polars.Series(numbers))
        assert net.predict(GATE).dtype == numbers.dtype


@pytest.mark.parametrize(
    "labels", [["a", None, "a", "b"], [True, None, True, False], [0, None, 1, 1]]
)
def test_missing_labels_of_polars_are_refused(labels):
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=r"missing label, .*, in row 1"):
        trained_on_gate(GATE, polars.Series(labels))


def test_files_with_wrong_names_are_refused(tmp_path):
    from fastnn.data.archives import Archive, write_archive

    net, path = trained_on_gate(GATE, LABELS), tmp_path / "net.npz"
    facts, arrays = net.architecture.facts(), {"theta": net.theta}
    write_archive(path, "net", Archive(facts | {"columns": ["a", 1]}, arrays))
    assert fastnn.load(path).columns == ("a", 1)
    for columns in (["a"], "ab", 2, ["a", None], ["a", 1.5], [["a", {}], "b"]):
        write_archive(path, "net", Archive(facts | {"columns": columns}, arrays))
        with pytest.raises(ValueError, match="its columns"):
            fastnn.load(path)
    arrays["classes"] = np.array([0, 1])
    for wrong in (
        {"seen": [True]},
        {"seen": [1, 0]},
        {"class_numbers": [0, 0]},
        {"class_numbers": ["a", "b"]},
        {"class_numbers": [0, 1, 2]},
    ):
        write_archive(path, "net", Archive(facts | wrong, arrays))
        with pytest.raises(ValueError, match="its labels are not numbered"):
            fastnn.load(path)


def test_what_the_message_about_columns_advises_does_not_raise():
    X = pd.DataFrame({"a": [0.0, 1.0, 0.0, 1.0], "b": [0.0, 0.0, 1.0, 1.0]})
    net = fastnn.mlp(2, 2, 1)
    net.fit(X, [0, 1, 1, 0], epochs=1, lr=0.1)
    advice = r"pass X\[list\(net\.columns\)\]$"
    for other in (X[["b", "a"]], X.assign(c=1.0)):
        with pytest.raises(ValueError, match=advice):
            net.predict(other)
        assert (net.predict(other[list(net.columns)]) == net.predict(X)).all()
    for other, remedy in (
        (X.rename(columns={"a": "c"}), "prepare X as it was for the fit"),
        (X[["a", "b", "b"]], "give each column a name of its own"),
    ):
        with pytest.raises(ValueError, match=f"; {remedy}$"):
            net.predict(other)


@pytest.mark.parametrize("large", [2**53 + 1, -(2**60) - 1])
@pytest.mark.parametrize(
    "table",
    [
        lambda large: [[large, 1.0], [2, 2.0]],
        lambda large: np.array([[large, 1.0], [2, 2.0]], object),
        lambda large: pd.DataFrame({"a": [large, 2], "b": [1, 2]}, dtype="Int64"),
        *(
            lambda large, make=make: make({"a": [large, 2], "b": [1.0, 2.0]})
            for make in FRAMES
        ),
    ],
)
def test_integers_that_floats_cannot_hold_are_refused_beside_floats(table, large):
    float64 = np.dtype("float64")
    with pytest.raises(ValueError, match="integers beyond 2"):
        as_features(table(large), 2, float64)
    assert as_features(table(5), 2, float64)[0, 0] == 5.0


@pytest.mark.parametrize("table", [list, pd.DataFrame])
def test_floats_may_be_larger_than_all_integers_that_floats_hold(table):
    X = table([[2.0**60, 1], [1.0, 2]])
    assert as_features(X, 2, np.dtype("float64"))[0, 0] == 2.0**60
