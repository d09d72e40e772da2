"""Blocks of nets: training one is a pure function of its nets and its stage."""

import naive
import numpy as np
import pytest
from sweeps import Sweep, no_stop

import fastnn
from fastnn.sweeps.blocks import train_block

BATCH_SIZES = [1, 7, "full"]


def arrays_of(result):
    """Return all arrays of a StageResult by name."""
    curves = {name: getattr(result, name) for name in ("curves", "final", "stopped")}
    return result.nets._asdict() | curves


def assert_equal(result, other):
    for name, array in arrays_of(result).items():
        other_array = arrays_of(other)[name]
        assert (array.dtype, array.shape) == (other_array.dtype, other_array.shape)
        assert array.tobytes() == other_array.tobytes(), name


def memory_of(block):
    """Return all arrays of a block."""
    return [
        block.theta,
        block.moments,
        block.clock,
        block.settings,
        block.trained,
        block.loss_sums,
        block.n_right,
        block.penalties,
        block.position,
        *block.scratch,
    ]


def fill_with_junk(block):
    for array in memory_of(block):
        array[...] = np.nan if array.dtype.kind == "f" else 77


@pytest.fixture(params=BATCH_SIZES, ids=str)
def sweep(request):
    return Sweep(batch_size=request.param)


def test_equal_nets_and_stages_give_equal_results(sweep):
    stage, nets = sweep.begin_stage(), sweep.state.nets(np.arange(5))
    first = train_block(nets, stage, sweep.make_block(), no_stop)
    second = train_block(nets, stage, sweep.make_block(), no_stop)
    assert np.isfinite(first.nets.theta).all()
    assert (first.nets.theta != nets.theta).any(axis=1).all()
    assert first.curves.shape == (2, 6, 5)
    assert_equal(first, second)


def test_the_results_do_not_depend_on_what_was_in_the_block(sweep):
    stage, nets = sweep.begin_stage(), sweep.state.nets(np.arange(5))
    expected = train_block(nets, stage, sweep.make_block(), no_stop)
    block = sweep.make_block()
    fill_with_junk(block)
    assert_equal(train_block(nets, stage, block, no_stop), expected)
    # The block now has the memory of that training.
    assert_equal(train_block(nets, stage, block, no_stop), expected)


@pytest.mark.compiled
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_results_do_not_depend_on_nets_that_diverged_before(batch_size, momentum):
    # The parameters of the first three nets overflow in the second update.
    lr, decay = np.full(5, 0.1), np.zeros(5)
    lr[:3], decay[:3] = 1e200, 1e200
    sweep = Sweep(
        batch_size=batch_size,
        optimizer=fastnn.SGD(lr, momentum=momentum, weight_decay=decay),
    )
    stage = sweep.begin_stage()
    diverging, others = (sweep.state.nets(np.array(i)) for i in ([0, 1, 2], [3, 4]))
    expected = train_block(others, stage, sweep.make_block(), no_stop)
    assert np.isfinite(expected.nets.theta).all()
    block = sweep.make_block()
    broken = train_block(diverging, stage, block, no_stop)
    assert not np.isfinite(broken.nets.theta).all(axis=1).any()
    assert_equal(train_block(others, stage, block, no_stop), expected)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)]
)
@pytest.mark.parametrize("batch_size", [5, "full"])
def test_nets_have_their_own_penalties(batch_size, dtype, tolerance):
    sweep = Sweep(batch_size=batch_size, dtype=dtype)
    stage, nets, block = (
        sweep.begin_stage(),
        sweep.state.nets(np.arange(5)),
        sweep.make_block(),
    )
    factors, config = np.array([0.0, 0.1, 0.5, 2.0, 10.0]), sweep.config
    block.load(nets, stage, factors)
    for _ in block.chunks(stage, config.updates):
        pass
    result = block.result(nets, stage)
    penalties = block.penalties.reshape(6, -1) / (12 * config.loss_scale)
    for i, l2 in enumerate(factors):
        w1, b1, w2, b2 = np.split(nets.theta[i].astype(float), [8, 12, 24])
        params, losses, _ = naive.train(
            [w1.reshape(2, 4), b1, w2.reshape(4, 3), b2],
            ["tanh", "linear"],
            "softmax_ce",
            config.X.astype(float),
            config.y[:, 0].astype(int),
            naive.Rule("adam", 0.05),
            6,
            config.batch_size,
            orders=np.resize(stage.orders, (6, 12)),
            l2=l2,
        )
        theta = np.concatenate([p.ravel() for p in params])
        np.testing.assert_allclose(result.nets.theta[i], theta, tolerance, tolerance)
        found = result.curves[0, :, i] + penalties[:, i]
        np.testing.assert_allclose(found, losses, tolerance)


