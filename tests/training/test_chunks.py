"""Chunks: how long they are, and that their length changes no bit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import RULES, bits_of, learnable_data, train

import fastnn
from fastnn.training import trainer
from fastnn.training.chunks import ChunkSizer


def test_chunks_are_well_under_a_tenth_of_a_second():
    chunk = ChunkSizer(1)
    for _ in range(20):
        # At 1 µs per sample.
        chunk.adapt(chunk.samples, chunk.samples * 1e-6)
    assert 20_000 <= chunk.samples <= 40_000
    # The machine becomes slower.
    chunk.adapt(chunk.samples, 1.0)
    assert chunk.samples < 2_000
    chunk.adapt(1, 10.0)
    assert chunk.samples == 1


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("batch_size", [1, 10, "full"])
def test_the_length_of_a_chunk_changes_no_bit(chunks, rule, batch_size):
    results = set()
    for length in (1, 7, 1_000_000):
        chunks(length)
        results.add(train((2, 3, 1), "tanh", RULES[rule][0], batch_size, 5, 0))
    assert len(results) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(1, 6), st.integers(0, 10))
def test_no_chunk_changes_a_bit_for_any_batch_size(batch_size, length, epochs, seed):
    # Hypothesis runs all examples with one fixture, so the patch is made here.
    class FixedChunks:
        samples = length

        def __init__(self, n_params):
            pass

        def adapt(self, samples, seconds):
            pass

    options = (2, 4, 1), "sigmoid", fastnn.Adam(0.01), batch_size, epochs, seed
    whole = train(*options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "ChunkSizer", FixedChunks)
        assert train(*options) == whole


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_chunk_may_end_within_an_update(chunks, rule):
    X, y = learnable_data(1000, 3, "softmax_ce", 3)
    results = set()
    for length in (1, 64, 130, 10_000):
        chunks(length)
        net = fastnn.mlp(3, 5, 3, seed=1)
        history = net.fit(X, y, epochs=3, optimizer=RULES[rule][0], batch_size=700)
        results.add(bits_of(net, history))
    assert len(results) == 1
