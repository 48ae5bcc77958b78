"""Text for people: numbers with nouns, lines that fit, and foreign text without effect."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.wording import TEXT_MAX, counted, printable, printable_json, wrapped


@pytest.mark.parametrize(
    ("count", "noun", "plural", "text"),
    [
        (0, "ledger", "", "0 ledgers"),
        (1, "ledger", "", "1 ledger"),
        (2000, "ledger", "", "2,000 ledgers"),
        (1, "entity", "entities", "1 entity"),
        (3, "entity", "entities", "3 entities"),
    ],
)
def test_a_number_has_its_noun_in_the_right_form(count: int, noun: str, plural: str, text: str) -> None:
    """Row 7: "1 ledgers", "read 1 times", "1 differences"."""
    assert counted(count, noun, plural) == text


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_no_text_acts_on_a_terminal_or_adds_a_line(text: str) -> None:
    """H9: both sets of control characters, direction marks, line breaks of any kind, and lone surrogates."""
    shown = printable(text)
    assert shown.isprintable()
    assert not {unicodedata.category(sign) for sign in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(max_size=TEXT_MAX).filter(str.isprintable))
def test_text_that_can_be_printed_stays_as_it_is(text: str) -> None:
    """H9: names with accents are no attack."""
    assert printable(text) == text


def test_unprintable_characters_are_named_and_a_very_long_text_is_cut() -> None:
    """H9: what people see instead."""
    assert printable("São\x1b[2J\n\u202eBRL\x9b\ud800") == r"São\x1b[2J\n\u202eBRL\x9b\ud800"
    assert printable("x" * (TEXT_MAX + 1)) == "x" * TEXT_MAX + "... (1 more character)"


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_for_a_terminal_is_the_same_document(document: object) -> None:
    """H9: JSON keeps its meaning, in escapes."""
    text = printable_json(json.dumps(document, ensure_ascii=False, indent=2))
    assert json.loads(text) == document
    assert {sign for sign in text if not sign.isprintable()} <= {"\n"}


def test_long_lines_are_broken_at_spaces_and_further_indented() -> None:
    """Row 7: lines that were wider than the terminal."""
    lines = ["    one two three four", "http://127.0.0.1:3002/v1/organizations", ""]
    assert list(wrapped(lines, 14)) == ["    one two", "      three", "      four", lines[1], ""]


def test_a_line_is_never_broken_between_a_number_and_its_unit() -> None:
    assert list(wrapped(["one 11.4 % two"], 8)) == ["one", "  11.4 %", "  two"]
    assert list(wrapped(["one 0.8 s", "two 10 shards"], 7)) == ["one", "  0.8 s", "two 10", "  shards"]
