"""Known secrets are masked in every form, before a text is cut, and in linear time."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.reporting.redaction import redact, redacted_start, remember, remember_header, remember_url

SECRET = "Zx9/+kQ w7=é"


@pytest.mark.parametrize("form", [str, json.dumps, quote, quote_plus, lambda text: quote(text, safe=""), str.lower])
def test_a_known_secret_is_masked_in_every_form(form) -> None:
    remember([SECRET])
    assert redact(f"before {form(SECRET)} after").replace('"', "") == "before *** after"


@given(before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_known_secret_is_masked_in_the_middle_of_base64(before: bytes, after: bytes) -> None:
    remember(["correct horse battery"])
    text = base64.b64encode(before + b"correct horse battery" + after).decode()
    shown = redact(text)
    assert "***" in shown
    left, right = shown.split("***")
    assert b"orrect horse batter" not in base64.b64decode(f"{left}{right}"[: len(left + right) // 4 * 4])
    assert len(left) <= 4 * len(before) // 3 + 3
    assert len(right) <= 4 * len(after) // 3 + 6


def test_the_credentials_of_a_header_and_of_a_proxy_are_known() -> None:
    remember_header("Basic " + base64.b64encode(b"me:lemonade").decode())
    remember_url("http://you:p%40ssword1@proxy:8080")
    assert redact("lemonade") == "***"
    assert redact("p@ssword1 p%40ssword1") == "*** ***"
    assert redact(base64.b64encode(b"you:p@ssword1").decode()).count("***") == 1


def test_short_texts_stay_readable() -> None:
    remember(["abc", ""])
    remember_header("true")
    assert redact("abc is true") == "abc is true"


@pytest.mark.parametrize("at", range(40))
def test_a_text_is_masked_before_it_is_cut(at: int) -> None:
    remember(["hunter2hunter2"])
    text = "." * at + " hunter2hunter2 " + "x " * 2000
    for given_text in (text, text.encode()):
        shown = redacted_start(given_text, 30)
        assert "hunt" not in shown
        assert len(shown) <= 33


def test_a_long_text_of_secrets_does_not_show_where_it_was_cut() -> None:
    remember(["hunter2hunter2"])
    assert "hun" not in redacted_start(" ".join(["hunter2hunter2"] * 1000), 40)


def test_a_short_text_is_shown_whole_in_one_line() -> None:
    assert redacted_start(b"  a\n b ", 10) == "a b"
    assert redacted_start("", 10) == ""
