"""The glossary is sorted, has each term once, and names nothing that code and documents no longer use."""

import re
from pathlib import Path

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


def _texts() -> str:
    """The texts of code and documents, and their paths."""
    sources = [*sorted((ROOT / "midaz_seed").rglob("*.py")), *sorted((ROOT / "docs").rglob("*.md"))]
    names = " ".join(path.relative_to(ROOT).as_posix() for path in sources)
    return "\n".join([names, *(path.read_text(encoding="utf-8") for path in sources if path != GLOSSARY)])


def test_terms_are_sorted_and_have_a_meaning() -> None:
    rows = _rows()
    assert list(rows) == sorted(rows, key=str.lower)
    assert len(rows) >= 40
    assert [term for term, (_, meaning) in rows.items() if not meaning.endswith(".")] == []


def test_every_term_and_every_spelling_is_used() -> None:
    text = _texts()
    plain = _plain(text)
    rows = _rows()
    assert [term for term, (spellings, _) in rows.items() if not spellings and not _is_used(term, plain)] == []
    assert [each for spellings, _ in rows.values() for each in spellings if each not in text] == []


def _is_used(term: str, plain: str) -> bool:
    words = _plain(term).strip()
    return any(f" {form} " in plain for form in (words, f"{words}s", f"{words}es", f"{words}ed"))
