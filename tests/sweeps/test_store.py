"""Tests that a store keeps finished parts, and refuses what does not belong to it."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future

import numpy as np
import pytest
from nets import Scaled
from sweep_results import assert_same_runs

import fastnn
from fastnn.sweeps import distribution, plan, state
from fastnn.sweeps import store as stores

SPIRAL = fastnn.datasets.spiral(12)
NET = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
OPTIONS = {"seeds": range(200), "epochs": 12, "lr": 0.3}
VALIDATION = {
    "X_val": SPIRAL[0][::3],
    "y_val": SPIRAL[1][::3],
    "early_stopping": fastnn.EarlyStopping(patience=2),
}
KINDS = {
    "losses": {},
    "adam": {"optimizer": fastnn.Adam(np.linspace(0.01, 0.1, 200)), "lr": None},
    "stopping": {"stop_below": 0.9, "lr": 1.0, "batch_size": 5},
    "percentiles": {"losses": "percentiles", "optimizer": fastnn.Adam(0.1), "lr": None},
    "percentiles, stopping": {"losses": "percentiles", "stop_below": 0.95, "every": 2},
    "percentiles, validation": VALIDATION
    | {"losses": "percentiles", "lr": fastnn.schedules.step(np.linspace(1, 3, 200), 5)},
}


class Leaky(fastnn.layers.Layer):
    """ReLU with a slope below 0."""

    def __init__(self, slope):
        self.slope = slope

    def compute(self, x):
        return np.where(x > 0.0, x, self.slope * x)

    def compute_back(self, dout, x, out):
        return np.where(x > 0.0, dout, self.slope * dout)


class Saved(Leaky):
    """One that files can have."""

    def arguments(self):
        return [self.slope]


class Shifted(Saved):
    """One whose constructor has another argument than that of its base."""

    def __init__(self, shift):
        super().__init__(0.1)
        self.shift = shift

    def compute(self, x):
        return super().compute(x) + self.shift


class Slow(fastnn.SGD):
    """Another rate for biases, which repr does not show."""

    def __init__(self, factor):
        super().__init__(0.1)
        object.__setattr__(self, "factor", factor)

    def learning_rates(self, params):
        rates = [self.lr * (self.factor if p.ndim == 1 else 1.0) for p in params]
        return np.repeat(rates, [p.size for p in params])


def with_layer(layer, loss="mse"):
    return fastnn.Sequential(
        [fastnn.Affine(2, 3), layer, fastnn.Affine(3, 2)], loss, seed=1
    )


OWN_PARTS = {
    "loss": lambda number: (with_layer(fastnn.Tanh(), Scaled(factor=number)), None),
    "layers": lambda number: (with_layer(Leaky(number)), None),
    "layers, with arguments()": lambda number: (with_layer(Saved(number)), None),
    "layers, with another's": lambda number: (with_layer(Shifted(number)), None),
    "optimizer": lambda number: (with_layer(Leaky(0.1)), Slow(number)),
}


class Now(Executor):
    """Executes at submission, in this process; fails from a number of parts on."""

    def __init__(self, last=10**9):
        self._max_workers, self.last, self.n_parts = 2, last, 0

    def submit(self, function, /, *arguments):
        self.n_parts += 1
        future = Future()
        if self.n_parts > self.last:
            future.set_exception(RuntimeError("no more"))
        else:
            future.set_result(function(*arguments))
        return future


@pytest.fixture(params=KINDS)
def options(request, monkeypatch):
    for module in (state, plan, stores):
        monkeypatch.setattr(module, "WINDOW", 200 * 5)
    return OPTIONS | KINDS[request.param]


@pytest.mark.compiled
@pytest.mark.parametrize("finished", [1, 4])
def test_the_same_call_goes_on(options, finished, tmp_path, monkeypatch):
    expected = NET.fit_many(*SPIRAL, **options)
    with pytest.raises(RuntimeError, match="no more"):
        NET.fit_many(*SPIRAL, **options, store=tmp_path, executor=Now(finished))
    # Parts of other sizes.
    monkeypatch.setattr(distribution.PartSize, "next", lambda self, *left: 24)
    pool = Now()
    runs = NET.fit_many(*SPIRAL, **options, store=tmp_path, executor=pool)
    assert_same_runs(runs, expected)
    assert pool.n_parts > 0
    # All is there, so that nothing is left to train.
    assert_same_runs(
        NET.fit_many(*SPIRAL, **options, store=tmp_path, executor=Now(0)), expected
    )
    assert_same_runs(NET.fit_many(*SPIRAL, **options, store=tmp_path), expected)


@pytest.mark.compiled
def test_without_an_executor_this_process_fills_the_store(options, tmp_path):
    expected = NET.fit_many(*SPIRAL, **options)
    folder = tmp_path / "new" / "sweep"
    runs = NET.fit_many(*SPIRAL, **options, store=folder, n_jobs=2)
    assert_same_runs(runs, expected)
    pool = Now(0)
    assert_same_runs(
        NET.fit_many(*SPIRAL, **options, store=str(folder), executor=pool), expected
    )


@pytest.mark.compiled
def test_a_snapshot_takes_the_place_of_the_parts(tmp_path, monkeypatch):
    for module in (state, plan, stores):
        monkeypatch.setattr(module, "WINDOW", 200 * 5)
    NET.fit_many(*SPIRAL, **OPTIONS, losses="percentiles", store=tmp_path)
    names = sorted(os.listdir(tmp_path))
    assert names == ["all-nets-after-epoch-12.npz", "manifest.json"]


OTHERS = {
    "seeds": {"seeds": range(1, 201)},
    "number of nets": {"seeds": range(201)},
    "init": {"seeds": None, "init": np.zeros((200, NET.theta.size))},
    "epochs": {"epochs": 13},
    "batch_size": {"batch_size": 2},
    "reduction": {"reduction": "sum"},
    "shuffle": {"shuffle": False},
    "seed": {"seed": 1},
    "settings": {"lr": 0.31},
    "optimizer": {"lr": None, "optimizer": fastnn.Adam(0.3)},
    "every": {"every": 2},
    "losses": {"losses": "percentiles"},
    "stop_below": {"stop_below": 0.1},
    "schedule": {"lr": fastnn.schedules.exponential(0.3, 1.0)},
    "class_weight": {"class_weight": {0: 2.0}},
    "validation data": {"X_val": SPIRAL[0], "y_val": SPIRAL[1]},
    "early_stopping": {"early_stopping": fastnn.EarlyStopping(12, "loss")},
}


@pytest.mark.compiled
@pytest.mark.parametrize(
    "other",
    [
        {"X_val": SPIRAL[0][::3] + 1e-9},
        {"y_val": SPIRAL[1][1::3][::-1]},
        {"sample_weight_val": np.linspace(0, 1, 12)},
        {"early_stopping": fastnn.EarlyStopping(patience=3)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_validation_is_refused(other, tmp_path):
    options = {"seeds": range(3), "epochs": 2, "lr": 0.3} | VALIDATION
    NET.fit_many(*SPIRAL, **options, store=tmp_path)
    with pytest.raises(ValueError, match=r"(validation data|early_stopping) is .*"):
        NET.fit_many(*SPIRAL, **options | other, store=tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    NET.fit_many(*SPIRAL, **OPTIONS, store=folder)
    return folder


@pytest.mark.compiled
@pytest.mark.parametrize("name", OTHERS)
def test_a_folder_of_another_call_is_refused_with_what_differs(name, filled):
    before = sorted(os.listdir(filled))
    pattern = rf"another call of fit_many: (.*; )?[^;]*\b{name}\b[^;]* is .* in this"
    with pytest.raises(ValueError, match=pattern):
        NET.fit_many(*SPIRAL, **OPTIONS | OTHERS[name], store=filled)
    assert sorted(os.listdir(filled)) == before


@pytest.mark.compiled
def test_other_data_and_other_nets_are_refused(filled, monkeypatch):
    X, y = SPIRAL
    moved = X.copy()
    moved[3, 1] += 1e-12
    for data, name in (((moved, y), "X"), ((X, y[::-1]), "y")):
        with pytest.raises(ValueError, match=rf": {name} is .* there, and .* in this"):
            NET.fit_many(*data, **OPTIONS, store=filled)
    for net, name in (
        (fastnn.mlp(2, 4, 3), "layers"),
        (fastnn.mlp(2, 4, 3, activation="tanh", init="he"), "init"),
        (NET.astype("float32"), "first net"),
    ):
        with pytest.raises(ValueError, match=rf"[:;] {name} is .* in this"):
            net.fit_many(*SPIRAL, **OPTIONS, store=filled)
    monkeypatch.setattr(fastnn.kernels.compiler.cache, "digest", lambda: "another")
    with pytest.raises(ValueError, match=r"kernels, or NumPy and Numba is .* another"):
        NET.fit_many(*SPIRAL, **OPTIONS, store=filled)


@pytest.mark.compiled
def test_a_layer_whose_code_changed_is_another_call(tmp_path):
    def make(factor):
        class Scaled(fastnn.Tanh):
            def compute(self, x):
                return super().compute(x) * self.factor

        Scaled.factor = factor
        return fastnn.Sequential([fastnn.Affine(2, 3), Scaled(), fastnn.Affine(3, 3)])

    options = {"seeds": range(3), "epochs": 1, "lr": 0.1, "store": tmp_path}
    runs = make(2.0).fit_many(*SPIRAL, **options)
    assert_same_runs(make(2.0).fit_many(*SPIRAL, **options), runs)
    with pytest.raises(ValueError, match="layers is "):
        fastnn.Sequential(
            [fastnn.Affine(2, 3), fastnn.Tanh(), fastnn.Affine(3, 3)]
        ).fit_many(*SPIRAL, **options)


@pytest.mark.parametrize("part", OWN_PARTS)
def test_other_settings_of_an_own_part_are_another_call(part, tmp_path):
    make, how = OWN_PARTS[part], {"seeds": range(3), "epochs": 1, "shuffle": False}
    data = SPIRAL[0], SPIRAL[0]
    how |= {"lr": 0.1} if part != "optimizer" else {}

    def train(number, store=tmp_path):
        net, optimizer = make(number)
        return net.fit_many(*data, **how, optimizer=optimizer, store=store)

    runs = train(0.5)
    assert_same_runs(train(0.5), runs)
    name = {"optimizer": "optimizer's settings"}.get(part, part.split(",")[0])
    with pytest.raises(ValueError, match=rf"{name} is "):
        train(0.25)
    if part != "optimizer":
        name = {"layers": "architecture"}.get(name, name)
        with pytest.raises(ValueError, match=rf"its {name} is"):
            fastnn.Runs.concatenate([runs, train(0.25, None)])
        how["seed"] = 0
        net, path = make(0.5)[0], tmp_path / "net.npz"
        del how["seeds"]
        net.fit(*data, **how, checkpoint=path)
        make(0.5)[0].fit(*data, **how, checkpoint=path)
        with pytest.raises(ValueError, match=rf"{part.split(',')[0]} is "):
            make(0.25)[0].fit(*data, **how, checkpoint=path)


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match=r"no store of fit_many, but holds thesis.tex"):
        NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path)
    with pytest.raises(NotADirectoryError, match="must be a folder"):
        NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path / "thesis.tex")
    assert os.listdir(tmp_path) == ["thesis.tex"]


@pytest.mark.compiled
def test_damaged_files_are_named(tmp_path):
    runs = NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path)
    part = next(tmp_path.glob("nets-*"))
    content = part.read_bytes()
    for damaged in (content[:-30], b"", content[:500] + b"\1" + content[501:]):
        part.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{part.name}.*[Dd]elete it, and its"):
            NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path)
    part.unlink()
    assert_same_runs(NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path), runs)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest.json is damaged"):
        NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path)


@pytest.mark.compiled
def test_a_part_of_another_call_is_refused(tmp_path):
    options = OPTIONS | {"lr": 0.1}
    NET.fit_many(*SPIRAL, **OPTIONS, store=tmp_path / "a")
    NET.fit_many(*SPIRAL, **options, store=tmp_path / "b")
    part = next((tmp_path / "a").glob("nets-*"))
    part.rename(tmp_path / "b" / part.name)
    with pytest.raises(ValueError, match="belongs to another call"):
        NET.fit_many(*SPIRAL, **options, store=tmp_path / "b")


@pytest.mark.compiled
def test_two_processes_share_the_work_of_one_store(options, tmp_path, monkeypatch):
    """The second process runs whenever the first has finished a part."""
    expected = NET.fit_many(*SPIRAL, **options)
    monkeypatch.setattr(distribution, "_SCAN_SHARE", 1.0)
    second = []

    class Interleaved(Now):
        def submit(self, *arguments):
            if len(second) < 2:
                second.append(Now(self.n_parts))
                with pytest.raises(RuntimeError, match="no more"):
                    NET.fit_many(
                        *SPIRAL, **options, store=tmp_path, executor=second[-1]
                    )
            return super().submit(*arguments)

    first = Interleaved()
    runs = NET.fit_many(*SPIRAL, **options, store=tmp_path, executor=first)
    assert_same_runs(runs, expected)


@pytest.mark.compiled
def test_a_process_that_is_behind_takes_the_snapshot_of_another(tmp_path, monkeypatch):
    for module in (state, plan, stores):
        monkeypatch.setattr(module, "WINDOW", 200 * 5)
    monkeypatch.setattr(distribution, "_SCAN_SHARE", 1.0)
    options = OPTIONS | {"losses": "percentiles"}
    expected = NET.fit_many(*SPIRAL, **options)

    class Overtaken(Now):
        def submit(self, *arguments):
            if self.n_parts == 1:
                NET.fit_many(*SPIRAL, **options, store=tmp_path)
            return super().submit(*arguments)

    first = Overtaken()
    assert_same_runs(
        NET.fit_many(*SPIRAL, **options, store=tmp_path, executor=first), expected
    )
    assert first.n_parts < 10


TRAIN = """
import sys
import fastnn
net = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
data = fastnn.datasets.spiral(12)
net.fit_many(*data, seeds=range(200), epochs=3000, lr=0.3, every=100,
             store=sys.argv[1], n_jobs=1)
print("done")
"""


@pytest.mark.compiled
@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_after_kill_9_the_same_call_goes_on(tmp_path):
    program, folder = tmp_path / "train.py", tmp_path / "store"
    program.write_text(TRAIN)
    process = subprocess.Popen([sys.executable, program, folder], stdout=-1)
    while not list(folder.glob("nets-*")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    kept = {path.name: path.read_bytes() for path in folder.glob("nets-*")}
    options = {"seeds": range(200), "epochs": 3000, "lr": 0.3, "every": 100}
    runs = NET.fit_many(*SPIRAL, **options, store=folder)
    assert_same_runs(runs, NET.fit_many(*SPIRAL, **options))
    for name, content in kept.items():
        assert (folder / name).read_bytes() == content
    json.loads((folder / "manifest.json").read_text())
