"""Tests that executors of all kinds train the same nets, and what happens if they fail.

Workers are processes that import Numba, which takes a second, so few tests have some.
"""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path

import numpy as np
import pytest
from sweep_results import assert_same_runs

import fastnn
from fastnn.sweeps import distribution, executors, plan, state

SPIRAL = fastnn.datasets.spiral(12)
NET = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)


class AtOnce(Executor):
    """Executes at submission, from pickles, as another process would."""

    def __init__(self, max_workers=2):
        self._max_workers, self.parts, self.sent = max_workers, [], []

    def submit(self, function, /, *arguments):
        future = Future()
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        self.parts.append(arguments[-1])
        self.sent.append(arguments[1] is not None)
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def own_init():
    layers = [fastnn.Affine(2, 4, init="normal(2.0)"), fastnn.Tanh()]
    return fastnn.Sequential([*layers, fastnn.Affine(4, 3)], seed=3)


def layer_by_layer():
    layers = [fastnn.MatMul(2, 4), fastnn.Tanh(), fastnn.Affine(4, 3)]
    return fastnn.Sequential(layers, seed=3)


def initial(n):
    return np.random.default_rng(0).standard_normal((n, NET.theta.size))


# Each net has its own schedule and weights.
VALIDATED = {
    "lr": fastnn.schedules.cosine(np.linspace(0.1, 2.0, 200), epochs=12),
    "sample_weight": np.random.default_rng(1).uniform(0, 2, (200, 36)),
    "X_val": SPIRAL[0][::3] + 0.05,
    "y_val": SPIRAL[1][::3],
    "early_stopping": fastnn.EarlyStopping(patience=2, monitor="val_accuracy"),
}
KINDS = {
    "per sample": (NET, {"lr": np.linspace(0.01, 1.0, 200)}),
    "float32, given": (
        NET.astype("float32"),
        {"lr": 0.1, "seeds": None, "init": initial(200), "shuffle": False},
    ),
    "batches, Adam": (NET, {"optimizer": fastnn.Adam(0.1), "batch_size": 7}),
    "stopping": (NET, {"lr": 1.0, "stop_below": 0.9, "every": 2}),
    "diverging": (NET, {"lr": np.geomspace(1.0, 1.7e308, 200)}),
    "percentiles": (NET, {"optimizer": fastnn.Adam(0.1), "losses": "percentiles"}),
    "percentiles, stopping": (
        NET,
        {
            "optimizer": fastnn.SGD(0.3, momentum=0.9),
            "losses": "percentiles",
            "stop_below": 0.9,
            "every": 3,
        },
    ),
    "validation": (NET, VALIDATED),
    "validation, percentiles": (
        NET,
        VALIDATED | {"losses": "percentiles", "every": 2, "batch_size": 7},
    ),
    "own init": (own_init(), {"lr": 0.1}),
    "layer by layer": (layer_by_layer(), {"lr": 0.1, "seeds": range(6)}),
    "layer by layer, validation": (
        layer_by_layer(),
        {name: value for name, value in VALIDATED.items() if name != "sample_weight"}
        | {"lr": 0.1, "seeds": range(6)},
    ),
}


@pytest.fixture
def small_windows(monkeypatch):
    """Make several stages of trainings whose percentiles are recorded."""
    for module in (state, plan):
        monkeypatch.setattr(module, "WINDOW", 200 * 5)


@pytest.fixture(params=KINDS)
def kind(request, small_windows):
    net, options = KINDS[request.param]
    return net, {"seeds": range(200), "epochs": 12, "every": 1} | options


@pytest.mark.compiled
def test_an_executor_trains_the_same_nets(kind):
    net, options = kind
    expected = net.fit_many(*SPIRAL, **options)
    pool = AtOnce()
    assert_same_runs(net.fit_many(*SPIRAL, **options, executor=pool), expected)
    assert len(pool.parts) > 3


@pytest.mark.compiled
def test_several_threads_of_a_pool_train_the_same_nets(kind):
    net, options = kind
    expected = net.fit_many(*SPIRAL, **options)
    with ThreadPoolExecutor(3) as pool:
        assert_same_runs(net.fit_many(*SPIRAL, **options, executor=pool), expected)


@pytest.mark.compiled
@pytest.mark.parametrize("seconds", [0.001, 1000.0])
def test_the_size_of_parts_changes_no_bit(seconds, monkeypatch):
    monkeypatch.setattr(distribution, "_PART_SECONDS", seconds)
    options = {"seeds": range(1000), "epochs": 2, "lr": 0.3}
    pool = AtOnce()
    runs = NET.fit_many(*SPIRAL, **options, executor=pool)
    assert_same_runs(runs, NET.fit_many(*SPIRAL, **options))
    sizes = [len(part.nets.ids) for part in pool.parts]
    assert sum(sizes) == 1000
    assert (max(sizes) > 32) == (seconds > 1)


