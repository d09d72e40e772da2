"""Write the table of docs/sklearn.md: how far numbers are from scikit-learn's.

    python tests/sklearn_table.py

Chaos is how far scikit-learn is from itself when the first initial weight is larger by
2^-52 of its value: no other program can be closer than that.
"""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
from sklearn import neural_network
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # this checkout

from sklearn_cases import SAME_NUMBERS, Case, both, deviation, fitted  # noqa: E402

PAGE = ROOT / "docs" / "sklearn.md"
BEGIN = "<!-- written by python tests/sklearn_table.py -->"
END = "<!-- end of what sklearn_table.py writes -->"
# Trainings that magnify rounding errors, and so are no test.
CHAOTIC = [
    Case("iris", {"batch_size": 1, "alpha": 0.1, "max_iter": 60}),
    Case("iris unscaled", {"batch_size": 1, "alpha": 0.1, "max_iter": 60}),
]


def main() -> None:
    """Write the table into the page, between its two markers."""
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE} needs the lines {BEGIN!r} and {END!r}")
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}")


def table() -> str:
    """Return one row per training, in Markdown."""
    lines = [
        "| data and settings | epochs | largest difference | chaos |",
        "|---|---|---|---|",
    ]
    for case in SAME_NUMBERS + CHAOTIC:
        theirs, ours = both(case)
        found, chaos = deviation(theirs, ours), deviation(theirs, disturbed(case))
        lines.append(f"| {case} | {theirs.n_iter_} | {found:.0e} | {chaos:.0e} |")
    return "\n".join(lines)


def disturbed(case: Case):
    """Return scikit-learn's estimator, fitted from weights that differ by rounding."""
    initialize = BaseMultilayerPerceptron._initialize

    def initialize_otherwise(self, *arguments):
        initialize(self, *arguments)
        self.coefs_[0][0, 0] = np.nextafter(self.coefs_[0][0, 0], np.inf)

    with mock.patch.object(
        BaseMultilayerPerceptron, "_initialize", initialize_otherwise
    ):
        return fitted(neural_network, case)


if __name__ == "__main__":
    main()
