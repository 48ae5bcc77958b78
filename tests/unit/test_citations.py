"""Every cited fact about Midaz is in docs/midaz-behaviour.md, and every fact there is cited and has evidence."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FACTS_FILE = ROOT / "docs" / "midaz-behaviour.md"
RECORDINGS = ROOT / "tests" / "contract" / "recordings"
VERSIONS = ("v3.3", "v3.8", "v4")
KINDS = {"measured", "crash", "source"}

FACT = re.compile(r"^### ([^\n]+)\n\n(?:(?!^#).)+?\n\n_([^_]+)_$", re.M | re.S)
CITATION = re.compile(r"midaz-behaviour:\s+(?:#\s+)?([a-z0-9-]+(?:,\s+(?:#\s+)?[a-z0-9-]+)*)\)")
LINK = re.compile(r"midaz-behaviour\.md#([a-z0-9-]+)")
OLD_CITATION = re.compile(r"\bcontract,\s+(?:#\s+)?(?:sections?\s+)?\d", re.I)


@dataclass(frozen=True)
class Fact:
    """A fact and the line of evidence below it."""

    anchor: str
    versions: tuple[str, ...]
    recorded: tuple[tuple[str, tuple[str, ...]], ...]
    """Names of recordings, each with the versions that it must exist for."""
    kinds: frozenset[str]
    background: bool


def _fact(title: str, evidence: str) -> Fact:
    versions_part, *parts = " ".join(evidence.split()).split(" · ")
    versions = tuple(versions_part.split(", "))
    recorded = tuple(
        (name, tuple(only.split(", ")) if only else versions)
        for part in parts
        if part.startswith("recorded: ")
        for name, only in re.findall(r"([a-z0-9-]+)(?: \(([^)]+)\))?(?:, |$)", part.removeprefix("recorded: "))
    )
    kinds = frozenset(part for part in parts if not part.startswith("recorded: "))
    return Fact(_anchor(title), versions, recorded, kinds - {"background"}, "background" in kinds)


def _anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


@cache
def facts() -> list[Fact]:
    """The facts of the page."""
    return [_fact(*match.groups()) for match in FACT.finditer(FACTS_FILE.read_text(encoding="utf-8"))]


@cache
def texts() -> dict[Path, str]:
    """Every file that may cite a fact, by path."""
    paths = [
        path
        for folder in ("midaz_seed", "tests", "tools", "benchmarks", "docs")
        for pattern in ("*.py", "*.md")
        for path in sorted((ROOT / folder).rglob(pattern))
        if path not in (FACTS_FILE, Path(__file__))
    ]
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in paths}


def _cited(text: str) -> set[str]:
    lists = (match.replace("#", " ").replace(",", " ").split() for match in CITATION.findall(text))
    return {anchor for anchors in lists for anchor in anchors} | set(LINK.findall(text))


def test_every_heading_is_a_fact_with_evidence() -> None:
    headings = re.findall(r"^### (.+)$", FACTS_FILE.read_text(encoding="utf-8"), re.M)

    assert [fact.anchor for fact in facts()] == [_anchor(heading) for heading in headings]
    assert len({fact.anchor for fact in facts()}) == len(facts())


def test_a_fact_has_evidence_that_exists() -> None:
    assert facts()
    for fact in facts():
        assert fact.versions, fact.anchor
        assert set(fact.versions) <= set(VERSIONS), fact.anchor
        assert fact.kinds <= KINDS, fact.anchor
        assert fact.kinds or fact.recorded, fact.anchor
        recordings = [RECORDINGS / version / f"{name}.json" for name, only in fact.recorded for version in only]
        assert [path for path in recordings if not path.is_file()] == [], fact.anchor


def test_a_fact_is_cited_or_marked_as_background() -> None:
    cited = {anchor for text in texts().values() for anchor in _cited(text)}
    assert [fact.anchor for fact in facts() if (fact.anchor in cited) == fact.background] == []


def test_every_cited_anchor_exists() -> None:
    known = {fact.anchor for fact in facts()}
    unknown = {str(path): sorted(_cited(text) - known) for path, text in texts().items() if _cited(text) - known}

    assert unknown == {}


def test_every_citation_has_the_form_that_is_checked() -> None:
    malformed = [
        str(path) for path, text in texts().items() if text.count("midaz-behaviour:") != len(CITATION.findall(text))
    ]

    assert malformed == []


def test_no_citation_leads_out_of_the_repository() -> None:
    assert [str(path) for path, text in texts().items() if OLD_CITATION.search(text)] == []
