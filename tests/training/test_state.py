"""Snapshots of a training's state, and returns to them."""

import numpy as np
import pytest

import fastnn
from fastnn import kernels
from fastnn.nn.optimizers import update_rule
from fastnn.training.config import fit_config
from fastnn.training.state import TrainingState

UPDATES, SAMPLES = kernels.codes.UPDATES, kernels.codes.SAMPLES


def make_config(epochs=5, record=None):
    """Return the config of a training with Adam and 4 updates per epoch."""
    return fit_config(
        np.zeros((8, 2)),
        np.zeros((8, 1)),
        np.zeros(0),
        update_rule(fastnn.Adam(0.1), []),
        None,
        epochs=epochs,
        batch_size=2,
        reduction="mean",
        shuffle=False,
        seed=0,
        progress=False,
        n_jobs=1,
        mixes_rows=False,
        record=record,
    )


def make_state(epochs=5):
    """Return the state of a new training with 6 parameters, which are recorded."""
    state = TrainingState(np.arange(6.0), make_config(epochs, record=3))
    state.carried = np.zeros(3)
    return state


def train_to(state, update):
    """Change all that an update changes, as if training came to this update."""
    rng = np.random.default_rng(update)
    for array in (state.theta, state.g, state.moments, state.clock, state.carried):
        array[...] = rng.standard_normal(array.shape)
    epoch = update // 4
    state.loss_sums[: epoch + 1] = rng.random(epoch + 1)
    state.n_right[: epoch + 1] = rng.integers(1, 8, epoch + 1)
    # Those after updates 3, 6 ..., and the one under way.
    sums = state.recorded_sums[1 : update // 3 + 2]
    sums[...] = rng.random(sums.shape)
    state.position[[UPDATES, SAMPLES]] = update, 1


def contents(state):
    arrays = (
        state.theta,
        state.g,
        state.moments,
        state.clock,
        state.carried,
        state.position,
        state.loss_sums,
        state.n_right,
        state.recorded_sums,
    )
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("later", [7, 8, 15, 20, 23])
def test_restore_returns_to_the_snapshot(later):
    state = make_state(epochs=6)
    train_to(state, 6)
    before, snapshot = contents(state), state.snapshot()
    assert snapshot.updates == 6
    # Complete sums do not change, so a snapshot has none of them.
    first_sums, records = (
        (state.loss_sums[0], state.n_right[0]),
        state.recorded_sums[:3].copy(),
    )
    train_to(state, later)
    state.loss_sums[0], state.n_right[0] = first_sums
    state.recorded_sums[:3] = records
    assert contents(state) != before
    state.restore(snapshot)
    assert contents(state) == before


def test_one_snapshot_serves_several_returns():
    state = make_state()
    before, snapshot = contents(state), state.snapshot()
    for update in (3, 7):
        train_to(state, update)
        state.restore(snapshot)
        assert contents(state) == before


def test_the_snapshot_of_a_complete_training_can_be_restored():
    state = make_state()
    train_to(state, 19)
    # There is no sum of an epoch after the last.
    state.position[UPDATES] = 20
    before, snapshot = contents(state), state.snapshot()
    state.restore(snapshot)
    assert contents(state) == before
    assert snapshot.updates == 20


def test_ctrl_c_does_not_end_a_restore_halfway():
    state = make_state()
    train_to(state, 6)
    before, snapshot = contents(state), state.snapshot()
    state.theta[:], state.moments[:], state.loss_sums[1] = 9.0, 8.0, 7.0
    state.position[UPDATES] = 7

    class PressesCtrlC(list):
        """Arrays of a snapshot that are interrupted before each of the first three."""

        presses = 0

        def __iter__(self):
            for i, array in enumerate(super().__iter__()):
                if i == self.presses < 3:
                    self.presses += 1
                    raise KeyboardInterrupt
                yield array

    interrupting = PressesCtrlC(snapshot.arrays)
    target = type(snapshot)(interrupting, snapshot.sums)
    with pytest.raises(KeyboardInterrupt):  # nothing is swallowed
        kernels.interrupts.to_the_end(lambda: state.restore(target))
    assert interrupting.presses == 3
    assert contents(state) == before


def test_the_state_changes_the_callers_theta_in_place():
    theta = np.arange(6.0)
    state = TrainingState(theta, make_config())
    assert state.theta is theta
    snapshot = state.snapshot()
    theta[:] = 7.0
    state.restore(snapshot)
    assert theta.tolist() == list(range(6))


def test_update_0_is_recorded_at_once():
    state = TrainingState(np.arange(6.0), make_config(record=[0, 4]))
    assert state.recorded.shape == (2, 6)
    assert state.recorded[0].tolist() == list(range(6))
    assert TrainingState(np.arange(6.0), make_config()).recorded.shape == (0, 6)
