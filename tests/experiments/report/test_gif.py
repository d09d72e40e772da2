"""Films as GIFs: complete, repeating and small."""

import io

import numpy as np
import pytest
from PIL import Image

from fastnn import plot
from fastnn.experiments.outcome import Film
from fastnn.experiments.report import gif


def growing_bar(n_frames, size=(3.0, 2.0)):
    """Return a film of a bar that grows to the right."""

    def draw(figure):
        ax = figure.subplots()
        ax.set(xlim=(0, n_frames), ylim=(-0.5, 0.5))
        (bar,) = ax.barh([0], [0], color="#0072B2")

        def show(frame):
            bar.set_width(frame + 1)
            ax.set_title(f"frame {frame}")

        return show

    return Film("bar", "A bar grows", size, n_frames, draw)


def noise(n_frames):
    """Return a film that cannot be compressed."""
    rng = np.random.default_rng(0)

    def draw(figure):
        image = figure.subplots().imshow(
            np.zeros((2, 2, 3)), aspect="auto", interpolation="nearest"
        )
        return lambda frame: image.set_data(rng.random((120, 160, 3)))

    return Film("noise", "Noise", (2.5, 2.0), n_frames, draw)


def moving_border(n_classes):
    """Return a film of regions in many shades with moving borders, and of points."""
    x = np.linspace(-1, 1, 60)
    points = np.random.default_rng(0).uniform(-1, 1, (n_classes, 2))

    def draw(figure):
        ax = figure.subplots()

        def show(frame):
            ax.clear()
            heights = np.add.outer(x, np.roll(x, frame))[..., np.newaxis]
            scores = np.exp(-((heights - np.linspace(-1, 1, n_classes)) ** 2))
            plot.regions(ax, x, x, scores / scores.sum(axis=2, keepdims=True))
            plot.data(points, np.arange(n_classes), ax=ax)

        return show

    return Film("border", "Borders move", (4.0, 3.0), 3, draw)


def frames(content):
    """Return the frames of a GIF and their durations in milliseconds."""
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.format == "GIF"
        assert opened.info["loop"] == 0
        result = []
        for number in range(opened.n_frames):
            opened.seek(number)
            result.append(
                (np.asarray(opened.convert("RGB")).astype(int), opened.info["duration"])
            )
    return result


def blue(frame):
    return int(((frame[..., 2] > 150) & (frame[..., 0] < 60)).sum())


def test_all_frames_are_in_order_and_the_last_one_stays():
    counted = []
    content = gif.gif(growing_bar(12), lambda: counted.append(1))
    shown = frames(content)
    assert len(shown) == len(counted) == 12
    assert shown[0][0].shape == (180, 270, 3)
    areas = [blue(frame) for frame, _ in shown]
    assert areas == sorted(set(areas))
    assert areas[-1] == pytest.approx(12 * areas[0], rel=0.1)
    durations = [duration for _, duration in shown]
    assert set(durations[:-1]) == {80}
    assert durations[-1] == 2000


def test_the_still_part_is_written_once():
    assert len(gif.gif(growing_bar(20))) < 6 * len(gif.gif(growing_bar(2)))


def test_colours_are_those_of_the_figure():
    (first, _), *_ = frames(gif.gif(growing_bar(4)))
    colors, counts = np.unique(first.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colors) <= 256
    assert (colors[counts.argmax()] == 255).all()  # the background
    assert np.abs(first - (0x00, 0x72, 0xB2)).sum(axis=2).min() <= 6


@pytest.mark.parametrize("n_colors", [255, 128])
@pytest.mark.parametrize("n_classes", [2, 3, 8])
def test_points_on_regions_keep_their_colours(n_classes, n_colors, monkeypatch):
    monkeypatch.setattr(gif, "_COLORS", (n_colors,))
    for frame, _ in frames(gif.gif(moving_border(n_classes))):
        for color in plot.COLORS[:n_classes]:
            exact = (frame == list(bytes.fromhex(color[1:]))).all(axis=2)
            assert exact.sum() > 20, color


def test_noise_is_reduced_to_the_limit(monkeypatch):
    whole = gif.gif(noise(12))
    monkeypatch.setattr(gif, "LIMIT", len(whole) // 3)
    content = gif.gif(noise(12))
    assert len(content) <= len(whole) // 3
    shown = frames(content)
    assert 1 < len(shown) < 6
    duration = sum(duration for _, duration in shown[:-1])
    assert abs(duration - 11 * 80) < 3 * 80  # as long as with all frames
    assert not np.array_equal(shown[0][0], shown[1][0])


def test_fewer_colours_come_before_fewer_frames(monkeypatch):
    whole = len(gif.gif(noise(3)))
    monkeypatch.setattr(gif, "LIMIT", whole - 1)
    content = gif.gif(noise(3))
    assert len(content) < whole
    assert len(frames(content)) == 3


def test_a_film_that_cannot_be_small_keeps_its_last_frame(monkeypatch):
    first, *_ = frames(gif.gif(growing_bar(5)))
    monkeypatch.setattr(gif, "LIMIT", 100)
    with Image.open(io.BytesIO(gif.gif(growing_bar(5)))) as opened:
        assert opened.n_frames == 1
        assert blue(np.asarray(opened.convert("RGB")).astype(int)) > 4.5 * blue(
            first[0]
        )
