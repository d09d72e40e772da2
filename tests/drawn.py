"""Pictures and films as they are drawn, looked at: nothing overlaps, nothing is outside, films move."""

from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def look_at(shown):
    """The pixels of a picture, or of a film's first and last frame, after a look at its titles and labels."""
    figure = Figure(figsize=shown.size, dpi=90, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    show = shown.draw(figure)
    seen = []
    for frame in (0, shown.n_frames - 1) if hasattr(shown, "n_frames") else (None,):
        if frame is not None:
            show(frame)
        canvas.draw()
        figure.set_layout_engine("none")
        seen.append(np.asarray(canvas.buffer_rgba()).copy())
        boxes = [
            (text.get_text(), text.get_window_extent().padded(-0.5))
            for text in texts(figure)
        ]
        assert boxes
        for text, box in boxes:
            assert box.x0 >= 0, text
            assert box.y0 >= 0, text
            assert box.x1 <= figure.bbox.x1, text
            assert box.y1 <= figure.bbox.y1, text
        for (one, first), (other, second) in combinations(boxes, 2):
            assert not first.overlaps(second), (one, other)
    return seen


def texts(figure):
    """The titles, labels, legends and numbers of a figure."""
    found = list(figure.texts)
    for ax in figure.axes:
        found += [
            ax.title,
            *ax.texts,
            *(ax.get_legend().texts if ax.get_legend() else ()),
        ]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            found += [
                axis.label,
                *(tick.label1 for tick in ticks if low <= tick.get_loc() <= high),
            ]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def look_at_all(outcome):
    """All pictures and films: of different names, with captions, and films that end otherwise than they begin."""
    for kind in (outcome.pictures, outcome.films):
        assert len({shown.name for shown in kind}) == len(kind) > 0
        assert all(shown.caption.endswith(".") for shown in kind)
    for picture in outcome.pictures:
        (seen,) = look_at(picture)
        assert len(np.unique(seen.reshape(-1, 4), axis=0)) > 20
    for film in outcome.films:
        first, last = look_at(film)
        assert (first != last).any()
