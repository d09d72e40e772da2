"""Tests that docstrings of functions with many parameters list all of them."""

import inspect
import re

import pytest

import fastnn

MODULES = ("datasets", "init", "plot", "schedules")
RESULTS = {"GradientReport", "History", "Runs", "Sweep"}  # which users do not make


def public_functions():
    """The public functions, classes and methods, by name."""
    for name in fastnn.__all__:
        thing = getattr(fastnn, name)
        if inspect.isclass(thing):
            if name not in RESULTS and not issubclass(thing, Warning | Exception):
                yield name, thing
            for method, function in vars(thing).items():
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{method}", function
        elif inspect.isfunction(thing):
            yield name, thing
    for module in MODULES:
        for name, function in vars(getattr(fastnn, module)).items():
            own = getattr(function, "__module__", "").startswith("fastnn.")
            is_shown = own and ".data." not in function.__module__
            if inspect.isfunction(function) and is_shown and name[0] != "_":
                yield f"{module}.{name}", function


def parameters(function):
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    return [name for name in names if name not in ("args", "kwargs")]


MANY = {
    name: function
    for name, function in public_functions()
    if len(parameters(function)) > 3
}


@pytest.mark.parametrize("name", MANY)
def test_a_docstring_lists_all_parameters(name):
    text = inspect.getdoc(MANY[name])
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", text, re.M | re.S)
    assert section, f"{name} has no section Parameters"
    lines = re.findall(r"^([*\w][\w, *]*?)(?: : .*)?$", section[1], flags=re.MULTILINE)
    listed = [word.strip(" *") for line in lines for word in line.split(",")]
    assert sorted(listed) == sorted(parameters(MANY[name]))
    if not inspect.isclass(MANY[name]) and name != "plot.regions":
        assert re.search(r"^Returns\n-------$", text, re.MULTILINE)


def test_fit_and_its_kind_are_among_them():
    assert {"Sequential", "Sequential.fit", "Sequential.fit_many", "mlp"} <= set(MANY)
    assert {"Adam", "EarlyStopping", "plot.decision_map", "sweep"} <= set(MANY)