@pytest.mark.compiled
def test_a_part_with_drawn_nets_holds_no_parameters():
    pool = AtOnce()
    NET.fit_many(*SPIRAL, seeds=range(200), epochs=1, lr=0.1, executor=pool)
    for part in pool.parts:
        assert part.seeds == tuple(part.nets.ids)
        assert part.nets.theta.size == part.nets.moments.size == 0


@pytest.mark.compiled
def test_large_data_go_to_a_process_once(monkeypatch):
    monkeypatch.setattr(executors, "_SMALL", 10)
    monkeypatch.setattr(executors, "_kept", {})
    pool, options = AtOnce(), {"seeds": range(300), "epochs": 1, "lr": 0.1}
    runs = NET.fit_many(*SPIRAL, **options, executor=pool)
    assert_same_runs(runs, NET.fit_many(*SPIRAL, **options))
    assert len(pool.sent) > 5
    # The parts that were under way when it was found missing may send it, too.
    assert 1 <= sum(pool.sent) <= 4
    for n in (2, 3):
        NET.fit_many(*SPIRAL, **options | {"epochs": n}, executor=pool)
    assert len(executors._kept) == 2


@pytest.mark.parametrize(
    "executor", [2, "processes", ProcessPoolExecutor, object(), [ThreadPoolExecutor]]
)
def test_what_is_no_executor_is_refused(executor):
    with pytest.raises(TypeError, match=r"executor must be .* a Dask Client, not"):
        NET.fit_many(*SPIRAL, seeds=range(3), epochs=1, lr=0.1, executor=executor)


@pytest.mark.compiled
def test_layers_that_only_this_process_knows_need_threads():
    class Half(fastnn.Tanh):
        def compute(self, x):
            return 0.5 * super().compute(x)

        def compute_back(self, dout, x, out):
            return super().compute_back(0.5 * dout, x, 2.0 * out)

    net = fastnn.Sequential([fastnn.Affine(2, 4), Half(), fastnn.Affine(4, 3)])
    options = {"seeds": range(5), "epochs": 2, "lr": 0.1}
    expected = net.fit_many(*SPIRAL, **options)
    with ThreadPoolExecutor(2) as pool:
        runs = net.fit_many(*SPIRAL, **options, executor=pool)
    assert_same_runs(runs, expected)
    with pytest.raises(ValueError, match=r"cannot be sent .* in a module"):
        net.fit_many(*SPIRAL, **options, executor=AtOnce())


class FailsAt(AtOnce):
    """Fails with the part that holds net 150; other parts may never end."""

    others_end = True

    def submit(self, function, /, key, content, part):
        if 150 in part.nets.ids:
            future = Future()
            future.set_exception(self.error)
            return future
        if not self.others_end:
            return Future()
        return super().submit(function, key, content, part)


@pytest.mark.compiled
def test_a_part_that_fails_names_its_nets_and_the_others_are_kept(tmp_path):
    net, pool = fastnn.mlp(2, 4, 3, activation="tanh", seed=1), FailsAt()
    pool.error = MemoryError("no more")
    options = {"seeds": range(200), "epochs": 3, "lr": 0.1}
    with pytest.raises(RuntimeError, match=r"nets \d+ to \d+ could.*Mem.*no more"):
        net.fit_many(*SPIRAL, **options, executor=pool, store=tmp_path)
    expected = net.fit_many(*SPIRAL, **options)
    with pytest.raises(RuntimeError, match="net"):
        net.fit_many(*SPIRAL, **options, executor=pool)
    kept = net.runs
    assert 0 < len(kept) < 200
    assert (kept.theta == expected.theta[kept.seeds]).all()
    pool.error = BrokenExecutor("a child ended")
    with pytest.raises(BrokenExecutor, match=r"FailsAt broke.*nets \d.*new executor"):
        net.fit_many(*SPIRAL, **options, executor=pool)
    wide = FailsAt(20)
    wide.error, wide.others_end = BrokenExecutor("a child ended"), False
    names = r"trained (nets \d+ to \d+, ){5}and \d+ other parts:"
    with pytest.raises(BrokenExecutor, match=names):
        net.fit_many(*SPIRAL, **options | {"seeds": range(1000)}, executor=wide)
    runs = net.fit_many(*SPIRAL, **options, executor=AtOnce(), store=tmp_path)
    assert_same_runs(runs, expected)


@pytest.mark.compiled
def test_ctrl_c_cancels_what_waits_and_keeps_what_is_finished(monkeypatch):
    net = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
    options = {"seeds": range(300), "epochs": 3, "lr": 0.1}

    class PressesCtrlC(distribution.ProgressBar):
        def update(self, made, position, note="", saved=0):
            if made:
                signal.raise_signal(signal.SIGINT)

    class FirstOnly(AtOnce):
        """Its first two futures are done, and its others never will be."""

        waiting = ()

        def submit(self, *arguments):
            if len(self.parts) < 2:
                return super().submit(*arguments)
            self.waiting = (*self.waiting, Future())
            return self.waiting[-1]

    monkeypatch.setattr(distribution, "ProgressBar", PressesCtrlC)
    pool = FirstOnly()
    with pytest.raises(KeyboardInterrupt):
        net.fit_many(*SPIRAL, **options, executor=pool)
    assert pool.waiting
    assert all(future.cancelled() for future in pool.waiting)
    finished, ids = net.runs, np.concatenate([part.nets.ids for part in pool.parts])
    monkeypatch.undo()
    expected = net.fit_many(*SPIRAL, **options)
    assert_same_runs(finished, expected[ids])


