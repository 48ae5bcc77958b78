"""The pages as text: verdict, safety of foreign texts, links, and the command that reproduces a run."""

import dataclasses
import json
import re
import shlex
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from midaz_seed.errors import ExitCode
from midaz_seed.pages import rendering
from midaz_seed.pages.report_page import files_beside, headline, render_document, render_report
from midaz_seed.pages.reproduce import command_line
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_findings import Difference, ThresholdReport, ThresholdState, VerificationReport
from midaz_seed.settings.model import Settings
from tests.support.reports import HOSTILE, failed_report, made_up_report

GOOD = made_up_report(3, 1)
PROOF = VerificationReport(True, 1, 1, 10, 5, 5, (), 0, 0.1)


def changed(**changes: Any) -> Report:
    return dataclasses.replace(GOOD, **changes)


@pytest.mark.parametrize(
    ("report", "tone", "word"),
    [
        (GOOD, "good", "Verified"),
        (changed(proof=None), "warn", "Not verified"),
        (changed(proof=dataclasses.replace(PROOF, ok=False, ledgers=0)), "warn", "Verified in part"),
        (
            changed(
                proof=dataclasses.replace(
                    PROOF, ok=False, differences=(Difference("o1.l1", "x", "", "1", "2"),), differences_total=1
                ),
                exit_code=ExitCode.INTERRUPTED,
            ),
            "bad",
            "Not as planned",
        ),
        (
            changed(ledgers=tuple(dataclasses.replace(ledger, state="partial") for ledger in GOOD.ledgers)),
            "warn",
            "Verified in part",
        ),
        (changed(proof=None, exit_code=ExitCode.TERMINATED), "warn", "Interrupted"),
        (changed(exit_code=ExitCode.DIFFERENCES), "bad", "Failed, with verified balances"),
        (changed(proof=None, exit_code=ExitCode.TARGET), "bad", "The target failed"),
        (changed(proof=None, exit_code=ExitCode.SETTLEMENT), "bad", "Not settled"),
        (changed(exit_code=ExitCode.THRESHOLD), "bad", "Verified, but a threshold failed"),
    ],
)
def test_the_headline_says_what_is_known_about_the_balances(report: Report, tone: str, word: str) -> None:
    found = headline(report)
    assert (found.tone, found.word) == (tone, word)


def test_no_text_of_a_server_becomes_markup() -> None:
    page = render_report(failed_report())
    assert "<img" not in page
    assert page.count("<script") == 4  # data, uPlot, charts, page
    data = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', page, re.S)
    assert data is not None
    assert json.loads(data[1])["charts"]
    assert "\u202e" not in page


def test_the_data_of_the_charts_cannot_end_their_element() -> None:
    parts = rendering.PageParts()
    text = parts.data({"label": HOSTILE})
    assert "<" not in text
    assert json.loads(text) == {"label": HOSTILE}


def test_a_page_names_no_address_to_load_from_and_forbids_it() -> None:
    page = unescape(render_report(GOOD))
    assert "default-src 'none'" in page
    assert "connect-src 'none'" in page
    assert re.findall(r"""(?:src|href)=["'](?!#)([^"']*)""", page) == ["data:,"]
    assert "connect-src 'self'" in rendering.PageParts(connects=True).policy


def test_a_page_links_to_the_files_of_its_run_but_not_to_those_of_others(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").touch()
    assert files_beside(tmp_path) == ()
    (tmp_path / "run.json").touch()
    (tmp_path / "report.json").touch()
    assert files_beside(tmp_path) == ("report.json", "manifest.json")
    assert '<a href="manifest.json">' in render_report(GOOD, files=files_beside(tmp_path))


def test_thresholds_are_listed_with_their_values_and_results() -> None:
    thresholds = (
        ThresholdReport("latency_ms_p99 > 200", "latency_ms_p99", "", ">", 200.0, "ms", 312.5, ThresholdState.FAILED),
        ThresholdReport("movements_per_s < 400", "movements_per_s", "", "<", 400, "/s", 1901, ThresholdState.PASSED),
        ThresholdReport(
            "settlement_s > 5", "settlement_s", "", ">", 5.0, "s", None, ThresholdState.NOT_APPLICABLE, "none"
        ),
    )
    page = render_report(changed(thresholds=thresholds))
    assert "latency_ms_p99 &gt; 200</th>" in page
    assert "312 ms" in page
    assert "1,901/s" in page
    assert ">none</td>" in page
    assert page.count("word-good") >= 2
    assert 'id="thresholds"' not in render_report(GOOD)


def test_the_command_has_every_setting_that_is_not_the_default_and_no_secret() -> None:
    settings = Settings.model_validate(
        {
            "preset": "tiny",
            "seed": 7,
            "volume": {"accountsPerLedger": 9},
            "target": {"baseUrl": "http://127.0.0.1:3002", "clientSecret": "hunter2", "headers": ["X-Key: secret1"]},
            "generation": {"limits": {"maxConcurrency": "auto"}},
            "breaker": {"openS": 5},
        }
    )
    dumped = settings.model_dump(mode="json", by_alias=True)
    words = shlex.split(command_line(changed(settings=dumped, preset="tiny", seed=7)))
    assert words[:2] == ["midaz-seed", "run"]
    pairs = set(zip(words[2::2], words[3::2], strict=True))
    assert pairs == {
        ("--preset", "tiny"),
        ("--seed", "7"),
        ("--target", "http://127.0.0.1:3002"),
        ("--set", "volume.accountsPerLedger=9"),
        ("--concurrency", "auto"),
        ("--set", "breaker.openS=5.0"),
    }


def test_the_document_of_a_command_without_a_report_has_a_page_too() -> None:
    ending = {"command": "run", "exit_code": 3, "verdict": "no connection", "next_step": "check", "error": None}
    page = render_document(json.dumps({"schema_version": 1, "version": "0.1.0", **ending}).encode())
    assert "The target failed" in page
    assert "no connection" in page
    assert "Exit code 3" in page
    working = render_document(json.dumps({**ending, "exit_code": None}).encode())
    assert "Not finished" in working
    assert "Exit code" not in working


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"command": "run"}', b'{"command": 1, "exit_code": 1}'])
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        render_document(data)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_lines_have_enough_contrast(scheme: str) -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for lines of charts (1.4.11)."""
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", rendering.static_text("page.css"))
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", blocks[scheme == "dark"]))
    for text in ("text", "faint", "link", "chart-text"):
        for ground in ("page", "panel"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for tone in ("good", "bad", "warn"):
        for text in (tone, "text"):
            assert _contrast(colours[text], colours[f"{tone}-panel"]) >= 4.5, (text, tone)
    grounds = ["page", *(f"band-{tone}" for tone in range(5))]
    for line in (f"series-{number}" for number in range(6)):
        for ground in grounds:
            assert _contrast(colours[line], colours[ground]) >= 3, (line, ground)