def test_the_inputs_are_not_changed(sweep):
    stage, nets = sweep.begin_stage(), sweep.state.nets(np.arange(5))
    inputs = [*nets, stage.orders, stage.table, stage.config.X, stage.config.y]
    inputs += [stage.recording.epochs, sweep.state.recorded, sweep.state.trained]
    before = [array.copy() for array in inputs]
    result = train_block(nets, stage, sweep.make_block(), no_stop)
    for array, copy in zip(inputs, before, strict=True):
        assert array.tobytes() == copy.tobytes()
    assert (result.nets.ids == nets.ids).all()


def test_the_results_share_no_memory_with_the_block_or_the_state(sweep):
    stage, nets = sweep.begin_stage(), sweep.state.nets(np.arange(5))
    block = sweep.make_block()
    result = train_block(nets, stage, block, no_stop)
    for name, array in arrays_of(result).items():
        assert not any(np.shares_memory(array, memory) for memory in memory_of(block))
        if name in ("theta", "moments", "clock"):
            assert not np.shares_memory(array, getattr(nets, name))
    copies = {name: array.copy() for name, array in arrays_of(result).items()}
    fill_with_junk(block)
    for name, array in arrays_of(result).items():
        assert array.tobytes() == copies[name].tobytes()


def test_a_report_of_false_ends_the_block_without_a_result(sweep, chunks):
    chunks(1)
    reported = []

    def stop_at_third(updates):
        reported.append(updates)
        return len(reported) < 3

    stage, nets = sweep.begin_stage(), sweep.state.nets(np.arange(5))
    before = nets.theta.copy()
    assert train_block(nets, stage, sweep.make_block(), stop_at_third) is None
    assert len(reported) == 3
    assert (nets.theta == before).all()


def test_the_reports_add_up_to_the_updates_of_all_nets(chunks):
    sweep, reported = Sweep(), []
    chunks(13)
    train_block(
        sweep.state.nets(np.arange(5)),
        sweep.begin_stage(),
        sweep.make_block(),
        lambda updates: reported.append(updates) or True,
    )
    # 6 epochs of 12 rows in chunks of 13 updates, for 5 nets.
    assert reported == [13 * 5] * 5 + [7 * 5]


@pytest.mark.parametrize("length", [1, 10, 10**6])
def test_chunks_change_no_bit(sweep, chunks, length):
    stage, nets = sweep.begin_stage(), sweep.state.nets(np.arange(5))
    expected = train_block(nets, stage, sweep.make_block(), no_stop)
    chunks(length)
    assert_equal(train_block(nets, stage, sweep.make_block(), no_stop), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_the_other_nets_of_a_block_change_no_bit(batch_size, dtype):
    sweep = Sweep(n_nets=20, batch_size=batch_size, dtype=dtype)
    stage, state = sweep.begin_stage(), sweep.state
    all_nets = train_block(
        state.nets(np.arange(20)), stage, sweep.make_block(), no_stop
    )
    some = np.array([0, 7, 8, 19])
    few = train_block(state.nets(some), stage, sweep.make_block(4), no_stop)
    assert (few.nets.theta == all_nets.nets.theta[some]).all()
    assert (few.nets.moments == all_nets.nets.moments[:, some]).all()
    assert (few.curves == all_nets.curves[:, :, some]).all()


def test_two_stages_equal_one(sweep):
    whole = train_block(
        sweep.state.nets(np.arange(5)), sweep.begin_stage(), sweep.make_block(), no_stop
    )
    staged = Sweep(batch_size=sweep.config.batch_size)
    losses = []
    while staged.state.epochs_done < 6:
        stage, nets = staged.begin_stage(2), staged.state.nets(np.arange(5))
        result = train_block(nets, stage, staged.make_block(), no_stop)
        staged.state.absorb(result)
        staged.state.end_stage()
        losses.append(result.curves)
    assert len(losses) == 3
    assert (staged.state.theta == whole.nets.theta).all()
    assert (np.concatenate(losses, axis=1) == whole.curves).all()
    assert (result.nets.moments == whole.nets.moments).all()
    assert (result.nets.clock == whole.nets.clock).all()
