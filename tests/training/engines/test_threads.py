"""Threads and processes that train: they change no bit, and their errors are raised."""

import multiprocessing
import threading

import pytest

import fastnn
from fastnn.data import machine
from fastnn.training import trainer
from fastnn.training.engines import threads


def make_net(**options):
    return fastnn.mlp(2, 3, 1, activation="tanh", seed=1, **options)


def train(net, **options):
    """Train on 3,600 rows, which are several parts of tiles, and return all bits."""
    X, y = fastnn.datasets.xor_grid(60)
    history = net.fit(X, y, epochs=3, lr=0.3, **options)
    return net.theta.tobytes() + history.loss.tobytes() + history.accuracy.tobytes()


def set_processors(monkeypatch, n):
    """Let n threads work, whatever the processors and the environment say."""
    for name in machine._THREAD_LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "available_threads", lambda: n)


def test_n_jobs_is_limited_by_the_processors(monkeypatch):
    set_processors(monkeypatch, 3)
    assert [threads.thread_count(n_jobs) for n_jobs in (-1, 1, 2, 3, 4)] == [
        3,
        1,
        2,
        3,
        3,
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": "full"},
        {"batch_size": 1700},
        {"batch_size": "full", "shuffle": False},
    ],
)
def test_threads_change_no_bit(monkeypatch, dtype, options):
    set_processors(monkeypatch, 3)
    alone = train(make_net(dtype=dtype), **options)
    for n_jobs in (2, 3, -1):
        assert train(make_net(dtype=dtype), n_jobs=n_jobs, **options) == alone


@pytest.mark.parametrize("batch_size", [1, 10])
def test_n_jobs_changes_no_bit_where_one_thread_does_the_work(batch_size):
    alone = train(make_net(), batch_size=batch_size)
    assert train(make_net(), batch_size=batch_size, n_jobs=-1) == alone


# Plain NumPy warns of the overflow.
@pytest.mark.compiled
def test_threads_name_the_row_whose_loss_is_not_finite(monkeypatch):
    set_processors(monkeypatch, 2)
    X, y = fastnn.datasets.xor_grid(60)
    targets = y.astype(float)
    # Its square is not finite.
    targets[3000] = 1e200
    messages = []
    for n_jobs in (1, 2):
        net = fastnn.mlp(2, 1, loss="mse", init="zeros")
        before = net.theta.tobytes()
        with pytest.raises(fastnn.DivergenceError) as error:
            net.fit(X, targets, epochs=2, lr=0.1, batch_size="full", n_jobs=n_jobs)
        messages.append(str(error.value))
        assert net.theta.tobytes() == before
    assert "sample 3000" in messages[0]
    assert messages[0] == messages[1]


def test_the_error_of_a_thread_is_raised(monkeypatch):
    set_processors(monkeypatch, 3)
    run_together = threads.Workers.run_together

    def failing(workers, run, sync):
        def run_or_fail(thread):
            if thread == 2:
                raise MemoryError("no more")
            return run(thread)

        return run_together(workers, run_or_fail, sync)

    monkeypatch.setattr(threads.Workers, "run_together", failing)
    n_threads, net = threading.active_count(), make_net()
    before = net.theta.tobytes()
    with pytest.raises(MemoryError, match="no more"):
        train(net, batch_size="full", n_jobs=3)
    assert net.theta.tobytes() == before
    assert threading.active_count() == n_threads


@pytest.mark.parametrize("n_started", [0, 1])
def test_threads_that_cannot_be_started_change_no_bit(monkeypatch, n_started):
    set_processors(monkeypatch, 3)
    alone = train(make_net(), batch_size="full")
    X, y = fastnn.datasets.xor_gate()
    options = {"seeds": range(20), "epochs": 3, "lr": 0.3}
    expected = make_net().fit_many(X, y, **options).theta.tobytes()
    n_before = threading.active_count()

    class Scarce(threading.Thread):
        """Can be started only as long as there are few threads, as in `atexit`."""

        def start(self):
            if threading.active_count() >= n_before + n_started:
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threads, "Thread", Scarce)
    assert train(make_net(), batch_size="full", n_jobs=3) == alone
    runs = make_net().fit_many(X, y, n_jobs=3, **options)
    assert runs.theta.tobytes() == expected


def test_one_fit_starts_its_threads_once_and_ends_them(monkeypatch, chunks):
    set_processors(monkeypatch, 2)
    chunks(512)
    started = []

    class Noted(threading.Thread):
        def start(self):
            started.append(self)
            super().start()

    monkeypatch.setattr(threads, "Thread", Noted)
    train(make_net(), batch_size="full", n_jobs=2)
    assert len(started) == 1
    assert not started[0].is_alive()


def test_two_threads_train_and_predict_at_the_same_time(monkeypatch, chunks):
    chunks(1000)
    X, _ = fastnn.datasets.xor_grid(30)
    expected = [train(make_net(), batch_size=size) for size in (1, "full")]
    shared = make_net()
    predicted = shared.predict_proba(X).tobytes()
    barrier, results = threading.Barrier(2), {}

    class Meeting(trainer.ProgressBar):
        """Lets no training go on before both have had their first chunk."""

        met = False

        def is_due(self, done):
            return True

        def update(self, made, position, note="", saved=0):
            if not self.met:
                barrier.wait(timeout=60)
                self.met = True

    def work(size):
        trained = train(make_net(), batch_size=size)
        barrier.wait(timeout=60)
        predictions = {shared.predict_proba(X).tobytes() for _ in range(20)}
        results[size] = trained, predictions

    monkeypatch.setattr(trainer, "ProgressBar", Meeting)
    workers = [threading.Thread(target=work, args=(size,)) for size in (1, "full")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [results[size][0] for size in (1, "full")] == expected
    assert results[1][1] == {predicted}
    assert results["full"][1] == {predicted}


def train_in_child(queue):
    queue.put(train(make_net(), batch_size="full", n_jobs=2))


@pytest.mark.compiled
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_child_processes_can_train(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    # Threads have been at work before the fork.
    expected = train(make_net(), batch_size="full", n_jobs=2)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=train_in_child, args=(queue,))
    process.start()
    assert queue.get(timeout=120) == expected
    process.join()
