"""The bits of trainings: the same on every processor, and changed by decision only."""

import json
import os
import subprocess
import sys

import known_bits
import numba
import pytest
from llvmlite.binding import get_host_cpu_features

KNOWN = json.loads(known_bits.FILE.read_text())


@pytest.mark.compiled
def test_the_bits_are_those_of_the_file():
    assert known_bits.hashes() == KNOWN, (
        "a training gives other bits than before. If they are meant to change, run "
        "`python tests/known_bits.py --write`, and say so in CHANGELOG.md"
    )


@pytest.mark.compiled
@pytest.mark.skipif(
    not get_host_cpu_features().get("avx2"), reason="needs a processor with AVX2"
)
def test_the_bits_do_not_depend_on_the_instruction_set():
    # Vectors of half the length and half as many registers; each loop takes some
    # seconds to compile, so these stand for all.
    names = ["per sample, float64", "batches, float32", "wide layers, float32"]
    assert numba.config.CPU_NAME is None
    # Without features, Numba takes those of this processor.
    haswell = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    found = subprocess.run(
        [sys.executable, known_bits.__file__, *names],
        env=os.environ | haswell,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(found.stdout) == {name: KNOWN[name] for name in names}
