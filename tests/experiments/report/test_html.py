"""The HTML page of a report."""

import base64
import io
import re

from fake_experiments import CURSE, Page
from PIL import Image


def test_the_page_is_complete_and_fetches_nothing(page):
    read = Page(page)
    assert read.all("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in read.all("meta")
    assert not read.all("script")
    assert not read.all("link")
    assert re.findall(r"https?://\S+", page) == [
        "https://example.org/cat</p>",
        "https://example.org/dog</p>",
    ]
    assert "url(" not in page
    assert "@import" not in page
    for name in ("cat", "dog"):
        assert {"href": f"#{name}"} in read.all("a")
        assert {"id": name} in read.all("section")
    for part in (
        "구현하기",
        "Does cat learn?",
        "0.30375386576179501",
        "2-2-1 sigmoid",
        "1,234,567,890",
        "25.1 ms",
        "61.50 s",
        "✓ equal to 15 digits",
        "≠ differs: its rows are in another order",
        "~ placed: at percentile 50 of 7 seeds",
        "• ours: equal to plain Python",
        "The first paragraph.",
        CURSE,
        "fastnn reproduce --film",
        "numba",
        "8 findings: 2 equal to the page, 2 placed among many seeds, 2 different for "
        "a stated reason, 2 checks of our own, 0 failed",
        "Training took 123.05 s of 100",
    ):
        assert part in read.text, part
    assert not re.search(r"\bnan\b", read.text)
    assert read.text.count("✗") == 0


def test_the_conclusion_follows_the_question(page):
    text = Page(page).text
    parts = [
        "Does cat learn?",
        "The first paragraph.",
        "loss after epoch 1",
        "The loss of cat",
        "500,000",
    ]
    assert [text.index(part) for part in parts] == sorted(
        text.index(part) for part in parts
    )


def test_each_kind_of_finding_has_a_colour_of_its_own(page):
    kinds = [span["class"] for span in Page(page).all("span")]
    assert kinds == ["equal", "differs", "among", "ours"] * 2
    assert all(
        re.search(rf"^(.*}} )?\.{kind} {{ color: var", page, re.M)
        for kind in (*kinds, "fails")
    )


def test_backticks_are_code(page):
    assert " and <code>a * b</code> in it.</p>" in page
    assert "`" not in page


def test_pictures_and_films_are_in_the_page(page, folder):
    images = Page(page).all("img")
    files = [
        f"{name}-{part}" for name in ("cat", "dog") for part in ("loss.png", "film.gif")
    ]
    assert len(images) == len(files)
    for image, file in zip(images, files, strict=True):
        head, data = image["src"].split(",")
        assert head == f"data:image/{file[-3:]};base64"
        assert base64.b64decode(data, validate=True) == (folder / file).read_bytes()
        with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
            assert opened.format == file[-3:].upper()
    # Screen readers read the caption as well.
    assert images[0]["alt"] == "cat-loss"