class Client:
    """Stands for a Dask Client that loses its data once."""

    def __init__(self, n_lost=1):
        self.scattered, self.n_lost, self.n_tasks = 0, n_lost, 0

    def get_executor(self):
        return self

    def nthreads(self):
        return {"a": 1, "b": 1}

    def scatter(self, work, **options):
        self.scattered += 1
        return pickle.loads(pickle.dumps(work))

    def submit(self, function, work, part):
        # A worker passes on what it has used.
        self.n_tasks += 1
        future = Future()
        if self.n_tasks > 2 and self.n_lost:
            self.n_lost -= 1
            future.cancel()
            future.set_running_or_notify_cancel()
            return future
        future.set_result(function(pickle.loads(pickle.dumps(work)), part))
        return future


@pytest.mark.compiled
def test_data_that_a_cluster_lost_are_sent_again(kind):
    net, options = kind
    client = Client()
    runs = net.fit_many(*SPIRAL, **options, executor=client)
    assert_same_runs(runs, net.fit_many(*SPIRAL, **options))
    assert client.scattered == 2


@pytest.mark.compiled
def test_a_cluster_that_always_loses_data_is_given_up():
    with pytest.raises(RuntimeError, match=r"nets \d+ to \d+ .*cancelled the task"):
        NET.fit_many(
            *SPIRAL, seeds=range(300), epochs=1, lr=0.1, executor=Client(10**6)
        )


WORK = {"seeds": range(300), "epochs": 6, "lr": 0.3}


@pytest.mark.compiled
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_pool_of_processes_trains_the_same_nets(method, tmp_path):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no such processes")
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        runs = NET.fit_many(*SPIRAL, **WORK, executor=pool)
        assert_same_runs(runs, NET.fit_many(*SPIRAL, **WORK))
        if method == "spawn":
            break_while_it_trains(pool, tmp_path)


def break_while_it_trains(pool, folder):
    """Kill a worker after its first parts, and go on with what is kept."""
    net = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
    options = WORK | {"epochs": 10_000, "seeds": range(100)}

    def kill():
        while len(list(folder.glob("nets-*"))) < 1:
            time.sleep(0.01)
        os.kill(next(iter(pool._processes)), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(BrokenExecutor, match=r"broke while it trained nets"):
        net.fit_many(*SPIRAL, **options, executor=pool, store=folder)
    killer.join()
    assert 0 < len(net.runs) < 100
    with pytest.raises(BrokenExecutor, match=r"Executor is broken: .* in the store: "):
        net.fit_many(*SPIRAL, **options, executor=pool, store=folder)
    with pytest.raises(BrokenExecutor, match=r"is broken: .*Call again with a new ex"):
        net.fit_many(*SPIRAL, **options, executor=pool)


@pytest.mark.compiled
def test_loky_trains_the_same_nets():
    loky = pytest.importorskip("joblib.externals.loky")
    pool = loky.get_reusable_executor(1)
    runs = NET.fit_many(*SPIRAL, **WORK, executor=pool)
    pool.shutdown()
    assert_same_runs(runs, NET.fit_many(*SPIRAL, **WORK))


@pytest.mark.compiled
@pytest.mark.filterwarnings("default")
def test_dask_trains_the_same_nets_though_a_worker_is_killed():
    distributed = pytest.importorskip("distributed")
    options = WORK | {"epochs": 2000}
    expected = NET.fit_many(*SPIRAL, **options)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        first = NET.fit_many(*SPIRAL, **WORK, executor=client.get_executor())
        assert_same_runs(first, NET.fit_many(*SPIRAL, **WORK))
        pid = next(iter(cluster.workers.values())).pid
        killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
        killer.start()
        runs = NET.fit_many(*SPIRAL, **options, executor=client)
        killer.join()
        assert_same_runs(runs, expected)


MPI = """
import fastnn
from mpi4py.futures import MPIPoolExecutor
if __name__ == "__main__":
    net = fastnn.mlp(2, 4, 3, activation="tanh", seed=1)
    data = fastnn.datasets.spiral(12)
    work = {"seeds": range(300), "epochs": 6, "lr": 0.3}
    with MPIPoolExecutor() as pool:
        runs = net.fit_many(*data, **work, executor=pool)
    assert (runs.theta == net.fit_many(*data, **work).theta).all()
    print("the same", len(runs))
"""


@pytest.mark.compiled
def test_two_ranks_of_mpi_train_the_same_nets(tmp_path):
    pytest.importorskip("mpi4py")
    beside_python = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside_python) if beside_python.exists() else "mpiexec"
    program = tmp_path / "train.py"
    program.write_text(MPI)
    command = [mpiexec, "-n", "2", sys.executable, "-m", "mpi4py.futures", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "the same 300\n", done.stderr
