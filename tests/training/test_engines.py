"""Which loop runs, what threads may change (nothing), and where training works besides the main thread."""

import multiprocessing
import threading

import numpy as np
import pytest

import fastnn
from fastnn.training.engines import dispatch, threads


def grid_net(**options):
    return fastnn.mlp(2, 3, 1, activation="tanh", seed=1, **options)


def trained(net, **how):
    X, y = fastnn.datasets.xor_grid(60)  # 3,600 rows: several parts of tiles
    history = net.fit(X, y, epochs=3, lr=0.3, **how)
    return net.theta.tobytes() + history.loss.tobytes() + history.accuracy.tobytes()


def all_processors(monkeypatch, n):
    monkeypatch.setattr(threads, "available_threads", lambda: n)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "how",
    [
        {"batch_size": "full"},
        {"batch_size": 1700},
        {"batch_size": "full", "shuffle": False},
    ],
)
def test_threads_change_no_bit(monkeypatch, dtype, how):
    all_processors(monkeypatch, 3)  # more than there may be: slow, but right
    alone = trained(grid_net(dtype=dtype), **how)
    for n_jobs in (2, 3, -1):
        assert trained(grid_net(dtype=dtype), n_jobs=n_jobs, **how) == alone


@pytest.mark.compiled  # plain NumPy warns of the overflow
def test_threads_tell_where_a_loss_is_not_finite(monkeypatch):
    all_processors(monkeypatch, 2)
    X, y = fastnn.datasets.xor_grid(60)
    rows = []
    for n_jobs in (1, 2):
        net = fastnn.mlp(2, 1, loss="mse", init="zeros")
        targets = y.astype(float)
        targets[3000] = 1e200  # its square is not finite
        before = net.theta.tobytes()
        with pytest.raises(fastnn.DivergenceError) as error:
            net.fit(X, targets, epochs=2, lr=0.1, batch_size="full", n_jobs=n_jobs)
        rows.append(str(error.value))
        assert net.theta.tobytes() == before
    assert "sample 3000" in rows[0]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("fails", ["start", "work"])
def test_a_thread_that_fails_is_told(monkeypatch, fails):
    import concurrent.futures

    all_processors(monkeypatch, 3)

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def submit(self, run, thread):
            if fails == "start" and thread == 2:
                raise RuntimeError("can't start new thread")
            return super().submit(
                run, thread if fails == "start" else None
            )  # no such number

    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Pool)
    net = grid_net()
    before = net.theta.tobytes()
    with pytest.raises((RuntimeError, TypeError)):
        trained(net, batch_size="full", n_jobs=3)
    assert net.theta.tobytes() == before


def test_small_batches_and_single_samples_take_n_jobs_too():
    for batch_size in (1, 10):
        assert trained(grid_net(), batch_size=batch_size, n_jobs=-1) == trained(
            grid_net(), batch_size=batch_size
        )


def test_loops_agree_but_for_rounding():
    X, y = fastnn.datasets.xor_grid(60)
    nets = [grid_net() for _ in range(3)]
    for net, loop in zip(nets, ("general", "specialised", "specialised"), strict=True):
        net.fit(X, y, epochs=1, lr=0.02, loop=loop)
    assert (
        np.abs(nets[0].theta - nets[1].theta).max() < 1e-12
    )  # 3,600 updates, each of which rounds
    assert nets[1].theta.tobytes() == nets[2].theta.tobytes()


def test_the_work_alone_chooses_the_loop(monkeypatch):
    taken = []
    for name in ("_specialised", "_per_sample", "_batches"):
        kept = getattr(dispatch, name)
        monkeypatch.setattr(
            dispatch,
            name,
            lambda *work, kept=kept, name=name: (taken.append(name), kept(*work))[1],
        )
    X, y = fastnn.datasets.xor_gate()
    monkeypatch.setattr(dispatch, "SPECIALISED_PAYS", 400)
    grid_net().fit(X, y, epochs=99, lr=0.1)
    grid_net().fit(X, y, epochs=100, lr=0.1)
    grid_net().fit(X, y, epochs=100, lr=0.1, loop="general")
    grid_net().fit(X, y, epochs=100, optimizer=fastnn.Adam(0.1))
    grid_net().fit(X, y, epochs=100, lr=0.1, batch_size=2)
    fastnn.mlp(2, 20, 1).fit(X, y, epochs=100, lr=0.1)
    fastnn.mlp(2, 2, 2).fit(X, y, epochs=100, lr=0.1)
    assert taken == [
        "_per_sample",
        "_specialised",
        "_per_sample",
        "_per_sample",
        "_batches",
        "_per_sample",
        "_per_sample",
    ]


def test_a_loop_that_cannot_run_is_refused():
    X, y = fastnn.datasets.xor_gate()
    for net, how, why in [
        (fastnn.mlp(2, 2, 2), {"lr": 0.1}, "one output"),
        (fastnn.mlp(2, 20, 1), {"lr": 0.1}, "at most 40 parameters.*81"),
        (grid_net(), {"lr": 0.1, "batch_size": 2}, "batch_size=1"),
        (grid_net(), {"optimizer": fastnn.SGD(0.1, momentum=0.9)}, "plain SGD"),
        (
            fastnn.Sequential(
                [fastnn.Affine(2, 2), fastnn.Softmax(), fastnn.Affine(2, 1)]
            ),
            {"lr": 0.1},
            "layer by layer",
        ),
    ]:
        before = net.theta.tobytes()
        with pytest.raises(ValueError, match=f"specialised.*{why}"):
            net.fit(X, y, epochs=1, loop="specialised", **how)
        assert net.theta.tobytes() == before
    for wrong in (
        {"loop": "fast"},
        {"n_jobs": 0},
        {"n_jobs": -2},
        {"n_jobs": -1.5},
        {"n_jobs": 1.5},
    ):
        with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
            grid_net().fit(X, y, epochs=1, lr=0.1, **wrong)


def test_the_summary_tells_the_loops():
    assert "50,000,000 updates" in grid_net().summary()
    assert "one output" in fastnn.mlp(2, 2, 3).summary()
    assert "not 81" in fastnn.mlp(2, 20, 1).summary()


def test_two_threads_train_and_predict_at_once():
    X, _y = fastnn.datasets.xor_grid(30)
    wanted = [trained(grid_net(), batch_size=size) for size in (1, "full")]
    found, shared = {}, grid_net()
    predicted = shared.predict_proba(X).tobytes()

    def work(size):
        found[size] = trained(grid_net(), batch_size=size)
        found[size, "predicted"] = all(
            shared.predict_proba(X).tobytes() == predicted for _ in range(20)
        )

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, "full")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[1], found["full"]] == wanted
    assert found[1, "predicted"]
    assert found["full", "predicted"]


def child(queue):
    queue.put(trained(grid_net(), batch_size="full", n_jobs=2))


@pytest.mark.compiled
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_children_can_train(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    wanted = trained(
        grid_net(), batch_size="full", n_jobs=2
    )  # threads have been at work before the fork
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    assert queue.get(timeout=120) == wanted
    process.join()
