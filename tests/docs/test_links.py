"""The pages lead where they say, and the page about conditions names every reason there is."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from vertice_operator.api.condition_docs import REASONS

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = frozenset({"build", "dist", "site", "node_modules"})

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def pages(root: Path = ROOT) -> list[Path]:
    """Return every Markdown page of the repository."""

    def ours(path: Path) -> bool:
        folders = path.relative_to(root).parts[:-1]
        return not any(part.startswith(".") or part in FOREIGN for part in folders)

    return sorted(path for path in root.rglob("*.md") if ours(path))


def links(text: str) -> list[str]:
    """Return the targets of all links, those in code left out."""
    return _LINK.findall(_CODE.sub("``", _FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = _MARKUP.sub(r"\1", heading).replace("`", "").strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    wrong = []
    for link in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            wrong.append(f"{link}: there is no such file")
            continue
        headed = target.suffix == ".md" and anchor
        if headed and anchor not in anchors(target.read_text(encoding="utf-8")):
            wrong.append(f"{link}: there is no such heading")
    return wrong


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_the_check_sees_a_dead_link_and_a_dead_anchor(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`, three\n[a](#one-two-three) [b](gone.md) [c](#gone) [d](page.md#one)\n"
        "`[code](nowhere.md)`\n```\n[code](nowhere.md)\n# no heading\n```\n[e](#no-heading)\n"
        "[![picture](gone.svg)](https://example.com)\n"
    )
    assert [each.partition(":")[0] for each in broken(page)] == [
        "gone.md",
        "#gone",
        "page.md#one",
        "#no-heading",
    ]


def test_the_index_lists_every_page_beside_it() -> None:
    docs = ROOT / "docs"
    listed = set(links((docs / "README.md").read_text(encoding="utf-8")))
    wanted = {path.name for path in docs.glob("*.md")} - {"README.md"}
    wanted |= {f"reference/{path.name}" for path in (docs / "reference").glob("*.md")}
    assert wanted - listed == set()


@pytest.mark.parametrize("kind", list(REASONS), ids=str)
def test_the_page_about_trouble_names_every_reason_of_a_condition(kind: str) -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {kind}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, f"no section {kind}"
    named = set(re.findall(r"^\| `(\w+)` \| (True|False|Unknown) \|", section[1], re.MULTILINE))
    wanted = {(str(reason), str(status)) for reason, (status, _) in REASONS[kind].items()}
    assert named == wanted
