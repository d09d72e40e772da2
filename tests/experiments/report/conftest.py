import pytest
from fake_experiments import experiment, reproduce


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return a folder with the report of two experiments."""
    folder = tmp_path_factory.mktemp("out")
    assert reproduce(folder, experiment("cat"), experiment("dog"))
    return folder


@pytest.fixture(scope="session")
def page(folder):
    """Return the text of the page."""
    return (folder / "report.html").read_text(encoding="utf-8")
