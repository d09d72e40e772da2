"""A film as an animated GIF: one figure drawn frame by frame, one palette for all frames, never much to download."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...plot import COLORS

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..outcome import Film

LIMIT = 3_000_000  # bytes
_DPI = 90
_FRAME, _LAST = 80, 2000  # how long a frame and the last one stay, in milliseconds
_COLORS = (255, 128)
_KEPT = [
    list(bytes.fromhex(color[1:])) for color in ("#FFFFFF", *COLORS)
]  # paper, and what small points have
_SAMPLES = 8  # frames that the palette is made from


def gif(film: "Film", drawn: Callable[[], object] = lambda: None) -> bytes:
    """The film as a GIF that plays for ever; `drawn` is called after each frame.

    What would be larger than LIMIT gets fewer colours, and if that is not enough, fewer frames, each shown for longer.
    """
    frames = list(_frames(film, drawn))
    for n_colors in _COLORS:
        content = _encode(frames, n_colors, _FRAME)
        if len(content) <= LIMIT:
            return content
    kept = frames
    while len(content) > LIMIT and len(kept) > 1:
        n_kept = max(
            1, min(len(kept) - 1, int(0.95 * len(kept) * LIMIT / len(content)))
        )
        kept = [
            frames[place]
            for place in np.linspace(len(frames) - 1, 0, n_kept)
            .round()
            .astype(int)[::-1]
        ]
        content = _encode(kept, _COLORS[-1], _FRAME * len(frames) // n_kept)
    return content


def _frames(film: "Film", drawn: Callable[[], object]) -> Iterator["Image"]:
    """All frames, laid out as the first one is: the axes stand still."""
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
        drawn()


def _encode(frames: Sequence["Image"], n_colors: int, milliseconds: int) -> bytes:
    """The frames as a GIF of so many colours; Pillow writes of each frame what differs from the one before."""
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
    """An image that has the colours which serve all frames best, as far as a few of them tell, and those to be kept."""
    from PIL import Image

    samples = [
        frames[place]
        for place in np.linspace(0, len(frames) - 1, min(_SAMPLES, len(frames))).astype(
            int
        )
    ]
    sheet = Image.new("RGB", (samples[0].width, samples[0].height * len(samples)))
    for place, sample in enumerate(samples):
        sheet.paste(sample, (0, samples[0].height * place))
    palette = sheet.quantize(n_colors - len(_KEPT))
    colors = np.concatenate([np.array(palette.getpalette()).reshape(-1, 3), _KEPT])
    for kept in _KEPT:
        colors[np.abs(colors - kept).max(axis=1) < 8] = (
            kept  # Pillow takes any that is near
        )
    palette.putpalette(colors.ravel().tolist())
    return palette
