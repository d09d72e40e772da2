"""Checkpoints: the same call goes on with the same bits, and no other call does."""

import dataclasses
import errno
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import kernels
from fastnn.data import archives, files
from fastnn.training import checkpoints, trainer

ROOT = Path(__file__).parents[2]
SPIRAL = fastnn.datasets.spiral(20, classes=3, seed=1)
VALIDATION = dict(zip(("X_val", "y_val"), fastnn.datasets.spiral(10), strict=True))
STOPPING = fastnn.EarlyStopping(patience=3)


def make_net():
    return fastnn.mlp(2, 5, 3, activation="tanh", seed=1)


def own_net():
    """Return a net that is run layer by layer."""
    layers = [fastnn.Affine(2, 5), fastnn.Tanh(), fastnn.Tanh(), fastnn.Affine(5, 3)]
    return fastnn.Sequential(layers, seed=1)


def halve_and_stop(state):
    if state.epoch % 2:
        state.lr /= 2
    return state.epoch == 6


def drawn(n, *shape):
    return np.random.default_rng(n).uniform(0.5, 2.0, shape)


# Options of a call, with the length of a chunk in samples, and the net.
KINDS = {
    "per sample": ({"epochs": 6, "lr": 0.1}, 17, make_net),
    "recorded": ({"epochs": 6, "lr": 0.1, "record": 7}, 17, make_net),
    "adam": ({"epochs": 6, "optimizer": fastnn.Adam(0.02)}, 23, make_net),
    "batches": (
        {"epochs": 6, "batch_size": 8, "optimizer": fastnn.SGD(0.1, momentum=0.9)},
        8,
        make_net,
    ),
    "float32": (
        {"epochs": 5, "lr": 0.1, "batch_size": 8, "reduction": "sum"},
        20,
        lambda: make_net().astype("float32"),
    ),
    "weights": (
        {"epochs": 5, "lr": 0.1, "sample_weight": drawn(0, 60), "shuffle": False},
        19,
        make_net,
    ),
    "schedule": (
        {"epochs": 8, "lr": fastnn.schedules.cosine(0.2, 8), "record": [0, 5, 480]},
        25,
        make_net,
    ),
    "layer by layer": (
        {"epochs": 6, "optimizer": fastnn.Adam(0.02), "batch_size": 9},
        9,
        own_net,
    ),
    "stopped early": (
        {"epochs": 99, "lr": 1.5, "batch_size": 5, "early_stopping": STOPPING}
        | VALIDATION,
        31,
        make_net,
    ),
    "to the end": (
        {"epochs": 4, "lr": 0.9, "early_stopping": fastnn.EarlyStopping()} | VALIDATION,
        31,
        make_net,
    ),
    "on_epoch": ({"epochs": 9, "lr": 0.5, "on_epoch": halve_and_stop}, 31, make_net),
}


def results(net, history, options):
    """Return all that a call leaves behind, and what the next one makes of it."""
    found = [net.theta.copy(), history.loss, history.accuracy, history.lr]
    found += [history.val_loss, history.val_accuracy, history.updates, history.seed]
    found.append(history.best_epoch)
    if history.recording is not None:
        recording = history.recording
        found += [recording.updates, recording.theta, recording.loss]
    rest = {name: options[name] for name in ("lr", "optimizer") if name in options}
    rest = {**rest, "lr": 0.1} if callable(rest.get("lr")) else rest
    net.fit(*SPIRAL, epochs=1, batch_size=options.get("batch_size", 1), **rest)
    found.append(net.theta.copy())
    return [x.tobytes() if isinstance(x, np.ndarray) else repr(x) for x in found]


def keep_files(monkeypatch, path):
    """Return a list that gets the content of each checkpoint that is written."""
    contents, write = [], checkpoints.write_archive

    def write_and_keep(target, kind, archive):
        write(target, kind, archive)
        contents.append(path.read_bytes())

    monkeypatch.setattr(checkpoints, "write_archive", write_and_keep)
    return contents


