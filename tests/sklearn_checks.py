"""Run scikit-learn's own tests of its perceptrons on those of `fastnn.sklearn`.

    python tests/sklearn_checks.py             # fail where one fails that should pass
    python tests/sklearn_checks.py --compare   # run scikit-learn's classes, too

These are the tests that come with scikit-learn, `test_mlp.py`, with the two classes
replaced, and `check_estimator` for both classes and all solvers.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from sklearn import neural_network
from sklearn.utils.estimator_checks import check_estimator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this checkout

import fastnn.sklearn

NAMES = ("MLPClassifier", "MLPRegressor")
SOLVERS = ("lbfgs", "sgd", "adam")
# Enough epochs for the checks that ask for a score.
MAX_ITER = 100


def main() -> None:
    """Run both, and exit with 1 if any test fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--compare", action="store_true", help="check scikit-learn's classes, too"
    )
    modules = [fastnn.sklearn]
    if parser.parse_args().compare:
        modules.append(neural_network)
    n_failed = {module.__name__: failed_checks(module) for module in modules}
    code = run_their_tests()
    if n_failed[fastnn.sklearn.__name__] or code:
        raise SystemExit(1)


def failed_checks(module: ModuleType) -> int:
    """Print how many checks pass for each class and solver; return how many fail."""
    n_failed = 0
    for name in NAMES:
        for solver in SOLVERS:
            model = getattr(module, name)(solver=solver, max_iter=MAX_ITER)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = check_estimator(model, on_fail=None, on_skip=None)
            failed = [r for r in results if r["status"] not in ("passed", "skipped")]
            passed = sum(r["status"] == "passed" for r in results)
            print(
                f"{module.__name__}.{name}, {solver}: of {len(results)} checks "
                f"{passed} pass, {len(failed)} fail"
            )
            for result in failed:
                print(f"  {result['check_name']}: {result['exception']}")
            n_failed += len(failed)
    return n_failed


def run_their_tests() -> int:
    """Run scikit-learn's test_mlp.py on these classes; return pytest's code."""
    for name in NAMES:
        setattr(neural_network, name, getattr(fastnn.sklearn, name))
    options = ("-q", "-c", os.devnull, "-p", "no:cacheprovider")
    tests = "sklearn.neural_network.tests.test_mlp"
    return int(pytest.main(["--pyargs", tests, *options]))


if __name__ == "__main__":
    main()
