"""Cycles, latencies and throughputs of this machine, measured by small kernels.

A latency is the time until the next operation can use the result of an operation. It is
measured by a chain of operations, each of which needs the result of the one before. A
throughput is the time per operation when many are independent. It is measured on arrays
that stay in the first-level cache, by vector instructions.
"""

import time
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from llvmlite.binding import get_host_cpu_features

Array = np.ndarray[Any, Any]
# "contract" fuses a product and a sum into one operation. Sums must not be reordered,
# because the chains would fall apart.
_jit = numba.njit(error_model="numpy", fastmath={"contract", "nsz"})
_STEPS = 100_000
_LENGTH = 1_024
_REPEATS = 300


@dataclass(frozen=True)
class Precision:
    """Nanoseconds of each operation in float64 or in float32.

    Throughputs are per number, not per vector.
    """

    add_latency: float
    fma_latency: float
    fma_throughput: float
    division_latency: float
    division_throughput: float
    load_throughput: float


@dataclass(frozen=True)
class Limits:
    """Nanoseconds of a clock cycle, of a load and of arithmetic.

    The address of each timed load is the result of the load before. vector_bytes is the
    length of the vectors that the processor's units execute at once.
    """

    cycle: float
    load_latency: float
    float64: Precision
    float32: Precision
    vector_bytes: int = 64

    def of(self, dtype: str) -> Precision:
        """Return the figures of one dtype."""
        return self.float64 if dtype == "float64" else self.float32


@_jit
def _integer_chain(n, x, mask):
    # An addition and an exclusive or take a cycle each.
    for i in range(n):
        x = (x + i) ^ mask
        x = (x + i) ^ mask
        x = (x + i) ^ mask
        x = (x + i) ^ mask
    return x


@_jit
def _load_chain(n, following):
    i = np.uint64(0)
    for _ in range(n):
        i = following[following[following[following[i]]]]
    return i


@_jit
def _add_chain(n, x, a, b):
    for _ in range(n):
        x = x + a
        x = x - b
        x = x + a
        x = x - b
    return x


@_jit
def _fma_chain(n, x, a, b):
    for _ in range(n):
        x = x * a + b
        x = x * a + b
        x = x * a + b
        x = x * a + b
    return x


@_jit
def _division_chain(n, x, a):
    for _ in range(n):
        x = a / x
        x = a / x
        x = a / x
        x = a / x
    return x


@_jit
def _fmas(n, x, a, b):
    # 8 per number that is loaded and stored.
    for _ in range(n):
        for j in range(len(x)):
            v = x[j]
            for _ in range(8):
                v = v * a + b
            x[j] = v


@_jit
def _divisions(n, x, a):
    for _ in range(n):
        for j in range(len(x)):
            x[j] = a / x[j]


@_jit
def _loads(n, x):
    # x holds integers, which the compiler may combine in any order.
    total = x[0]
    for i in range(n):
        x[i & 7] ^= i
        for j in range(len(x)):
            total ^= x[j]
    return total


def measure() -> Limits:
    """Run the kernels; most of the time is spent on compiling them."""
    chain = 4 * _STEPS
    following = np.roll(np.arange(512, dtype=np.uint64), -7)
    integers = np.ones(_LENGTH, np.int64)  # of eight bytes, as a float64
    load = _least(_loads, _REPEATS, integers) / (_LENGTH * _REPEATS)
    cycle = _least(_integer_chain, _STEPS, 12_345, 777) / (2 * chain)
    float64 = _precision(np.float64, load)
    return Limits(
        cycle=cycle,
        load_latency=_least(_load_chain, _STEPS, following) / chain,
        float64=float64,
        float32=_precision(np.float32, load / 2.0),
        vector_bytes=vector_bytes(
            get_host_cpu_features(), cycle / float64.fma_throughput
        ),
    )


def vector_bytes(features: dict[str, bool], fmas: float) -> int:
    """Return the bytes that a unit for vectors takes at once.

    Vectors may be longer: Zen 4 executes those of 64 bytes as two halves. Processors
    have two units for fused multiply-adds, so `fmas` of float64 per cycle tell it.
    """
    longest = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    return min(longest, 2 ** round(np.log2(8.0 * fmas / 2.0)))


def _precision(real: Any, load: float) -> Precision:
    chain, many = 4 * _STEPS, _LENGTH * _REPEATS
    # Full mantissas, because some dividers stop early on round numbers. Each second
    # division gives x again.
    a, x = real(1.7853981633974483), real(1.2337005501361697)
    half, third = real(0.5), real(0.3)
    ones = np.ones(_LENGTH, real)
    mantissas = np.random.default_rng(0).uniform(1.0, 2.0, _LENGTH).astype(real)
    return Precision(
        add_latency=_least(_add_chain, _STEPS, half, half, third) / chain,
        fma_latency=_least(_fma_chain, _STEPS, half, half, third) / chain,
        fma_throughput=_least(_fmas, _REPEATS, ones, half, third) / (8 * many),
        division_latency=_least(_division_chain, _STEPS, x, a) / chain,
        division_throughput=_least(_divisions, _REPEATS, mantissas, a) / many,
        load_throughput=load,
    )


def _least(kernel: Any, *arguments: Any) -> float:
    """Return the nanoseconds of the fastest of many runs."""
    kernel(*arguments)
    times = []
    for _ in range(25):
        started = time.perf_counter_ns()
        kernel(*arguments)
        times.append(time.perf_counter_ns() - started)
    return float(min(times))