@pytest.mark.parametrize("kind", KINDS)
def test_from_each_file_the_same_call_ends_with_the_same_bits(
    kind, tmp_path, monkeypatch, chunks
):
    options, samples, make = KINDS[kind]
    monkeypatch.setattr(files, "_sync", lambda descriptor: None)
    net = make()
    expected = results(net, net.fit(*SPIRAL, **options), options)
    chunks(samples)
    path = tmp_path / "run.npz"
    options = options | {"checkpoint": path, "checkpoint_seconds": 0}
    with monkeypatch.context() as patch:
        contents = keep_files(patch, path)
        net = make()
        assert results(net, net.fit(*SPIRAL, **options), options) == expected
    assert len(contents) > 5
    del options["checkpoint_seconds"]
    for content in contents[:: max(1, len(contents) // 12)] + contents[-2:]:
        path.write_bytes(content)
        net = make()
        assert results(net, net.fit(*SPIRAL, **options), options) == expected
        assert path.read_bytes() == contents[-1] or content != contents[-1]
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.compiled
def test_it_goes_on_within_a_batch_and_in_the_specialised_loop(
    tmp_path, monkeypatch, chunks
):
    X, y = fastnn.datasets.xor_grid(40)
    path = tmp_path / "run.npz"
    for make, options, samples in (
        (
            lambda: fastnn.mlp(2, 40, 1, activation="tanh", seed=1),
            {"batch_size": "full"},
            64,
        ),
        (
            lambda: fastnn.mlp(2, 2, 1, seed=1),
            {"loop": "specialised", "shuffle": False},
            500,
        ),
    ):
        options = options | {"epochs": 2, "lr": 0.3}
        twin = make()
        loss = twin.fit(X, y, **options).loss
        options |= {"checkpoint": path, "checkpoint_seconds": 0}
        with monkeypatch.context() as patch:
            contents = keep_files(patch, path)
            chunks(samples)
            make().fit(X, y, **options)
        for content in contents[::5] + contents[-1:]:
            path.write_bytes(content)
            net = make()
            assert net.fit(X, y, **options).loss.tobytes() == loss.tobytes()
            assert net.theta.tobytes() == twin.theta.tobytes()
        path.write_bytes(contents[1])
        with np.load(path) as file:
            is_within = file["position"][kernels.codes.SAMPLES] > 0
            assert is_within == ("batch_size" in options)
            assert bool(file["g"].size) == is_within
            assert bool(file["carried"].size) != is_within
        path.unlink()


def test_a_complete_training_returns_its_history_at_once(tmp_path, monkeypatch):
    options = KINDS["stopped early"][0] | {"checkpoint": tmp_path / "run"}
    net, twin = make_net(), make_net()
    history = net.fit(*SPIRAL, **options)
    content = (tmp_path / "run").read_bytes()

    def refuse(*_):
        raise AssertionError("a loop was started, or something was written")

    monkeypatch.setattr("fastnn.training.engines.fused.Fused.start", refuse)
    monkeypatch.setattr(checkpoints, "write_archive", refuse)
    for one in (net, twin):
        again = one.fit(*SPIRAL, **options)
        assert one.theta.tobytes() == net.theta.tobytes()
        assert one.history is again
        for field in dataclasses.fields(history):
            values = getattr(history, field.name), getattr(again, field.name)
            np.testing.assert_array_equal(*values)
    assert (tmp_path / "run").read_bytes() == content


def interrupt_after(monkeypatch, updates):
    """Let a training end as by Ctrl-C once it has made that many updates."""

    class Interrupting(trainer.ProgressBar):
        def is_due(self, done):
            return True

        def update(self, made, position, note="", saved=0):
            if made + saved >= updates:
                raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "ProgressBar", Interrupting)


@pytest.mark.parametrize("seed", ["continue", 5, None])
def test_ctrl_c_writes_a_last_checkpoint_for_the_same_net_or_a_new_one(
    seed, tmp_path, monkeypatch, chunks
):
    chunks(50)
    path = tmp_path / "run.npz"
    options = {"epochs": 9, "seed": seed, "checkpoint": path}
    for is_same in (True, False):
        net = make_net()
        net.fit(*SPIRAL, epochs=1, lr=0.1, seed=3)
        with monkeypatch.context() as patch:
            interrupt_after(patch, 333)
            with pytest.raises(KeyboardInterrupt):
                net.fit(*SPIRAL, optimizer=fastnn.Adam(0.01), **options)
        with np.load(path) as file:
            assert file["position"][0] == net.history.updates > 300
            assert file["theta"].tobytes() == net.theta.tobytes()
        first_seed = net.history.seed
        if not is_same:
            net = make_net()
            net.fit(*SPIRAL, epochs=1, lr=0.1, seed=3)
        history = net.fit(*SPIRAL, optimizer=fastnn.Adam(0.01), **options)
        assert history.seed == first_seed
        twin = make_net()
        twin.fit(*SPIRAL, epochs=1, lr=0.1, seed=3)
        seed_of_twin = first_seed if seed is None else seed
        adam = fastnn.Adam(0.01)
        undisturbed = twin.fit(*SPIRAL, epochs=9, seed=seed_of_twin, optimizer=adam)
        assert net.theta.tobytes() == twin.theta.tobytes()
        assert history.loss.tobytes() == undisturbed.loss.tobytes()
        net.fit(*SPIRAL, epochs=1, lr=0.1)
        twin.fit(*SPIRAL, epochs=1, lr=0.1)
        assert net.theta.tobytes() == twin.theta.tobytes()
        path.unlink()


def test_what_ends_in_on_epoch_is_asked_again(tmp_path):
    seen = []

    def fail_once(state):
        seen.append((state.epoch, state.lr, state.val_loss))
        state.lr = state.lr / 2
        if state.epoch == 3 and len(seen) == 4:
            raise RuntimeError("no more")

    options = {"epochs": 6, "lr": 1.0, "early_stopping": STOPPING} | VALIDATION
    options |= {"on_epoch": fail_once, "checkpoint": tmp_path / "run.npz"}
    with pytest.raises(RuntimeError, match="no more"):
        make_net().fit(*SPIRAL, **options)
    net = make_net()
    history = net.fit(*SPIRAL, **options)
    twin, first = make_net(), seen.copy()
    seen.extend([()] * 4)
    del options["checkpoint"]
    expected = twin.fit(*SPIRAL, **options)
    assert first[3] == first[4]
    assert first[:4] + first[5:] == seen[len(first) + 4 :]
    assert history.lr.tolist() == expected.lr.tolist()
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_a_training_that_diverged_does_so_again_at_once(tmp_path):
    X, y = SPIRAL
    options = {"epochs": 50, "lr": 1e200, "checkpoint": tmp_path / "run.npz"}
    errors, thetas = [], []
    net = fastnn.mlp(2, 5, 1, activation="relu", loss="mse", seed=1)
    for one in (net, net, fastnn.mlp(2, 5, 1, activation="relu", loss="mse", seed=1)):
        with pytest.raises(fastnn.DivergenceError) as caught:
            one.fit(X, y.astype(float), **options)
        errors.append(str(caught.value))
        thetas.append(one.theta.tobytes())
    assert len(set(errors)) == len(set(thetas)) == 1


OTHERS = {
    "epochs": {"epochs": 7},
    "lr": {"lr": 0.2},
    "batch_size": {"batch_size": 9},
    "reduction": {"reduction": "sum"},
    "shuffle": {"shuffle": False},
    "seed": {"seed": 3},
    "optimizer": {"lr": None, "optimizer": fastnn.Adam(0.1)},
    "weight_decay": {"lr": None, "optimizer": fastnn.SGD(0.1, weight_decay=0.1)},
    "clip_norm": {"lr": None, "optimizer": fastnn.SGD(0.1, clip_norm=0.1)},
    "schedule": {"lr": lambda epoch: 0.1},
    "loop": {"loop": "general"},
    "record": {"record": 3},
    "sample_weight": {"sample_weight": drawn(0, 60)},
    "class_weight": {"class_weight": {1: 2.0}},
    "X_val": {"X_val": VALIDATION["X_val"] + 1e-9},
    "y_val": {"y_val": VALIDATION["y_val"][::-1]},
    "sample_weight_val": {"sample_weight_val": drawn(0, 30)},
    "early_stopping": {"early_stopping": fastnn.EarlyStopping(patience=4)},
    "on_epoch": {"on_epoch": print},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a file of a training that failed after some epochs, and its options."""
    return write_some_epochs(tmp_path_factory.mktemp("written") / "run.npz")


@pytest.fixture(scope="module")
def written_with_on_epoch(tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "run.npz"
    return write_some_epochs(path, on_epoch=lambda _: None)


def write_some_epochs(path, **more):
    options = {"epochs": 9, "lr": 0.1, "batch_size": 8, "checkpoint": path, **more}
    options |= {"early_stopping": STOPPING} | VALIDATION
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 20)
        patch.setattr("fastnn.training.chunks._FIRST_CHUNK", 0)
        with pytest.raises(KeyboardInterrupt):
            make_net().fit(*SPIRAL, **options)
    return path, options


def test_one_sees_where_a_training_goes_on(written, tmp_path, caplog, capsys):
    path, options = written
    copy = tmp_path / "run.npz"
    copy.write_bytes(path.read_bytes())
    options = options | {"checkpoint": copy}
    told = []
    for progress in (None, True):
        with caplog.at_level("INFO", "fastnn"):
            make_net().fit(*SPIRAL, **options, progress=progress)
        told.append(caplog.messages[-1])
    assert re.fullmatch(rf"fastnn: .* goes on in epoch \d of 9, from {copy}", told[0])
    assert re.fullmatch(
        rf"fastnn: .* complete after epoch 9 of 9, from {copy}", told[1]
    )
    shown = capsys.readouterr().err
    assert told[1] in shown  # where a bar is shown
    assert told[0] not in shown  # this is no terminal


def test_other_epochs_are_refused_with_the_way_to_train_on(written):
    longer = written[1] | {"epochs": 20}
    refused(make_net(), SPIRAL, longer, "then another fit with a file of its own")


def refused(net, data, options, pattern):
    """Make a call that must be refused, and must touch nothing."""
    path = options["checkpoint"]
    content, theta, history = path.read_bytes(), net.theta.copy(), net.history
    with pytest.raises(ValueError, match=pattern) as caught:
        net.fit(*data, **options)
    assert path.read_bytes() == content
    assert len(os.listdir(path.parent)) == 1
    assert net.theta.tobytes() == theta.tobytes()
    assert net.history is history
    assert net.classes is None
    return str(caught.value)


@pytest.mark.parametrize("name", OTHERS)
def test_another_call_is_refused_with_what_differs(name, written):
    path, options = written
    message = refused(
        make_net(),
        SPIRAL,
        options | OTHERS[name],
        rf"run\.npz belongs to another call of fit: (.*; )?[^;]*\b{name}\b[^;]* is .* "
        r"there, and .* in this call.*pass another file as checkpoint=, or delete",
    )
    assert str(path) in message


def test_other_data_nets_and_versions_are_refused(written, monkeypatch):
    path, options = written
    (X, y), moved = SPIRAL, SPIRAL[0].copy()
    moved[3, 1] += 1e-12
    for data, name in (((moved, y), "X"), ((X, y[::-1]), "y")):
        refused(make_net(), data, options, rf"[ ;:]{name} is .* there")
    other = make_net().with_theta(make_net().theta + 1e-12)
    labelled = (X, np.array(["a", "b", "c"])[y])
    labels_val = {"y_val": np.array(["a", "b", "c"])[options["y_val"]]}
    refused(make_net(), labelled, options | labels_val, "classes is .* there")
    for net, pattern in (
        (fastnn.mlp(2, 5, 3, activation="sigmoid", seed=1), "layers is"),
        (make_net().astype("float32"), "dtype is float64 there, and float32"),
        (other, "the net's parameters differ"),
    ):
        refused(net, SPIRAL, options, pattern)
    net, adam = make_net(), fastnn.Adam(0.1)
    theta = net.theta.copy()
    net.fit(*SPIRAL, epochs=1, optimizer=adam)
    net.theta = theta
    path = path.with_name("adam.npz")
    options = {"epochs": 2, "checkpoint": path, "optimizer": adam, "seed": 1}
    make_net().fit(*SPIRAL, **options)
    with pytest.raises(ValueError, match="the optimizer's moments differ, both from"):
        net.fit(*SPIRAL, **options)
    path.unlink()
    path, options = written
    monkeypatch.setattr(kernels.compiler.cache, "digest", lambda: "another")
    refused(make_net(), SPIRAL, options, r"kernels, or NumPy and Numba is .* another")


def test_progress_jobs_and_seconds_may_differ(written, tmp_path):
    path, options = written
    twin = make_net()
    without = {name: value for name, value in options.items() if name != "checkpoint"}
    twin.fit(*SPIRAL, **without)
    other = tmp_path / "run.npz"
    other.write_bytes(path.read_bytes())
    changed = {"progress": False, "n_jobs": 2, "checkpoint_seconds": 3}
    net = make_net()
    net.fit(*SPIRAL, **options | changed | {"checkpoint": str(other)})
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_files_of_others_are_refused_and_stay(tmp_path, written):
    content = written[0].read_bytes()
    path = tmp_path / "run.npz"
    options = written[1] | {"checkpoint": path}
    make_net().save(path)
    as_net = path.read_bytes()
    for wrong, pattern in (
        (as_net, r"it holds a net, read it with fastnn\.load"),
        (b"", "it is not a .npz file"),
        (b"my thesis", "it is not a .npz file"),
        (content[:-9], "it is not a .npz file"),
        (content.replace(b"loss_sums", b"lost_sums"), "loss_sums"),
    ):
        path.write_bytes(wrong)
        pattern += r".*Pass another file as checkpoint=, or delete this one"
        refused(make_net(), SPIRAL, options, pattern)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="not a regular file"):
        make_net().fit(*SPIRAL, **options)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError, match=r"run\.npz"):
        make_net().fit(*SPIRAL, **options)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("seconds", -1.0),
        ("seed", -1),
        ("orders", None),
        ("orders", {"bit_generator": "PCG64", "state": {"state": -1, "inc": 1}}),
        ("start", {}),
        ("call", []),
        ("n_ended", 9),
        ("best", np.array([0.5, 9.0])),
        ("best", np.array([0.5, np.nan])),
        ("is_over", 1),
        ("position", [46, 0, 0]),
        ("position", [-1, 0, 0]),
        ("position", [20, 8, 0]),
        ("position", [73, 0, 0]),
        ("g", np.ones((2, 33))),
        ("carried", np.ones(3)),
        ("val_loss", np.ones(9)),
        ("best_theta", np.ones(32)),
        ("theta", np.full(33, np.nan)),
        ("moments", np.ones((1, 33))),
        ("extra", np.ones(3)),
    ],
)
def test_files_that_do_not_fit_the_training_are_refused(
    fact, value, written, written_with_on_epoch, tmp_path
):
    # With a valid checksum, as somebody would write them who knows the format.
    path, options = written
    if fact in ("n_ended", "is_over"):
        path, options = written_with_on_epoch
    with archives.reading_archive(path, "checkpoint") as archive:
        facts = {name: archive.facts[name] for name in archive.facts}
        arrays = {name: archive.arrays[name] for name in archive.arrays}
    if fact in facts:
        facts[fact] = value
    else:
        dtype = np.int64 if fact == "position" else np.float64
        arrays[fact] = np.array(value, dtype)
    facts.pop("format")
    wrong = tmp_path / "run.npz"
    archives.write_archive(wrong, "checkpoint", archives.Archive(facts, arrays))
    content, net = wrong.read_bytes(), make_net()
    theta = net.theta.copy()
    with pytest.raises(ValueError, match=r"run\.npz|has shape"):
        net.fit(*SPIRAL, **options | {"checkpoint": wrong})
    assert wrong.read_bytes() == content
    assert net.theta.tobytes() == theta.tobytes()


def test_arguments_are_checked(tmp_path):
    path = tmp_path / "run.npz"
    how = {"epochs": 1, "lr": 0.1}
    with pytest.raises(TypeError, match="checkpoint must be the path of a file, not 3"):
        make_net().fit(*SPIRAL, checkpoint=3, **how)
    with pytest.raises(ValueError, match="checkpoint_seconds must be at least 0"):
        make_net().fit(*SPIRAL, checkpoint=path, checkpoint_seconds=-1, **how)
    with pytest.raises(ValueError, match=r"\.json promises another format"):
        make_net().fit(*SPIRAL, checkpoint="run.json", **how)
    net = make_net()
    with pytest.raises(FileNotFoundError, match="none does not exist"):
        net.fit(*SPIRAL, checkpoint=tmp_path / "none" / "run.npz", **how)
    assert net.history.updates == 0
    assert not os.listdir(tmp_path)


def test_a_second_training_with_the_file_is_refused_at_once(tmp_path):
    path, refusals = tmp_path / "run.npz", []
    names = iter(
        (path, tmp_path / "link.npz", tmp_path / ".." / tmp_path.name / "run.npz")
    )
    (tmp_path / "link.npz").symlink_to("run.npz")
    options = {"epochs": 3, "lr": 0.1, "checkpoint": path}

    def try_as_well(state):
        def work():
            with pytest.raises(BlockingIOError) as caught:
                make_net().fit(*SPIRAL, **options | {"checkpoint": next(names)})
            refusals.append(str(caught.value))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    make_net().fit(*SPIRAL, on_epoch=try_as_well, **options)
    pattern = r"the file .*npz is in use by another process or thread"
    assert len(refusals) == 3
    assert all(re.match(pattern, refusal) for refusal in refusals)
    assert sorted(os.listdir(tmp_path)) == ["link.npz", "run.npz"]


def test_a_function_between_epochs_may_change_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    options = {"epochs": 3, "lr": 0.1, "checkpoint": "run.npz", "checkpoint_seconds": 0}
    make_net().fit(*SPIRAL, on_epoch=lambda _: os.chdir(folder), **options)
    assert sorted(os.listdir(tmp_path)) == ["folder", "run.npz"]
    assert not os.listdir(folder)


@pytest.mark.compiled
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's locks and signals")
def test_a_process_that_was_killed_leaves_a_file_to_go_on_with(tmp_path):
    path = tmp_path / "run.npz"
    program = """
        import sys, time, fastnn

        def wait(state):
            print(state.epoch, flush=True)
            time.sleep(100 if state.epoch == 2 else 0)

        X, y = fastnn.datasets.spiral(20, classes=3, seed=1)
        net = fastnn.mlp(2, 5, 3, activation="tanh", seed=1)
        net.fit(X, y, epochs=5, lr=0.1, on_epoch=wait, checkpoint=sys.argv[1],
                checkpoint_seconds=0)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), path],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
        net, seen = make_net(), []
        options = {"epochs": 5, "lr": 0.1, "checkpoint": path}
        options["on_epoch"] = lambda state: seen.append(state.epoch)
        before = time.monotonic()
        with pytest.raises(BlockingIOError, match="in use by another process"):
            net.fit(*SPIRAL, **options)
        assert time.monotonic() - before < 10
        process.send_signal(signal.SIGKILL)
    assert len(os.listdir(tmp_path)) == 2  # with the lock
    net.fit(*SPIRAL, **options)
    assert seen == [2, 3, 4]
    assert os.listdir(tmp_path) == ["run.npz"]
    twin = make_net()
    twin.fit(*SPIRAL, epochs=5, lr=0.1)
    assert net.theta.tobytes() == twin.theta.tobytes()


