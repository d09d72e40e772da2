"""The options of the experiments."""

from fastnn.experiments.outcome import Options


def test_seeds_of_different_blocks_do_not_overlap():
    assert list(Options().seeds(3)) == [0, 1, 2]
    blocks = [Options(seed).seeds() for seed in (0, 1, 5, 4_294_966)]
    assert [len(block) for block in blocks] == [1000] * 4
    assert len(set().union(*blocks)) == 4000
    for seed in (4_294_966, 4_294_967, 2**32 - 1, 10**5000):
        seeds = Options(seed).seeds()
        assert 0 <= seeds[0] <= seeds[-1] < 2**32
