"""A film as an animated GIF: one layout and one palette for all frames."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...plot import COLORS

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..outcome import Film

LIMIT = 3_000_000  # bytes, a size that is still quick to download
_DPI = 90
_FRAME, _LAST = 80, 2000  # milliseconds that a frame and the last frame are shown
_COLORS = (255, 128)  # in the palette: the second if the first exceeds the limit
# Colours that the palette always has: the background, and those of small points.
_FIXED = [list(bytes.fromhex(color[1:])) for color in ("#FFFFFF", *COLORS)]
_SAMPLES = 8  # frames from which the palette is made


def gif(film: "Film", on_frame: Callable[[], object] = lambda: None) -> bytes:
    """Return a film as a GIF that repeats; `on_frame` is called after each frame.

    A GIF above LIMIT gets fewer colours, and if that is not enough fewer frames, each
    shown for longer.
    """
    frames = list(_frames(film, on_frame))
    for n_colors in _COLORS:
        content = _encode(frames, n_colors, _FRAME)
        if len(content) <= LIMIT:
            return content
    n = len(frames)
    while len(content) > LIMIT and n > 1:
        n = max(1, min(n - 1, int(0.95 * n * LIMIT / len(content))))
        # Counted from the last frame, which is always among them.
        numbers = np.linspace(len(frames) - 1, 0, n).round().astype(int)[::-1]
        chosen = [frames[number] for number in numbers]
        content = _encode(chosen, _COLORS[-1], _FRAME * len(frames) // n)
    return content


def _frames(film: "Film", on_frame: Callable[[], object]) -> Iterator["Image"]:
    """Draw all frames, with the layout of the first, so that the axes stand still."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=film.size, dpi=_DPI, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    show = film.draw(figure)
    for number in range(film.n_frames):
        show(number)
        canvas.draw()
        figure.set_layout_engine("none")
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        on_frame()


def _encode(frames: Sequence["Image"], n_colors: int, milliseconds: int) -> bytes:
    """Return frames as a GIF; Pillow writes only the difference to the frame before."""
    from PIL.Image import Dither

    palette = _palette(frames, n_colors)
    first, *others = (
        frame.quantize(palette=palette, dither=Dither.NONE) for frame in frames
    )
    content = io.BytesIO()
    durations = [milliseconds] * len(others) + [_LAST]
    first.save(
        content,
        "gif",
        save_all=True,
        append_images=others,
        duration=durations,
        loop=0,
        optimize=True,
    )
    return content.getvalue()


def _palette(frames: Sequence["Image"], n_colors: int) -> "Image":
    """Return an image whose palette has the frames' best colours and the fixed ones."""
    from PIL import Image

    n = min(_SAMPLES, len(frames))
    numbers = np.linspace(0, len(frames) - 1, n).astype(int)
    samples = [frames[number] for number in numbers]
    width, height = samples[0].size
    sheet = Image.new("RGB", (width, height * len(samples)))
    for i, sample in enumerate(samples):
        sheet.paste(sample, (0, height * i))
    palette = sheet.quantize(n_colors - len(_FIXED))
    colors = np.concatenate([np.array(palette.getpalette()).reshape(-1, 3), _FIXED])
    # Pillow takes the first colour that is near, so near ones become equal.
    for fixed in _FIXED:
        colors[np.abs(colors - fixed).max(axis=1) < 8] = fixed
    palette.putpalette(colors.ravel().tolist())
    return palette
