"""States and stages of small sweeps, for tests of their parts."""

import numpy as np

import fastnn
from fastnn.data.arrays import readonly
from fastnn.data.labels import encode_targets
from fastnn.data.weights import no_weights
from fastnn.nn.architecture import Architecture
from fastnn.nn.optimizers import choose
from fastnn.sweeps.blocks import NetBlock, Stage, choose_layout
from fastnn.sweeps.plan import loss_recording
from fastnn.sweeps.state import SweepState
from fastnn.training.config import fit_config
from fastnn.training.engines.table import layer_table
from fastnn.training.orders import EpochOrders


class Sweep:
    """Sweep over nets with 2 inputs and 3 classes on 12 rows, and its state."""

    def __init__(
        self,
        n_nets=5,
        epochs=6,
        batch_size=1,
        optimizer=None,
        dtype="float64",
        losses="all",
        stop_below=None,
        every=1,
    ):
        layers = [fastnn.Affine(2, 4), fastnn.Tanh(), fastnn.Affine(4, 3)]
        architecture = Architecture.of(layers, "softmax_ce", "normal(0.7)")
        X, y = fastnn.datasets.spiral(4)
        targets, _ = encode_targets(
            y, len(y), architecture.targets, None, np.dtype(dtype)
        )
        self.config = fit_config(
            # Kernels would be compiled once more for an array that can be written.
            readonly(X.astype(dtype)),
            targets,
            no_weights(np.dtype(dtype)),
            choose(optimizer or fastnn.Adam(0.05), None).rule_per_net(n_nets),
            None,
            epochs=epochs,
            batch_size=batch_size,
            reduction="mean",
            shuffle=True,
            seed=3,
            progress=False,
            n_jobs=1,
            mixes_rows=False,
        )
        self.n_nets, self.loss = n_nets, architecture.loss
        self.table = layer_table(architecture.stack)
        initial = architecture.draw_many(range(n_nets), np.dtype(dtype))
        recording = loss_recording(epochs, n_nets, every, losses, stop_below)
        self.state = SweepState(self.config, self.loss, initial, recording)

    def begin_stage(self, max_epochs=100):
        """Begin the next stage of the state, and return it."""
        first = self.state.epochs_done
        orders = EpochOrders(self.config)
        last, n_recorded = self.state.begin_stage(max_epochs)
        return Stage(
            config=self.config,
            recording=self.state.recording,
            monitor=self.state.monitor,
            table=self.table,
            loss=self.loss.code,
            orders=orders.since(first),
            first=first,
            last=last,
            n_recorded=n_recorded,
        )

    def make_block(self, n_nets=None):
        """Return new memory for n_nets nets, by default all."""
        n_nets = n_nets or self.n_nets
        layout = choose_layout(self.config, self.table, self.state.theta, n_nets, 1)
        return NetBlock(self.config, self.state.theta, layout)


def no_stop(updates):
    """Let a block be trained to its end."""
    return True
