"""The report: one JSON document for machines, 80 columns of text for people, written whole or not at all."""

import dataclasses
import json
import os
import resource
import stat
from pathlib import Path

import pytest

from midaz_seed.errors import ExitCode, OutputError
from midaz_seed.model.histogram import Histogram
from midaz_seed.plan.batch_size import BatchSizeChoice
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import (
    DrainPoint,
    Latency,
    SettlementReport,
    SteadyReport,
    ThroughputReport,
    latency,
)
from midaz_seed.reporting.report_file import check_writable, write_json
from midaz_seed.reporting.report_findings import Difference, ErrorExample, ErrorReport, LedgerReport, VerificationReport
from midaz_seed.reporting.text_report import ROWS_MAX, render_text
from tests.support.small_report import PROVED, phase, report

AGAIN = "Run the same command again: it finds what is there and makes what is missing."


def error(number: int = 0, message: str = "the server is down") -> ErrorReport:
    example = ErrorExample(f"o1.l1.a{number}", "o1.l1", message, "POST /v1 {}", "500 {}")
    return ErrorReport("server", "accounts", "account", f"{number:04}", 12, 3, "t", "t", "read its log", example)


def proof_with(*differences: Difference, total: int | None = None) -> VerificationReport:
    total = len(differences) if total is None else total
    return dataclasses.replace(PROVED, ok=False, differences=differences, differences_total=total)


def test_the_json_document_says_which_schema_it_has_and_holds_every_field() -> None:
    document = json.loads(report(errors=(error(),)).as_json())
    assert document["schema_version"] == 1
    assert set(document) == {field.name for field in dataclasses.fields(Report)}
    assert document["phases"][1]["latency_ms"] == {"p50": 1.25, "p95": 2.0, "p99": 3.5, "p999": 4.0, "max": 9.0}
    assert document["errors"][0]["example"]["key"] == "o1.l1.a0"
    assert document["exit_code"] == 0


def test_a_verification_that_did_not_run_is_null_and_not_a_success() -> None:
    assert json.loads(report(proof=None).as_json())["proof"] is None
    assert "verification: not run" in render_text(report(proof=None))


def test_what_the_balances_hold_and_the_server_does_not_list_is_said() -> None:
    late = report(proof=dataclasses.replace(PROVED, transactions_unlisted=8))
    assert json.loads(late.as_json())["proof"]["transactions_unlisted"] == 8
    assert "8 transactions that the balances include are not in the server's list yet" in " ".join(
        render_text(late).split()
    )
    assert "not in the server's list" not in render_text(report())


def test_latencies_are_reported_in_milliseconds() -> None:
    histogram = Histogram()
    for value_us in range(1, 1001):
        histogram.record(value_us)
    assert latency(histogram) == Latency(p50=0.5, p95=0.95, p99=0.99, p999=0.999, max=1.0)


def test_the_text_says_what_was_created_how_fast_and_that_every_balance_is_right() -> None:
    text = render_text(report())
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line[:1].isalpha()}
    assert rows["transfers"] == ["7,600", "7,600", "0", "0", "0", "3,800", "1.2", "3.5"]
    assert "8,000 movements in 8,000 transactions, 8,500 requests, 4.5 s" in text
    assert "4,000 movements/s" in text
    assert "errors: none" in text
    assert "412 balances of 4 ledgers" in text
    assert "every balance is the planned one, and every asset sums to zero" in text
    assert text.endswith("\nDone: every balance is the planned one.\n")


def test_the_first_line_names_what_the_data_consists_of() -> None:
    assert "seed 1  preset small" in render_text(report()).splitlines()[0]
    assert "seed 1  scenario demo" in render_text(report(scenario="demo", preset="")).splitlines()[0]


def test_the_text_has_no_colour_and_no_trailing_spaces() -> None:
    text = render_text(report(errors=(error(),)))
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_errors_are_shown_in_groups_with_an_example_and_what_to_do() -> None:
    text = render_text(report(errors=(error(46),), error_rate_percent=1.5))
    assert "errors (1.50 % of the items failed, budget 1 %)" in text
    assert "server 0046 in accounts: 12 attempts, 3 items failed" in text
    assert "such as o1.l1.a46: the server is down" in text
    assert "read its log" in text


