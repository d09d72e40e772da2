"""Checks of pictures and films: no text overlaps or is cut off, and films move."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

# The labels of Axes that are filled with colours of a bright map in any style.
ON_MAPS = ("weight w", "multiple of the neurons' mean")


def look_at(image):
    """Check the texts of a picture, or of a film's first and last frame.

    Returns the pixels of each frame that was checked.
    """
    figure = Figure(figsize=image.size, dpi=90, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    show = image.draw(figure)
    pixels = []
    for frame in (0, image.n_frames - 1) if hasattr(image, "n_frames") else (None,):
        if frame is not None:
            show(frame)
        canvas.draw()
        figure.set_layout_engine("none")
        pixels.append(np.asarray(canvas.buffer_rgba()).copy())
        boxes = [
            (text.get_text(), text.get_window_extent().padded(-0.5))
            for text in visible_texts(figure)
        ]
        assert boxes
        for text, box in boxes:
            assert box.x0 >= 0, text
            assert box.y0 >= 0, text
            assert box.x1 <= figure.bbox.x1, text
            assert box.y1 <= figure.bbox.y1, text
        for (one, first), (other, second) in combinations(boxes, 2):
            assert not first.overlaps(second), (one, other)
    return pixels


def look_at_dark(picture):
    """Check that no text outside boxes and no line is dark in a dark style."""
    with plt.style.context("dark_background"):
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        figure.draw_without_rendering()
    for text in visible_texts(figure):
        if text.get_bbox_patch() is None:
            assert sum(to_rgb(text.get_color())) > 1.0, text
    for ax in figure.axes:
        for line in ax.lines:
            on_map = ax.collections and ax.get_xlabel() in ON_MAPS
            dark = sum(to_rgb(line.get_color())) < 0.3
            assert on_map or not dark, (picture.name, line)


def visible_texts(figure):
    """Return the titles, labels, legends and tick labels of a figure."""
    texts = list(figure.texts)
    for legend in figure.legends:
        texts += [legend.get_title(), *legend.get_texts()]
    for ax in figure.axes:
        legend = ax.get_legend()
        texts += [ax.title, *ax.texts, *(legend.texts if legend else ())]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            texts += [
                axis.label,
                *(tick.label1 for tick in ticks if low <= tick.get_loc() <= high),
            ]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def look_at_all(outcome):
    """Check all pictures and films of an outcome, with their names and captions."""
    for images in (outcome.pictures, outcome.films):
        assert len({image.name for image in images}) == len(images) > 0
        for image in images:
            assert image.caption.endswith(".")
            assert image.alt.endswith(".")
            assert image.alt != image.caption
    for picture in outcome.pictures:
        look_at_dark(picture)
        (pixels,) = look_at(picture)
        assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20
    for film in outcome.films:
        first, last = look_at(film)
        assert (first != last).any()
