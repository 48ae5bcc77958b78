"""JUnit XML: valid whatever a server sends, and in agreement with the exit code."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.errors import ExitCode
from midaz_seed.model.thresholds import parse_threshold
from midaz_seed.reporting.outputs.junit import ROWS_MAX, render_junit, render_junit_ending
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_findings import Difference, FailedItemReport, LedgerReport
from midaz_seed.reporting.thresholds import apply_thresholds
from tests.support.junit import read_junit
from tests.support.small_report import PROVED, phase, report

ANYTHING = st.text(max_size=60)
HOSTILE = 'a]]><x y="1">&amp;\x00\x1b\ud800\ufffe\u2028'


def with_differences(*differences: Difference, **changes: Any) -> Report:
    proof = dataclasses.replace(PROVED, ok=False, differences=differences, differences_total=len(differences))
    ledger = LedgerReport("o1.l1", "Main", "id1", "id2", "done", "", verified=False, differences=len(differences))
    changes = {"exit_code": ExitCode.DIFFERENCES, "verdict": "Verification failed.", **changes}
    return report(proof=proof, ledgers=(ledger,), **changes)


@settings(deadline=None, max_examples=50)
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_any_text_of_a_server_gives_a_valid_document(name: str, verdict: str, expected: str, message: str) -> None:
    found = with_differences(
        Difference("o1.l1", name, message, expected, verdict),
        verdict=verdict,
        next_step=message,
        scenario=name,
        phases=(phase("accounts", failed=4),),
        error_rate_percent=4.0,
        failed_items=(FailedItemReport("o1.l1.a1", "accounts", "server", name, message),),
    )
    ledgers = (*found.ledgers, LedgerReport("o1.l2", name, "", "", "failed", message))
    read_junit(render_junit(dataclasses.replace(found, ledgers=ledgers)))


def test_characters_that_xml_cannot_hold_are_replaced_and_others_kept() -> None:
    text = render_junit(with_differences(Difference("o1.l1", HOSTILE, "", "1", "2")))
    read_junit(text)
    assert 'a]]&gt;&lt;x y="1"&gt;&amp;amp;\ufffd\ufffd\ufffd\ufffd\u2028: planned 1, on the server 2' in text


def test_a_run_that_is_fine_has_only_test_cases_that_passed() -> None:
    within_budget = report(phases=(phase("accounts", failed=4), phase("transfers")), error_rate_percent=0.5)
    found = read_junit(render_junit(within_budget))
    assert found["run"] == {"s1c36e6169f": "passed"}
    assert set(found["phases"].values()) == {"passed"}


def test_what_differs_and_what_failed_are_failures_of_their_test_case() -> None:
    differences = [Difference("o1.l1", "available", f"@a{number}", "10.00", "9.00") for number in range(ROWS_MAX + 5)]
    elsewhere = Difference("o2", "organization", "", "present", "absent")
    broken = with_differences(
        *differences,
        elsewhere,
        phases=(phase("accounts", failed=9), phase("transfers", skipped=400)),
        error_rate_percent=9,
    )
    text = render_junit(broken)
    found = read_junit(text)
    assert found["run"] == {"s1c36e6169f": "failure: Verification failed."}
    assert found["phases"] == {
        "accounts": "failure: 9 of 400 items failed",
        "transfers": "skipped: nothing of this phase was sent",
    }
    assert found["ledgers"]["o1.l1 Main"] == f"failure: {ROWS_MAX + 6} differences from the plan"
    assert found["ledgers"]["o2"] == "failure: 1 difference from the plan"
    assert "@a0 available: planned 10.00, on the server 9.00" in text
    assert f"@a{ROWS_MAX} " not in text
    assert "and 6 more" in text


@pytest.mark.parametrize("code", [ExitCode.TARGET, ExitCode.SETTLEMENT, ExitCode.INTERRUPTED])
def test_a_run_that_could_not_end_is_an_error(code: ExitCode) -> None:
    found = read_junit(render_junit(report(exit_code=code, verdict="The target failed.")))
    assert found["run"] == {"s1c36e6169f": "error: The target failed."}


def test_thresholds_are_test_cases_and_leave_the_run_itself_passed() -> None:
    expressions = ("elapsed_s > 2s", "elapsed_s > 1m", "open_loop.dropped > 0")
    failed = apply_thresholds(report(), [parse_threshold(text) for text in expressions])
    found = read_junit(render_junit(failed))
    assert found["run"] == {"s1c36e6169f": "passed"}
    assert found["thresholds"] == {
        "elapsed_s > 2s": "failure: elapsed_s is 4.5 s (fails if > 2s)",
        "elapsed_s > 1m": "passed",
        "open_loop.dropped > 0": "skipped: the run did not use the open model",
    }


@pytest.mark.parametrize(
    ("exit_code", "error", "ending"),
    [
        (3, {"kind": "UnreachableError", "where": HOSTILE}, "error: no connection"),
        (0, None, "passed"),
        (None, None, "error: no connection"),
    ],
)
def test_a_command_without_a_report_is_one_test_case(exit_code: int | None, error: Any, ending: str) -> None:
    document = {
        "command": "run",
        "exit_code": exit_code,
        "verdict": "no connection",
        "next_step": "check",
        "error": error,
    }
    assert read_junit(render_junit_ending(document)) == {"run": {"run": ending}}