def test_errors_that_a_retry_resolved_are_apart_from_failed_items() -> None:
    cured = dataclasses.replace(error(), final=0)
    assert "12 attempts, none of them final" in render_text(report(errors=(cured,)))


def test_the_rejections_of_a_rate_limit_are_not_called_attempts() -> None:
    """L1: a 429 uses up none."""
    limited = dataclasses.replace(error(), error="rate_limited", final=0)
    assert "12 rejections, none of them final" in render_text(report(errors=(limited,)))


def test_a_steady_state_without_transactions_has_no_latency() -> None:
    """T2: a server on which every request hung was reported with a latency of 0.0 ms."""
    none = Latency(p50=0.0, p95=0.0, p99=0.0, p999=0.0, max=0.0)
    idle = SteadyReport(0.0, 0.5, 9.5, 0, 0, 0.0, 0.0, none)
    text = render_text(report(steady=idle))
    assert "0 transactions/s, 0 movements/s\n" in text


def test_differences_are_shown_by_account() -> None:
    text = render_text(
        report(
            proof=proof_with(
                Difference("o1.l1", "available", "@a1", "100.00", "99.00"),
                Difference("o1.l1", "on hold", "@a1", "0", "1.00"),
                Difference("o1.l2", "accounts", "", "100", "99"),
            )
        )
    )
    assert (
        "       3 differences\n"
        "  o1.l1 @a1\n"
        "    available: planned 100.00, on the server 99.00\n"
        "    on hold: planned 0, on the server 1.00\n"
        "  o1.l2\n"
        "    accounts: planned 100, on the server 99\n"
    ) in text
    assert "every balance is the planned one, and" not in text


def test_long_lists_are_cut_with_the_number_of_what_is_left_out() -> None:
    differences = [Difference("o1.l1", "available", f"@a{number}", "1", "2") for number in range(1000)]
    ledgers = tuple(LedgerReport(f"o1.l{number}", "Main", "", "", "failed", "no assets") for number in range(50))
    text = render_text(
        report(errors=tuple(map(error, range(30))), ledgers=ledgers, proof=proof_with(*differences, total=123_456))
    )
    assert "and 10 more kinds" in text
    assert "and 30 more failed ledgers" in text
    assert "and 123,436 more differences" in text
    assert text.count("available:") == ROWS_MAX


def test_ledgers_that_were_not_verified_are_counted() -> None:
    text = render_text(report(proof=dataclasses.replace(PROVED, ok=False, ledgers=3)))
    assert "1 of 4 ledgers was not verified\n       no difference in the 3 ledgers that were verified\n" in text
    assert "0 differences" not in text


def test_a_failed_ledger_is_named_with_its_reason_and_stopped_ones_are_counted() -> None:
    ledgers = (
        LedgerReport("o1.l1", "Main", "a", "b", "failed", "none of its assets exists"),
        LedgerReport("o1.l2", "Trading", "a", "b", "stopped", ""),
    )
    text = render_text(report(ledgers=ledgers))
    assert "ledger o1.l1 Main failed: none of its assets exists" in text
    assert "1 of 2 ledgers was stopped or not started" in text


