"""Tests that links, paths and code in the pages of documentation are right."""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pages
import pytest

import fastnn
import fastnn.sklearn  # which pages name, and fastnn does not import

ROOT = Path(__file__).parent.parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
of_the_root = pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")), ids=lambda page: page.stem
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_to_sections_lead_to_headings(page):
    for target, section in re.findall(
        r"\]\((?!https?:)([^)#]*)#([^)]+)", page.read_text()
    ):
        text = (page.parent / target if target else page).read_text()
        headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
        # As GitHub makes anchors, and the site. Those of the reference have dots.
        anchors = {
            re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-")
            for heading in headings
        }
        assert section in anchors or section.startswith("fastnn."), section


@of_the_root
def test_paths_lead_to_files(page):
    folders = "kernels|fastnn|tests|docs|bench|examples"
    for path in re.findall(rf"`((?:{folders})/[\w./]*)`", page.read_text()):
        # `python -m bench --quick` writes this file.
        assert path == "bench/results/quick.json" or (ROOT / path).exists(), path


@of_the_root
def test_lines_have_at_most_88_columns(page):
    """Tables, links, commands and the machine of the benchmark may be longer."""
    longer = ("|", "!", "[", "python3 -m venv", "AMD EPYC")
    text = re.sub(r"^```\w+\n.*?^```", "", page.read_text(), flags=re.M | re.S)
    for line in text.splitlines():
        assert len(line) <= 88 or line.startswith(longer), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_of_code_have_at_most_88_columns(page):
    for code in pages.blocks(page, "python"):
        assert all(len(line) <= 88 for line in code.splitlines()), code


def test_contributing_names_the_sessions_of_nox():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (names,) = re.findall(r"its sessions \(([^)]*)\)", page)
    program = (ROOT / "noxfile.py").read_text()
    sessions = re.findall(r"^@nox\.session\ndef (\w+)", program, flags=re.MULTILINE)
    assert sorted(re.findall(r"\w+", names)) == sorted(sessions)


def test_citation_and_changelog_have_the_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {fastnn.__version__}\n" in citation
    assert f"\n## [{fastnn.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.compiled
def test_the_recipes_for_training_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "training.md").read_text()
    names = {}
    for code in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(code, names)
    assert names["history"].epochs == 100


@pytest.mark.compiled
def test_the_examples_for_many_machines_run(tmp_path, monkeypatch):
    """With few nets; and with threads in place of processes and clusters."""
    threads = SimpleNamespace(Client=lambda *place: ThreadPoolExecutor(2))
    jobs = SimpleNamespace(SLURMCluster=lambda **kind: SimpleNamespace(adapt=dict))
    monkeypatch.setitem(sys.modules, "dask.distributed", threads)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", jobs)
    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for code in pages.blocks(ROOT / "docs" / "many-machines.md", "python"):
        few = re.sub(r"range\(1(0\*\*\d|000)\)", "range(8)", code)
        few = few.replace("/scratch/me", str(tmp_path))
        exec(few.replace("epochs=200", "epochs=5"), names)
        assert len(names.get("runs", range(8))) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ensemble.npz",
        "many-kinds",
        "sweep",
        "sweep-folder",
    ]


def test_the_reference_has_all_public_names():
    pages = "".join(p.read_text() for p in (ROOT / "docs" / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: fastnn\.(\w+)", pages, flags=re.MULTILINE))
    assert shown == {*fastnn.__all__, "sklearn", "training"}


def test_names_that_pages_mention_exist():
    pytest.importorskip("fastnn.sklearn", reason="the extra sklearn has scikit-learn")
    for page in PAGES:
        for path in set(
            re.findall(r"\bfastnn((?:\.[A-Za-z_]\w*)+)\(", page.read_text())
        ):
            thing = fastnn
            for name in path[1:].split("."):
                assert hasattr(thing, name), (page.name, path)
                thing = getattr(thing, name)


@pytest.mark.compiled
@pytest.mark.parametrize("page", ["index", "recipes", "coming-from"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    """The blocks, assertions and shown outputs included."""
    monkeypatch.chdir(tmp_path)
    names = pages.run(f"docs/{page}.md")
    plt.close("all")
    assert names["net"].score(names["X"], names["y"]) > 0.8
    if page == "recipes":  # what another program needs is in one block
        (code,) = (c for c in pages.blocks("docs/recipes.md", "python") if "load(" in c)
        alone = {}
        exec(code, alone)
        assert set(alone["net"].predict(alone["prepare"](alone["new"]))) <= {
            *alone["net"].classes
        }
    if page == "recipes" and shutil.which("cc"):
        (program,), (command,) = (
            pages.blocks("docs/recipes.md", language) for language in ("c", "sh")
        )
        Path("main.c").write_text(program)
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert pages.blocks("docs/recipes.md", "text") == [done.stdout]


@pytest.mark.compiled
def test_the_recipes_for_exports_run(tmp_path, monkeypatch):
    """The blocks in Python, the program in C, and the JSON that the page shows."""
    pytest.importorskip("onnx", reason="the extra test has onnx and onnxruntime")
    pytest.importorskip("onnxruntime")
    page = (ROOT / "docs" / "export.md").read_text()
    blocks = re.findall(r"```(\w+)\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {}
    for language, code in blocks:
        if language == "python":
            exec(code, names)
    net = names["raw"]
    assert net.score(names["X"], names["y"]) > 0.9
    ((program,), (command,), (shown,)) = (
        [code for language, code in blocks if language == wanted]
        for wanted in ("c", "sh", "json")
    )
    source = Path("spiral.c").read_text()
    size = re.search(
        r"for the net above ([\d,]+) bytes of constants, about ([\d,]+) bytes "
        r"of code, (\d+) bytes of stack",
        " ".join(page.split()),
    )
    told = r"Size +%s bytes of constants, about %s bytes of code, %s bytes"
    assert re.search(told % size.groups(), source)
    if shutil.which("cc"):
        Path("main.c").write_text(program)
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        expected = net.predict_proba([[0.5, -0.25]])[0]
        assert [float(word) for word in done.stdout.split()] == expected.tolist()
    written, example = (
        json.loads(text) for text in (Path("spiral.json").read_text(), shown)
    )
    assert list(written) == list(example)
    for key in set(example) - {"layers"}:
        assert written[key] == example[key], key
    for one, other in zip(written["layers"], example["layers"], strict=False):
        assert list(one) == list(other)
        assert one["arguments"] == other["arguments"]


@pytest.mark.compiled
def test_the_code_about_ones_own_net_runs(tmp_path, monkeypatch, capsys):
    page = ROOT / "docs" / "how-often-does-xor-work.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    plt.close("all")
    shown = capsys.readouterr().out
    interval = r"^(?:[\d.]+ )?([\d.]+) \([\d.]+ to [\d.]+\)$"
    rates = re.findall(interval, shown, flags=re.MULTILINE)
    assert len(rates) == 4
    assert float(rates[0]) > 0.8 > float(rates[3])  # at learning rates of 1 and 10
    assert (tmp_path / "success.png").stat().st_size > 10_000


@pytest.mark.compiled
def test_the_layer_the_loss_and_the_optimizer_of_ones_own_work(tmp_path, monkeypatch):
    page = ROOT / "docs" / "extending.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for code in blocks:
        exec(code, names)
    assert names["net"].score(names["X"], names["y"]) == 1.0