@pytest.mark.compiled
def test_trainings_killed_at_random_moments_end_with_the_same_bits():
    # `python -m tests.fuzz.kills 200` is the long version.
    kinds = ("full batch", "early stopping")
    command = [sys.executable, "-m", "tests.fuzz.kills", "2", "--kinds", *kinds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("kills, 0 failures\n")


def test_a_full_disk_stops_no_training(tmp_path, monkeypatch, chunks):
    chunks(50)
    path, sync, full = tmp_path / "run.npz", files._sync, []

    def fill_up(descriptor):
        full.append(descriptor)
        if 3 < len(full) < last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(files, "_sync", fill_up)
    options = {"epochs": 9, "lr": 0.1}
    twin = make_net()
    expected = twin.fit(*SPIRAL, **options)
    options |= {"checkpoint": path, "checkpoint_seconds": 0}
    last, net = 7, make_net()
    with pytest.warns(RuntimeWarning, match="No space left.*still has the") as caught:
        net.fit(*SPIRAL, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert net.theta.tobytes() == twin.theta.tobytes()
    path.unlink()
    full.clear()
    last, net = 10**9, make_net()
    with (
        pytest.warns(RuntimeWarning, match="No space left") as caught,
        pytest.raises(OSError, match="No space left on device") as error,
    ):
        net.fit(*SPIRAL, **options)
    assert len(caught) == 1
    assert error.value.errno == errno.ENOSPC
    assert "the net has its result" in error.value.__notes__[0]
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert net.history.loss.tobytes() == expected.loss.tobytes()
    assert os.listdir(tmp_path) == ["run.npz"]
    # The last file that could be written is whole.
    monkeypatch.undo()
    net = make_net()
    history = net.fit(*SPIRAL, **options)
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert history.loss.tobytes() == expected.loss.tobytes()


@pytest.mark.parametrize(
    ("seconds", "writes"),
    # At the end, and before when 10 or 60 seconds have passed since the beginning, or
    # 50 or 60 since the last time; or after each epoch.
    [(10.0, 4), (60.0, 2), (0.0, 120)],
)
def test_what_takes_long_to_write_is_written_rarely(
    seconds, writes, tmp_path, monkeypatch
):
    now, written = [0.0], []

    def write(*_):
        now[0] += 0.5
        written.append(now[0])

    def wait(state):
        now[0] += 1.0

    monkeypatch.setattr(checkpoints, "perf_counter", lambda: now[0])
    monkeypatch.setattr(checkpoints, "write_archive", write)
    make_net().fit(
        *SPIRAL,
        epochs=120,
        lr=0.1,
        batch_size="full",
        on_epoch=wait,
        checkpoint=tmp_path / "run.npz",
        checkpoint_seconds=seconds,
    )
    assert len(written) == writes


def test_the_facts_of_a_file_are_json(written):
    with np.load(written[0]) as file:
        facts = json.loads(str(file["checkpoint"]))
        assert all(file[name].dtype != object for name in file.files)
    assert facts["call"]["epochs"] == 9
    assert facts["call"]["lr"] == 0.1
