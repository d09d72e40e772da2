"""What the site needs besides MkDocs and its plugins.

Pages link to files outside of docs/ by paths that are right in the checkout. The site
has copies of these files. Docstrings have doctests in the middle of prose, which
Markdown would take for quotations.
"""

import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
# Files outside of docs/ that pages show or link to.
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/results/reference-crossover.png",
    "bench/results/reference-growth.png",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*.py")),
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside of docs/ to the site."""
    for path in OUTSIDE:
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite links between docs/ and the folder above, which are one folder here."""
    up = "../" * page.file.src_uri.count("/")
    # The changelog names pages by their paths, which GitHub's readers can open.
    markdown = re.sub(r"`docs/([\w-]+)\.md`", rf"[\1]({up}\1.md)", markdown)
    return re.sub(rf"\]\((?:{re.escape(up)}\.\./|docs/)", f"]({up}", markdown)


class Doctests(griffe.Extension):
    """Makes code blocks of the doctests in docstrings."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put fences around each paragraph that starts with a prompt."""
        if obj.docstring:
            obj.docstring.value = re.sub(
                r"^>>> (?:.+\n?)+",
                lambda found: f"```pycon\n{found[0].rstrip()}\n```\n",
                obj.docstring.value,
                flags=re.MULTILINE,
            )
