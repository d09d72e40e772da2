"""The Axes of plots, and the import of matplotlib."""

import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn.plot import style


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


@pytest.mark.parametrize("name", ["가나다", "数学", "Ωмλ", "a😀b", "日本 xyz"])
def test_letters_that_the_font_lacks_warn_about_no_glyph(name):
    # Warnings are errors here, and matplotlib warns when it draws the text.
    X, y = fastnn.datasets.xor_gate()
    labels = np.array([name, "b"])[y]
    net = fastnn.mlp(2, 2, 1)
    net.fit(X, labels, epochs=1, lr=0.1)
    for ax in (
        fastnn.plot.decision_map(net, X, labels),
        fastnn.plot.data(X, labels),
        fastnn.plot.data(X[:, :1], labels),
    ):
        ax.figure.canvas.draw()
        assert name in [text.get_text() for text in ax.get_legend().get_texts()]


def test_fonts_are_chosen_for_texts_that_need_one_only():
    ax = fastnn.plot.data(*fastnn.datasets.xor_gate())
    plain, hangul = ax.text(0, 0, "é, ≠"), ax.text(0, 1, "가")
    before = plain.get_fontfamily()
    style.choose_fonts(ax)
    assert plain.get_fontfamily() == before
    assert hangul.get_fontfamily()[0] == before[0]
    assert len(hangul.get_fontfamily()) > 1


def test_an_installed_font_with_the_letters_is_chosen(monkeypatch):
    monkeypatch.setattr(style, "_FAMILIES", ("No Such Font", "STIXGeneral"))
    ax = fastnn.plot.data(*fastnn.datasets.xor_gate())
    text = ax.text(0, 0, "a \u1d8d")  # DejaVu Sans lacks this letter
    style.choose_fonts(ax)
    assert text.get_fontfamily()[1:] == ["STIXGeneral"]
