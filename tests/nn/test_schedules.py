"""Schedules against PyTorch's numbers and by hand, and what is refused."""

import pickle

import numpy as np
import pytest

from fastnn import schedules


def rates(schedule, epochs):
    return [schedule(epoch) for epoch in range(epochs)]


# Each line: a schedule, and the rates that PyTorch 2.14's scheduler gives with the same
# settings in epochs 0, 1, ...
PYTORCH = {
    "StepLR": (
        schedules.step(0.4, step_size=2, gamma=0.5),
        [0.4, 0.4, 0.2, 0.2, 0.1, 0.1],
    ),
    "ExponentialLR": (
        schedules.exponential(0.1, gamma=0.5),
        [0.1, 0.05, 0.025, 0.0125],
    ),
    "CosineAnnealingLR": (
        schedules.cosine(0.1, epochs=4, final=0.01),
        [0.1, 0.08681980515339464, 0.055, 0.02318019484660536, 0.01],
    ),
    "OneCycleLR": (
        schedules.one_cycle(1.0, epochs=10),
        [
            0.04,
            0.52,
            1.0,
            0.9504846320134737,
            0.8117456539497631,
            0.6112620219362893,
            0.38874197806371075,
            0.18825834605023697,
            0.049519367986526286,
            4e-06,
        ],
    ),
}


@pytest.mark.parametrize("name", PYTORCH)
def test_schedules_are_pytorchs(name):
    schedule, expected = PYTORCH[name]
    assert rates(schedule, len(expected)) == pytest.approx(expected, rel=1e-12)


def test_cosine_stays_at_its_end():
    schedule = schedules.cosine(0.1, epochs=4, final=0.01)
    assert schedule(4) == schedule(400) == 0.01


def test_warmup_rises_to_the_other_schedule():
    expected = [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert rates(schedules.warmup(1.0, epochs=4), 6) == pytest.approx(expected)
    falling = schedules.inverse_scaling(1.0, power=1.0)
    assert rates(schedules.warmup(falling, epochs=1), 3) == [
        0.5,
        0.5,
        pytest.approx(1 / 3),
    ]


def test_a_rate_per_net():
    schedule = schedules.cosine([0.1, 0.2], epochs=2)
    assert schedules.rates(schedule, 3) == pytest.approx(
        np.array([[0.1, 0.2], [0.05, 0.1], [0, 0]])
    )


def test_schedules_can_be_pickled():
    schedule = schedules.warmup(schedules.one_cycle(0.1, epochs=20), epochs=3)
    assert rates(pickle.loads(pickle.dumps(schedule)), 20) == rates(schedule, 20)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.step(-0.1, 5), "lr must be at least 0"),
        (lambda: schedules.step(0.1, 0), "step_size must be at least 1"),
        (lambda: schedules.cosine(0.1, epochs=2.5), "epochs must be a whole number"),
        (lambda: schedules.one_cycle(0.1, 9, pct_start=1.0), "pct_start must be less"),
        (lambda: schedules.warmup("fast", 3), "lr must be a number"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda epoch: -epoch, "learning rate of epoch 1 must be at least 0"),
        (lambda epoch: None, "learning rate of epoch 0 must be a number"),
        (lambda epoch: np.nan, "learning rate of epoch 0 must be finite"),
        (lambda epoch: [0.1] * (epoch + 1), "as many learning rates in each epoch"),
    ],
)
def test_functions_that_return_no_rate_are_refused(schedule, message):
    with pytest.raises((TypeError, ValueError), match=message):
        schedules.rates(schedule, 3)
