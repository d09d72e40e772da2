"""Tests of the script that prints the structure's figures."""

import figures
import pytest

FILES = {
    "fastnn/__init__.py": "from . import first\nfrom .package import second\n",
    "fastnn/first.py": """
def f(a, *args, b=0, **kwargs):
    from .package import second
""",
    "fastnn/package/__init__.py": "",
    "fastnn/package/second.py": "from ..first import f\nfrom .third import g\n",
    "fastnn/package/third.py": "from .. import kernels\n\n\ndef g(a, /, b): ...\n",
    "kernels/__init__.py": "class C:\n    def m(self, a, b, c): ...\n",
    "kernels/codes.py": "x = 1  # fmt" + ": skip\n" + "y" * 89 + "\n",
}


@pytest.fixture
def root(tmp_path):
    """Return a checkout of two small packages, with the link between them."""
    for name, content in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "fastnn" / "kernels").symlink_to("../kernels")
    (tmp_path / "noxfile.py").touch()
    return tmp_path


def test_entries_leave_out_the_init_file(root):
    assert figures.entries(root / "fastnn") == (3, "first kernels package")


def test_circles_count_imports_inside_functions(root):
    assert figures.circles(root) == (2, "fastnn.first fastnn.package.second")
    graph = figures.import_graph(root)
    assert graph["fastnn"] == {"fastnn.first", "fastnn.package.second"}
    assert graph["fastnn.package.third"] == {"fastnn.kernels"}


def test_parameters_leave_out_self(root):
    assert figures.parameters(root) == (4, "f in fastnn/first.py")
    (root / "fastnn" / "first.py").write_text("")
    assert figures.parameters(root) == (3, "m in kernels/__init__.py")


def test_each_line_is_counted_once_although_there_is_a_link(root):
    assert figures.matching_lines(root, ".{89,}$") == (1, "kernels/codes.py:2")
    assert figures.matching_lines(root, r".*#\s*fmt:\s*skip") == (
        1,
        "kernels/codes.py:1",
    )


def test_moves_count_calls_and_returns(tmp_path):
    def function(file, text):
        names = {}
        exec(compile(text, str(tmp_path / file), "exec"), names)
        return names["f"]

    nothing = function("inside/b.py", "def f(): pass")
    outside = function("outside.py", "def f(g): g()")
    start = function("inside/a.py", "def f(g, h): g(); h(g)")
    folders = [str(tmp_path / "inside")]
    # From a to b and back, twice; the second way leads through another folder.
    moves, files = figures.count_moves(lambda: start(nothing, outside), folders)
    assert (moves, files) == (4, 2)
