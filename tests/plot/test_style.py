"""The Axes of plots, and the import of matplotlib."""

import subprocess
import sys

import fastnn


def test_new_axes_are_made_unless_some_are_given():
    X, y = fastnn.datasets.spiral(20)
    net = fastnn.mlp(2, 6, 3)
    net.fit(X, y, epochs=5, lr=0.1)
    axes = [
        fastnn.plot.data(X, y),
        fastnn.plot.history(net.history),
        fastnn.plot.decision_map(net),
    ]
    assert len({ax.figure.number for ax in axes}) == 3
    assert axes[0].get_aspect() == 1.0
    assert fastnn.plot.data(X, y, ax=axes[0]) is axes[0]


def test_matplotlib_is_imported_by_the_first_plot_only():
    program = """
import sys, fastnn
assert "matplotlib" not in sys.modules
assert "numba" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