def test_an_outage_is_reported_with_its_duration() -> None:
    text = render_text(report(breaker_opened=2, breaker_open_s=121.5))
    assert "circuit breaker: opened 2 times, 121.5 s in all" in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_table_and_all_lines_fit_the_terminal(width: int) -> None:
    """Row 7: the report's table wrapped below 80 columns."""
    failed = phase("transfers", 1_000_000, created=999_000, failed=1_000)
    text = render_text(report(phases=(phase("organizations"), failed), errors=(error(),)), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    header, _, row = lines[(first := next(at for at, line in enumerate(lines) if line.startswith("phase"))) : first + 3]
    assert "failed" in header.split(), "a column with something in it stays"
    assert "1,000" in row.split()
    assert ("existing" in header) is (width == 80), "one of zeros goes first"


def test_one_of_anything_is_singular() -> None:
    """Row 7: "1 ledgers", "read 1 times", "1 differences"."""
    one = dataclasses.replace(PROVED, ok=False, ledgers=1, ledgers_planned=1, balances_checked=1, counts_checked=1)
    one = dataclasses.replace(one, transactions_read=1, differences=(_difference(),), differences_total=1)
    text = render_text(
        report(
            movements=1,
            transactions=1,
            requests=1,
            settlement=SettlementReport(1, 0.5, 1.0, 1),
            proof=one,
            breaker_opened=1,
            errors=(dataclasses.replace(error(), count=1, final=1),),
        )
    )
    for words in ("1 movement in 1 transaction, 1 request, ", "settlement: 1 ledger, ", "balances read 1 time\n"):
        assert words in text
    for words in ("1 balance of 1 ledger, 1 count, 1 transaction read back", " 1 difference\n", "opened 1 time, "):
        assert words in text
    assert "1 attempt, 1 item failed" in text
    assert "1 change\n" in text


def _difference() -> Difference:
    return Difference("o1.l1", "available", "@a", "10", "9")


def test_every_text_of_a_server_in_the_report_is_escaped() -> None:
    """H9: escape sequences in a server's message reached the terminal."""
    evil = "\x1b[2J\x9b\u202e\nDone: every balance is the planned one."
    text = render_text(
        report(
            server_version=evil,
            errors=(error(message=evil),),
            ledgers=(LedgerReport("o1.l1", evil, "a", "b", "failed", evil),),
            proof=proof_with(Difference("o1.l1", evil, evil, evil, evil)),
            verdict=f"Stopped: {evil}",
            next_step=evil,
        )
    )
    assert {sign for sign in text if not sign.isprintable()} == {"\n"}
    assert not any(line.startswith("Done") for line in text.splitlines())
    assert text.count(r"\x1b[2J\x9b\u202e\nDone:") >= 8


def test_a_verification_alone_has_no_empty_table_and_moves_nothing() -> None:
    """Row 7: `verify` showed an empty table."""
    text = render_text(report(phases=(phase("verify", 0, requests=9),), movements=0, transactions=0, requests=9))
    assert "phase" not in text
    assert "movements" not in text
    assert "\n9 requests, 4.5 s, 1,889 requests/s\n" in text
    nothing = dataclasses.replace(PROVED, ok=False, ledgers=0)
    assert "verified: nothing\n       4 of 4 ledgers were not verified\n\n" in render_text(report(proof=nothing))


def test_the_text_ends_with_the_command_to_resume() -> None:
    text = render_text(report(exit_code=ExitCode.TARGET, verdict="The target failed: gone.", next_step=AGAIN))
    assert text.endswith(f"\nThe target failed: gone.\n{AGAIN}\n")


def test_the_largest_numbers_fit_into_80_columns_and_never_touch() -> None:
    counts = {"existing": 950_000, "failed": 100_000, "skipped": 100_000}
    slow = Latency(9123.0, 9123.0, 9123.0, 9123.0, 9123.0)
    text = render_text(
        report(
            run_id="r" * 40,
            seed=2**63 - 1,
            target="http://midaz-ledger.staging.internal.example.com:3002",
            phases=(phase("account_types", 1_000_000, rate_per_s=123_456.0, latency_ms=slow, **counts),),
            movements=10_000_000,
            transactions=10_000_000,
            requests=12_345_678,
            elapsed_s=123_456.7,
            errors=(error(1, "a long message that goes on " * 10),),
            ledgers=(LedgerReport("o1.l1", "Investment 12", "a", "b", "failed", "because of this " * 20),),
            proof=proof_with(
                Difference("o10.l5", "operations of a transaction", "o10.l5.t1000000", "1" * 38, "-" + "9" * 38)
            ),
            verdict="The target failed: " + "it does not answer " * 10,
            next_step=AGAIN,
        )
    )
    assert max(map(len, text.splitlines())) <= 80
    assert "1,000,000 1,000,000  950,000 100,000 100,000 123,456 9123.0 9123.0" in text


def test_the_file_holds_the_document_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("an older report", encoding="utf-8")
    check_writable(path)
    assert path.read_text(encoding="utf-8") == "an older report", "the check leaves it alone"
    write_json(report(), path)
    assert path.read_text(encoding="utf-8") == report().as_json()
    assert os.listdir(tmp_path) == ["report.json"]


def test_the_file_has_the_permissions_of_new_files(tmp_path: Path) -> None:
    path, other = tmp_path / "report.json", tmp_path / "other"
    other.touch()
    write_json(report(), path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_a_missing_folder_is_refused_before_the_run_and_after_it(tmp_path: Path) -> None:
    path = tmp_path / "no" / "report.json"
    for write in (check_writable, lambda target: write_json(report(), target)):
        with pytest.raises(OutputError, match="No such file or directory") as refused:
            write(path)
        assert refused.value.where == str(path)
        assert refused.value.exit_code == ExitCode.USAGE
        assert "--json" in refused.value.hint


@pytest.mark.parametrize("name", [".", "", "folder"])
def test_a_folder_is_no_file_to_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        check_writable(Path(name))
    with pytest.raises(OutputError, match="Is a directory"):
        write_json(report(), Path(name))


def test_a_name_that_is_too_long_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        check_writable(tmp_path / ("r" * 254))


def test_a_full_disk_is_said_so() -> None:
    check_writable(Path("/dev/full"))
    with pytest.raises(OutputError, match="No space left on device"):
        write_json(report(), Path("/dev/full"))


def test_a_failed_write_leaves_the_older_report_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("an older report", encoding="utf-8")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write_json(report(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text(encoding="utf-8") == "an older report"
    assert os.listdir(tmp_path) == ["report.json"]


def test_the_report_can_go_to_a_device() -> None:
    check_writable(Path("/dev/null"))
    write_json(report(), Path("/dev/null"))
    assert not Path("/dev/null").is_file()


def test_transactions_decided_by_the_balances_are_reported() -> None:
    text = render_text(report(phases=(phase("transfers", 7600, doubts_applied=3, doubts_not_applied=1200),)))
    assert "in doubt: 1,203 transactions, decided by the balances: 3 had been made, 1,200" in text
    assert "in doubt" not in render_text(report())


def test_a_client_is_reported_as_the_limit_only_when_it_was() -> None:
    text = render_text(report(client_cpu_percent=97.2))
    assert "client: 97 % of a core" in text
    assert "the client limited the throughput, not the server" in text
    assert "the client limited the throughput" not in render_text(report(client_cpu_percent=60.0))


def test_a_client_that_waited_for_its_machine_is_reported_and_another_is_not() -> None:
    assert "the client waited for CPU time" in " ".join(render_text(report(loop_lag_ms_p99=80.0)).split())
    assert "wait for" not in render_text(report(loop_lag_ms_p99=20.0))


def throughput(drain_s: float | None, *drain: DrainPoint) -> ThroughputReport:
    settled_per_s = None if drain_s is None else 430.4
    return ThroughputReport("transfers", 7600, 7600, 7600, 14.8, 17.6, 512.4, 512.4, settled_per_s, drain_s, drain)


def test_a_server_that_settles_behind_its_answers_gets_a_line_and_one_that_does_not_gets_none() -> None:
    late = report(throughput=(throughput(2.8, DrainPoint(0.5, 0, 900), DrainPoint(2.8, 0, 0)),))
    assert "transfers: 512 movements/s accepted, 430 settled, drained in 2.80 s" in render_text(late)
    assert json.loads(late.as_json())["throughput"][0]["drain"][0] == {
        "since_s": 0.5,
        "balances": 0,
        "transactions": 900,
    }
    at_once = throughput(2.8, DrainPoint(2.8, 0, 0))  # a look that took long, and found nothing missing
    soon = throughput(0.05, DrainPoint(0.01, 0, 900), DrainPoint(0.05, 0, 0))
    never = throughput(None, DrainPoint(0.01, 900, 0))
    assert "drained" not in render_text(report(throughput=(at_once, soon, never)))


def test_a_measured_batch_size_is_reported_with_its_reason() -> None:
    reason = "2,100 movements/s, p99 150.0 ms, 5.2 times the throughput of single movements"
    choice = BatchSizeChoice(19, reason, elapsed_s=9.5)
    text = " ".join(render_text(report(packing=choice)).split())
    assert f"batch size: auto, 19 movements per transaction ({choice.reason}), measured in 9.5 s" in text
    assert "1 movement per transaction" in render_text(report(packing=BatchSizeChoice(1, "as the run began")))
    assert "packing" not in render_text(report())
