"""Run the checks: `nox` runs all of them, `nox -s lint` one, `nox -l` lists them.

The sessions run in the environment that runs nox, the `.venv` of CONTRIBUTING.md, and
install nothing: one environment for all saves six installations of Numba. `.ci/run`
makes an empty environment and calls the same sessions there.
"""

import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "plain_python", "docs", "figures"]


def python(session: nox.Session, *arguments: str, **variables: str) -> None:
    """Run a module with the Python of this environment."""
    session.run(sys.executable, *arguments, env=variables, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after -- go to pytest."""
    python(session, "-m", "pytest", *(session.posargs or ["-n", "auto"]))


# The tests that reach every loop; all others would take ten minutes more.
OF_KERNELS = (
    "tests/kernels",
    "tests/nn",
    "tests/training/engines",
    "tests/training/test_callbacks.py",
    "tests/training/test_history.py",
    "tests/training/test_trainer.py",
    "tests/training/test_trainer_divergence.py",
    "tests/training/test_weights.py",
    "tests/sweeps/test_blocks.py",
    "tests/sweeps/test_scheduler_stopping.py",
)


@nox.session
def plain_python(session: nox.Session) -> None:
    """Run tests with the kernels as plain Python, where vectors check bounds."""
    chosen = ("-m", "not install and not compiled", *(session.posargs or OF_KERNELS))
    python(session, "-m", "pytest", "-n", "auto", *chosen, NUMBA_DISABLE_JIT="1")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and spelling."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "codespell_lib")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package and of the benchmark."""
    python(session, "-m", "mypy", "-p", "fastnn", "-p", "bench")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of docs/ in site/; warnings are errors."""
    # Material for MkDocs warns of a MkDocs 2, which the extra `docs` rules out.
    python(session, "-m", "mkdocs", "build", NO_MKDOCS_2_WARNING="1")


@nox.session
def bench_smoke(session: nox.Session) -> None:
    """Run a part of the benchmark in its quick size, single samples and batches."""
    for part in ("xor-grid per sample", "batch 30"):
        python(session, "-m", "bench", "--quick", "--only", part, *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the package for a minute, in memory between unmapped pages."""
    python(session, "-m", "tests.fuzz", *(session.posargs or ["--seconds", "60"]))


@nox.session
def scikit_learn(session: nox.Session) -> None:
    """Run scikit-learn's own tests of its perceptrons on those of fastnn.sklearn."""
    python(session, "tests/sklearn_checks.py", *session.posargs)


@nox.session
def figures(session: nox.Session) -> None:
    """Print the structure's figures, and fail where one is above its limit."""
    python(session, "tests/figures.py", "--check")
