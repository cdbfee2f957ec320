"""Pages: links and anchors lead somewhere, commands name what exists, the front page stays short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IGNORED = {".git", ".venv", "venv", "runs", "data", "report", ".pytest_cache", "node_modules"}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MODULE = re.compile(r"python -m ((?:fact_jax|data_pipelines|tests|configs)[\w.]*)")
FILE = re.compile(r"[\w*.-]+(?:/[\w*.-]+)+\.py\b")


def pages():
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.md")]
    return sorted(path for path in found if not IGNORED & set(path.parts))


def anchors(text):
    """Anchors of the headings, by the rule of GitHub: lower case, hyphens for spaces, no other punctuation."""
    seen = {}
    for title in re.findall(r"^#+ +(.+?) *$", FENCE.sub("", text), re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = seen[name] = seen.get(name, -1) + 1
        yield f"{name}-{count}" if count else name


def broken_links(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if not path.exists():
            yield f"{target}: no such file"
        elif anchor and (path.suffix != ".md" or anchor not in anchors(path.read_text(encoding="utf-8"))):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_lead_somewhere(page):
    assert not list(broken_links(page))


@pytest.mark.parametrize("page", pages(), ids=str)
def test_commands_and_files_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [name for name in MODULE.findall(text) if not _can_run(name.rstrip("."))]
    # Names in capitals stand for the reader's own, and so does the toy of "Add a system".
    files = [name for name in FILE.findall(text) if not re.search("[A-Z]{3}|toy", name)]
    roots = (ROOT, ROOT / "fact_jax", (ROOT / page).parent)
    missing += [name for name in files if not any(list(root.glob(name)) for root in roots)]
    assert not missing


def _can_run(module):
    """Whether `python -m module` finds a file; nothing is imported."""
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_front_page_is_short():
    page = ROOT / "README.md"
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 130
    assert page.stat().st_size <= 8000
    assert (ROOT / ".github/timeline.png").stat().st_size < 100_000


def test_anchors_are_those_of_github():
    text = "# A b\n## `x`, y: z\n## A b\n```\n# no heading\n```\n### [Link](x.md) & more"
    assert list(anchors(text)) == ["a-b", "x-y-z", "a-b-1", "link--more"]
