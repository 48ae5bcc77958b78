"""The glossary is sorted, has each term once, and names nothing that code and documents no longer use."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
ROW = re.compile(r"^\| ([^|]+?) \|([^|]*)\| ([^|]+) \|$", re.M)


def _rows() -> dict[str, tuple[list[str], str]]:
    """For each term its other spellings and its meaning; the head of the table is not one."""
    found = {}
    for term, spellings, meaning in ROW.findall(GLOSSARY.read_text(encoding="utf-8")):
        if term != "term":
            assert term not in found, f"{term} is there twice"
            found[term] = (re.findall(r"`([^`]+)`", spellings), meaning)
    return found


def _plain(text: str) -> str:
    """Lower-case words between single spaces, so `BatchSize`, `batch_size` and `batch-size` are all `batch size`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return f" {' '.join(re.findall(r'[a-z0-9]+', words.lower()))} "


ROWS = _rows()
SOURCES = [*sorted((ROOT / "midaz_seed").rglob("*.py")), *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = " ".join(path.relative_to(ROOT).as_posix() for path in SOURCES)
TEXT = "\n".join([NAMES, *(path.read_text(encoding="utf-8") for path in SOURCES if path != GLOSSARY)])
PLAIN = _plain(TEXT)


def test_terms_are_sorted() -> None:
    assert list(ROWS) == sorted(ROWS, key=str.lower)
    assert len(ROWS) >= 40


@pytest.mark.parametrize("term", ROWS)
def test_a_term_is_used(term: str) -> None:
    spellings, meaning = ROWS[term]

    assert _is_used(term) or spellings, f"neither code nor documents say {term}"
    assert [spelling for spelling in spellings if spelling not in TEXT] == []
    assert meaning.endswith(".")


def _is_used(term: str) -> bool:
    words = _plain(term).strip()
    return any(f" {form} " in PLAIN for form in (words, f"{words}s", f"{words}es", f"{words}ed"))
