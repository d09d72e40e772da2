"""Tests of how the benchmark notices that something else uses the processor."""

import pytest

from bench import quiet


def test_a_loop_is_disturbed_if_it_takes_longer_than_the_least_of_all():
    usual = quiet.Usual()
    assert usual.is_quiet(2.0)  # nothing better is known
    assert usual.is_quiet(2.5)
    assert not usual.is_quiet(2.7)
    assert usual.is_quiet(1.0)
    assert not usual.is_quiet(2.0)


def test_the_usual_time_is_the_least_while_it_listens(monkeypatch):
    clock, seconds = [0.0], iter([0.3, 0.2, 0.4, 0.2])

    def loop_seconds():
        clock[0] += (took := next(seconds))
        return took

    monkeypatch.setattr(quiet.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(quiet, "loop_seconds", loop_seconds)
    assert quiet.Usual(1.0).least == pytest.approx(0.2)
    assert next(seconds, None) is None  # it listened for a second


def test_the_loop_takes_long_enough_to_be_timed():
    assert quiet.loop_seconds() > 1e-5
