"""The contenders, one file each.

A file imports its library at its top, so importing it fails if the library is missing.
`versions()` returns the names and versions of the libraries.

`prepare(case)` returns a function of a number of epochs: it trains and returns the mean
loss of the last epoch (over all nets), or it predicts that many times and returns the
predictions. Each call starts from the parameters of the case. `prepare` raises
Unsupported if the contender cannot do the work. Work done once per data set belongs in
`prepare`, such as converting the data to the library's arrays; work that each training
needs, such as copying parameters, belongs in the function.
"""

from dataclasses import dataclass


class Unsupported(Exception):  # noqa: N818 - a reply, not an error
    """Reply of a contender that cannot do the work; the message completes "it ..."."""


@dataclass(frozen=True)
class Contender:
    """Title of a contender in tables, and how to install it.

    A contender that is not `quick` starts too slowly for a quick run. least_updates: of
    each net in a turn, unless its training is shorter, so that the fixed cost per net
    counts as it does for a user. One that is `by_sample` can be called with a single
    sample; one with `own_updates` follows another update rule, and is timed whatever
    loss it reaches.
    """

    title: str
    install: str
    quick: bool = True
    least_updates: int = 1
    by_sample: bool = False
    own_updates: bool = False


CONTENDERS = {
    "ours": Contender("fastnn", "pip install -e .", by_sample=True),
    "ours_specialised": Contender("fastnn, specialised loop", "pip install -e ."),
    "joblib_processes": Contender(
        "fastnn.fit by joblib", "pip install joblib", least_updates=10_000
    ),
    "c_xor": Contender("C, written out for 2-2-1", "apt install gcc"),
    "c_sizes": Contender("C, any sizes", "apt install gcc"),
    "jax_scan": Contender("JAX, all in one jit", "pip install jax"),
    "pytorch": Contender("PyTorch, eager", "pip install torch", by_sample=True),
    "pytorch_compile": Contender(
        "PyTorch, torch.compile", "pip install torch, apt install g++", quick=False
    ),
    "scikit_learn": Contender(
        "scikit-learn", "pip install scikit-learn", by_sample=True
    ),
    "vowpal_wabbit": Contender(
        "Vowpal Wabbit, --nn",
        "pip install vowpalwabbit",
        by_sample=True,
        own_updates=True,
    ),
    "river": Contender("River", "pip install river", by_sample=True),
    "fann": Contender("FANN", "apt install libfann2"),
    "numpy_vectorised": Contender(
        "NumPy, vectorised", "pip install numpy", by_sample=True
    ),
    "numpy_layers": Contender(
        "NumPy, layers as objects", "pip install numpy", by_sample=True
    ),
}
OURS = "ours"
OWN = (OURS, "ours_specialised", "joblib_processes")  # all run fastnn: no rivals
