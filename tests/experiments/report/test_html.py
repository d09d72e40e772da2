"""The HTML page of a report."""

import base64
import io
import re

from fake_experiments import CURSE, Page
from fontTools.ttLib import TTFont
from PIL import Image

from fastnn.experiments import EXPERIMENTS
from fastnn.experiments.report import hangul


def test_the_page_is_complete_and_fetches_nothing(page):
    read = Page(page)
    assert read.all("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in read.all("meta")
    assert not read.all("script")
    assert not read.all("link")
    # The only addresses are those of the sources, as links.
    assert re.findall('https?://[^<"]+', page) == [
        f"https://example.org/{name}" for name in ("cat", "cat", "dog", "dog")
    ]
    assert {"href": "https://example.org/cat"} in read.all("a")
    assert re.findall(r"url\((.{10})", page) == ["data:font/"]
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
        "~ in range: at percentile 50 of 7 seeds",
        "• own check: equal to plain Python",
        "The first paragraph.",
        CURSE,
        "fastnn reproduce --film",
        "numba",
        "8 findings: 2 equal to the page, 2 in the range of many seeds, 2 different "
        "for a stated reason, 2 checks of our own, 0 failed",
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
            assert (image["width"], image["height"]) == tuple(map(str, opened.size))


def test_each_image_opens_in_full_size_and_is_described(page, folder):
    read = Page(page)
    links = [each["href"] for each in read.all("a")]
    for name in ("cat", "dog"):
        for file in (f"{name}-loss.png", f"{name}-film.gif"):
            assert file in links
            assert (folder / file).exists()
    picture, film, *_ = read.all("img")
    assert picture["alt"] == "A line that rises from 1 to 3."
    assert film["alt"] == "cat moves"  # the caption, if there is no description


def test_dark_screens_get_dark_pictures(page):
    sources = Page(page).all("source")
    assert len(sources) == 2  # films have one version
    for source, image in zip(sources, Page(page).all("img")[::2], strict=True):
        assert source["media"] == "(prefers-color-scheme: dark)"
        light, dark = (
            Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGB")
            for data in (image["src"], source["srcset"])
        )
        assert light.size == dark.size
        assert light.getpixel((0, 0)) == (255, 255, 255)
        background = "#{:02x}{:02x}{:02x}".format(*dark.getpixel((0, 0)))
        assert f"--back: {background};" in page


def test_korean_titles_have_their_language_and_fonts(page):
    assert '<cite lang="ko">cat 구현하기</cite>' in page
    fonts = page[page.index("font: 1rem") :].split(";")[0]
    for family in ("Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR"):
        assert f'"{family}"' in fonts
    # The page's own font comes after those that may be installed.
    assert fonts.endswith(f'"{hangul.FAMILY}", sans-serif')
    font = TTFont(io.BytesIO(base64.b64decode(hangul.WOFF)))
    assert font["name"].getBestFamilyName() == hangul.FAMILY in fonts
    titles = "".join(each.source for each in EXPERIMENTS.values())
    letters = set(re.findall("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]", titles))
    assert letters
    assert letters <= set(map(chr, font.getBestCmap()))


def test_the_marks_of_findings_are_explained(page):
    shown = [each["class"] for each in Page(page).all("dt")]
    assert shown == ["equal", "among", "differs", "ours"]
