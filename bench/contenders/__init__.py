"""The contenders, one file each.

A file imports its library at its top, so that it cannot be imported where the library is missing. `versions()` names
what is timed. `prepare(case)` gives a function that trains for so many epochs and returns the last one's mean loss
(over all nets), or predicts so many times and returns what was predicted. Each call starts from the case's parameters.
`prepare` raises Unsupported where the contender does no such work. It holds what is done once for some data, such as
bringing the data to the library's arrays; what each training needs, such as copying parameters, is in the function.
"""

from dataclasses import dataclass


class Unsupported(Exception):  # noqa: N818 - it is an answer, not an error
    """The contender does no such work; the message completes "it ..."."""


@dataclass(frozen=True)
class Contender:
    """How one is called in tables, and how to get it.

    One that is not `quick` is too slow to start for a quick run. `least_updates`: a turn trains each net for so many,
    or to its end, so that what it costs to begin a net's training weighs no more than it does for a user.
    """

    title: str
    install: str
    quick: bool = True
    least_updates: int = 1


CONTENDERS = {
    "ours": Contender("fastnn", "pip install -e ."),
    "ours_specialised": Contender("fastnn, specialised loop", "pip install -e ."),
    "joblib_processes": Contender(
        "fastnn.fit by joblib", "pip install joblib", least_updates=10_000
    ),
    "c_xor": Contender("C, written out for 2-2-1", "apt install gcc"),
    "c_sizes": Contender("C, any sizes", "apt install gcc"),
    "jax_scan": Contender("JAX, all in one jit", "pip install jax"),
    "pytorch": Contender("PyTorch, eager", "pip install torch"),
    "pytorch_compile": Contender(
        "PyTorch, torch.compile", "pip install torch, apt install g++", quick=False
    ),
    "scikit_learn": Contender("scikit-learn", "pip install scikit-learn"),
    "fann": Contender("FANN", "apt install libfann2"),
    "numpy_vectorised": Contender("NumPy, vectorised", "pip install numpy"),
    "numpy_layers": Contender("NumPy, layers as objects", "pip install numpy"),
}
OURS = "ours"
OWN = (OURS, "ours_specialised", "joblib_processes")  # no rivals of each other
