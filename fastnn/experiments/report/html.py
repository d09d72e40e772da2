"""The report as one HTML page, with its images inside, that fetches nothing.

Each picture is there in a light and in a dark version, of which the browser shows the
one that fits, and links to its file in the page's folder, which opens in full size.
"""

import base64
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from string import Template

from ..outcome import Film, Finding, Picture
from . import hangul
from .document import (
    FINDING_TITLES,
    RUN_NOTE,
    RUN_TITLES,
    Chapter,
    Report,
    kinds,
    row,
    verdict,
)

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fastnn: published experiments, trained again</title>
<style>
@font-face { font-family: "$family"; src: url(data:font/woff;base64,$woff);
  unicode-range: U+AC00-D7A3; }
:root { color-scheme: light dark; --text: #1f2328; --pale: #57606a;
  --line: #d5dae0; --back: #fff; --box: #f5f7f9;
  --equal: #0a5c8f; --among: #0b6b50; --differs: #835400; --bad: #a8330a; }
@media (prefers-color-scheme: dark) { :root { --text: #e3e6ea; --pale: #9aa4b0;
  --line: #3a424c; --back: #15191e; --box: #1f252c;
  --equal: #7cc4f5; --among: #6ed0a9; --differs: #e6bb55; --bad: #ff9b6b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 60rem;
  background: var(--back); color: var(--text);
  font: 1rem/1.55 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR",
  "Noto Sans CJK KR", NanumGothic, "$family", sans-serif; overflow-wrap: break-word; }
cite { font-style: normal; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.4rem; line-height: 1.25; margin: 3.5rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.8rem 0 .4rem; }
p { margin: .6rem 0; max-width: 46rem; }
a { color: var(--equal); }
.pale, figcaption { color: var(--pale); font-size: .9rem; }
.equal { color: var(--equal); } .among { color: var(--among); }
.differs { color: var(--differs); }
.ours { color: var(--pale); } .fails { color: var(--bad); font-weight: 600; }
.box { background: var(--box); border-radius: 8px; padding: .8rem 1.1rem;
  margin: 1.2rem 0; }
.box ul { margin: .4rem 0; padding-left: 1.2rem; }
dl { margin: .6rem 0; display: grid; grid-template-columns: max-content 1fr;
  gap: .1rem .8rem; }
dd { margin: 0; }
pre { margin: .6rem 0; overflow-x: auto; }
code { font: .9rem/1.5 ui-monospace, monospace; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.4;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); }
th { color: var(--pale); font-weight: 600; }
.runs td:nth-child(n+3), .runs th:nth-child(n+3) { text-align: right;
  white-space: nowrap; }
figure { margin: 1.4rem 0; break-inside: avoid; }
img { display: block; max-width: 100%; height: auto; border-radius: 6px;
  border: 1px solid var(--line); }
img.film { background: #fff; }
figcaption { margin-top: .4rem; max-width: 46rem; }
@media (max-width: 40rem) {
  thead, td:empty { display: none; }
  tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  td { display: block; border: 0; padding: .1rem 0; }
  td:first-child { font-weight: 600; }
  td:nth-child(n+2)::before { content: attr(data-title) ": "; color: var(--pale); }
  .runs td:nth-child(n+3):not(:empty) { display: inline-block; margin-right: 1rem; }
}
@media (max-width: 40rem) { figure { margin: 1.4rem -.5rem; }
  figcaption { padding: 0 .5rem; } }
@media print { body { max-width: none; padding: 0; font-size: .85rem; }
  h2, h3 { break-after: avoid; }
  tr { break-inside: avoid; } .wide { overflow: visible; } }
</style>
</head>
<body>
<header>
<h1>Published experiments, trained again</h1>
<div class="box">
<p><strong>$summary</strong></p>
$failures
<p>Training took $training of $seconds in total, on $date.</p>
<p class="pale">$made_with</p>
<p class="pale">The command for this report:</p>
<pre><code>$command</code></pre>
</div>
<nav class="box" aria-label="Contents"><ul>
$contents
</ul></nav>
<div class="box">
<p>How to read this report: "the page" is the published blog post or notebook, and
"its code, run" what its code gives where it prints no number. A net "2-2-1" has two
inputs, two hidden neurons and one output; an epoch is one pass over all points, and lr
the learning rate. A finding is one of:</p>
<dl>
$kinds
</dl>
</div>
</header>
<main>
$chapters
</main>
</body>
</html>
""")

_CHAPTER = Template("""<section id="$name">
<h2>$title</h2>
<p>$question</p>
<p class="pale">The page: $source</p>
<h3>Conclusion</h3>
$conclusion
<h3>Findings</h3>
$findings
<h3>Pictures</h3>
<p class="pale">Select one to open it in full size.</p>
$images
<h3>Trainings</h3>
<div class="wide">$runs</div>
<p class="pale">$note</p>
</section>""")


def html(report: Report) -> str:
    """Return the page."""
    failures = "".join(
        f'<p class="fails">✗ <a href="#{escape(name)}">{escape(name)}</a>: '
        f"{_text(finding.what)}</p>"
        for name, finding in report.failures
    )
    made_with = ", ".join(f"{name} {value}" for name, value in report.made_with.items())
    return _PAGE.substitute(
        family=hangul.FAMILY,
        woff="".join(hangul.WOFF.split()),
        summary=escape(report.summary),
        failures=failures,
        training=f"{report.training_seconds:.2f} s",
        seconds=f"{report.seconds:.1f} s",
        date=escape(report.date),
        made_with=escape(made_with),
        command=escape(report.command),
        contents="\n".join(map(_contents_entry, report.chapters)),
        kinds="\n".join(
            f'<dt class="{kind}">{mark}</dt><dd>{meaning}</dd>'
            for kind, mark, meaning in kinds(failed=bool(report.failures))
        ),
        chapters="\n".join(map(_chapter, report.chapters)),
    )


def _contents_entry(chapter: Chapter) -> str:
    """Return the chapter's line of the table of contents."""
    name, title = escape(chapter.experiment.name), escape(chapter.experiment.title)
    failed = "" if chapter.outcome.ok else ' <span class="fails">✗ a check fails</span>'
    return f'<li><a href="#{name}">{name}</a>: {title}{failed}</li>'


def _chapter(chapter: Chapter) -> str:
    experiment, outcome = chapter.experiment, chapter.outcome
    return _CHAPTER.substitute(
        name=escape(experiment.name),
        title=escape(experiment.title),
        question=_text(experiment.question),
        source=_source(experiment.source),
        findings=_table(
            "findings", FINDING_TITLES, map(_finding_cells, outcome.findings)
        ),
        images="\n".join(_images(chapter)),
        runs=_table("runs", RUN_TITLES, (map(_text, row(run)) for run in outcome.runs)),
        note=RUN_NOTE,
        conclusion="\n".join(
            f"<p>{_text(paragraph)}</p>" for paragraph in outcome.conclusion
        ),
    )


def _finding_cells(finding: Finding) -> tuple[str, ...]:
    """Return the cells of a finding's row, as HTML."""
    kind, mark, rest = verdict(finding)
    marked = f'<span class="{kind}">{mark}</span>{_text(rest)}'
    return (_text(finding.what), _text(finding.page), _text(finding.found), marked)


def _text(text: str) -> str:
    """Return plain text as HTML; text between `backticks` becomes code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _source(text: str) -> str:
    """Return a source as HTML: titles with their language, addresses as links."""
    marked = re.sub("&quot;(.+?)&quot;", _title, _text(text))
    return re.sub(r"https?://[^\s,;)]+", r'<a href="\g<0>">\g<0></a>', marked)


def _title(quoted: re.Match[str]) -> str:
    language = ' lang="ko"' if re.search("[\uac00-\ud7a3]", quoted[1]) else ""
    return f"&quot;<cite{language}>{quoted[1]}</cite>&quot;"


def _table(kind: str, titles: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already.

    Each cell carries its title, which narrow screens show before it.
    """
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    body = "\n".join(f"<tr>{''.join(map(_cell, titles, row))}</tr>" for row in rows)
    return (
        f'<table class="{kind}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def _cell(title: str, content: str) -> str:
    return f'<td data-title="{title}">{content}</td>'


def _images(chapter: Chapter) -> Iterator[str]:
    """Yield the pictures, and the films if they were made."""
    for picture in chapter.outcome.pictures:
        dark = chapter.dark.get(picture.name)
        yield _figure(picture, chapter.files[f"{picture.name}.png"], "png", dark)
    for film in chapter.outcome.films:
        if content := chapter.files.get(f"{film.name}.gif"):
            yield _figure(film, content, "gif")


def _figure(
    image: Picture | Film, content: bytes, kind: str, dark: bytes | None = None
) -> str:
    """Return an image that links to its file, with its caption.

    `dark` is the content for dark screens, the same one if it is None.
    """
    from PIL import Image

    with Image.open(io.BytesIO(content)) as opened:
        width, height = opened.size
    film = ' class="film"' if kind == "gif" else ""
    shown = (
        f'<img src="{_data(content, kind)}" width="{width}" height="{height}"'
        f' alt="{escape(image.alt or image.caption)}"{film}>'
    )
    if dark is not None:
        shown = (
            '<picture>\n<source media="(prefers-color-scheme: dark)" '
            f'srcset="{_data(dark, kind)}"/>\n{shown}\n</picture>'
        )
    return (
        f'<figure>\n<a href="{escape(image.name)}.{kind}">{shown}</a>\n'
        f"<figcaption>{_text(image.caption)}</figcaption>\n</figure>"
    )


def _data(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
