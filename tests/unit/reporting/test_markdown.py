"""The summary of a job in Markdown: what a server sends is text in it, and it stays within its limit."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.errors import ExitCode
from midaz_seed.model.thresholds import parse_threshold
from midaz_seed.reporting.outputs.markdown import ROWS_MAX, escaped, render_markdown, render_markdown_ending, within
from midaz_seed.reporting.report_findings import Difference, ErrorExample, ErrorReport, LedgerReport
from midaz_seed.reporting.thresholds import apply_thresholds
from tests.support.small_report import PROVED, report


@settings(deadline=None)
@given(st.text(max_size=80))
def test_escaped_text_has_nothing_that_markdown_or_html_reads(text: str) -> None:
    shown = escaped(text)
    assert not re.search(r"[<>|`*_\[\]\\@:$~{}()!^]", re.sub(r"&#\d+;", "", shown))
    assert "#" not in re.sub(r"&#\d+;", "", shown)
    assert shown.isprintable()


@pytest.mark.parametrize("address", ["www.evil.example", "x WWW.evil.example/a"])
def test_an_address_without_a_scheme_is_no_link(address: str) -> None:
    assert "www." not in escaped(address).lower()


@pytest.mark.parametrize(("verified", "shown"), [(3, "of 3 of 4 ledgers"), (4, "of 4 ledgers")])
def test_the_summary_says_how_many_ledgers_were_verified(verified: int, shown: str) -> None:
    assert shown in render_markdown(report(proof=dataclasses.replace(PROVED, ledgers=verified)))


def test_the_summary_has_verdict_figures_thresholds_differences_and_errors_in_whole_tables() -> None:
    hostile = "|a| <img src=x> [x](http://evil) @team\n## no"
    differences = tuple(Difference("o1.l1", hostile, "@a", "1", "2") for _ in range(ROWS_MAX + 2))
    proof = dataclasses.replace(PROVED, ok=False, differences=differences, differences_total=len(differences))
    example = ErrorExample("o1.l1.a1", "o1.l1", hostile, "POST", "500")
    error = ErrorReport("server", "accounts", "account", "0046", 12, 3, "t", "t", "hint", example)
    failed = LedgerReport("o1.l1", hostile, "", "", "failed", hostile)
    text = render_markdown(
        apply_thresholds(
            report(proof=proof, errors=(error,), ledgers=(failed,), exit_code=ExitCode.DIFFERENCES, verdict=hostile),
            [parse_threshold("elapsed_s > 2s")],
        )
    )
    assert text.startswith("### midaz-seed s1c36e6169f: failed (exit code 1)\n")
    for title in ("#### Thresholds", f"#### {ROWS_MAX + 2} differences", "#### Errors", "#### Failed ledgers"):
        assert title in text
    assert "| fail if elapsed&#95;s &#62; 2s | 4.5 s | failed |" in text
    assert "And 2 more differences: the report has them." in text
    assert "<img" not in text
    assert "](" not in text
    assert "\n## no" not in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 5
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(0, 200))
def test_a_summary_never_exceeds_its_limit(text: str, limit: int) -> None:
    assert len(within(text, limit).encode()) <= limit or not within(text, limit)


def test_a_summary_that_is_too_long_ends_with_a_whole_line_and_says_so() -> None:
    found = within("line\n" * 100, 200)
    assert found.startswith("line\nline\n")
    assert found.endswith("line\n\n*The rest is left out: the summary is too long.*\n")


@pytest.mark.parametrize(("code", "result"), [(3, "failed"), (0, "passed")])
def test_a_command_without_a_report_has_its_verdict_and_the_next_step(code: int, result: str) -> None:
    error = {"kind": "UnreachableError", "where": "midaz-seed.yaml:3"} if code else None
    document = {
        "command": "run",
        "exit_code": code,
        "verdict": "no connection",
        "next_step": "check it",
        "error": error,
    }
    text = render_markdown_ending(document)
    assert text.startswith(f"### midaz-seed run: {result} (exit code {code})\n\n")
    assert "no connection. Check it" in text
