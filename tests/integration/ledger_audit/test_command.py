"""The command: what it prints and writes in every ending, what it refuses, and that it only reads."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from midaz_seed.auditing import audit_async
from midaz_seed.errors import UsageError
from midaz_seed.ledger_audit.schema import json_schema
from tests.support.audits import audit_settings, change_record, filled_file
from tests.support.cli import run_cli
from tests.support.gateway import Gateway, GatewayAnswer, running_gateway
from tests.support.junit import read_junit
from tests.support.sandbox import blocking_sandbox_process, sandbox

UNKNOWN = "0190b3e2-7d4c-7c1e-9b0e-3f6a2c5d8e41"
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "audit.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a finding."""
    folder = tmp_path_factory.mktemp("command")

    def change(connection: sqlite3.Connection) -> None:
        change_record(connection, "t", 3, lambda record: record.__setitem__(6, "0.01"))

    file = filled_file(folder / "sound.db", "v3.8").broken(folder / "broken.db", change)
    with blocking_sandbox_process("--data", str(file.path)) as url:
        yield url


def test_a_finding_is_printed_and_written_with_its_names_and_gives_exit_code_1(server: str, tmp_path: Path) -> None:
    files = ("--report", "audit.json", "--junit", "junit.xml", "--html", "audit.html")
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    printed = run_cli("audit", server, "--rate", "0", *files, "-q", cwd=tmp_path, environment=environ)
    assert printed.returncode == 1
    document = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, SCHEMA)
    assert json_schema() == SCHEMA
    (finding,) = document["findings"]
    for name in ("text", "ledger", "ledger_id", "transaction_id"):
        assert finding[name] in printed.stdout
    assert "transaction_amount: 1 finding\n" in printed.stdout
    assert "1 finding in 1 ledger.\n" in printed.stdout
    assert printed.stderr == ""
    (ledger,) = document["ledgers"]
    junit = read_junit((tmp_path / "junit.xml").read_text(encoding="utf-8"))
    assert junit["audit"] == {"audit": "failure: 1 finding in 1 ledger."}
    assert junit["ledgers"] == {
        f"{ledger['organization']} / {ledger['name']} ({ledger['id']})": "failure: 1 finding",
    }
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "<title>1 finding: audit of" in page
    assert finding["transaction_id"] in page
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("### midaz-seed audit: failed (exit code 1)")
    assert finding["transaction_id"] in summary
    written = ["audit.html", "audit.json", "junit.xml", "summary.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == written
    as_json = run_cli("audit", server, "--rate", "0", "--ledger", finding["ledger_id"], "--json", "-q", cwd=tmp_path)
    narrow = json.loads(as_json.stdout)
    jsonschema.validate(narrow, SCHEMA)
    assert (as_json.returncode, narrow["ledger_id"]) == (1, finding["ledger_id"])
    assert as_json.stderr == f"{narrow['verdict']} {narrow['next_step']}\n"
    assert narrow["findings"] == document["findings"]
    quick = run_cli("audit", server, "--balances-only", "--organization", finding["organization_id"], cwd=tmp_path)
    assert (quick.returncode, quick.stdout.splitlines()[-1]) == (0, "No findings in 1 ledger.")
    assert "Transactions were not read (--balances-only).\n" in quick.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--ledger", "7"), 2, "'7' is not an id"),
        (("--ledger", UNKNOWN), 2, f"the server has no ledger {UNKNOWN}"),
        (("--organization", UNKNOWN), 2, f"the server has no organization {UNKNOWN}"),
        (("--set", "volume.ledgersPerOrganization=3"), 2, "has no effect on `midaz-seed audit`"),
        (("--set", "generation.limits.maxConcurrency=3"), 2, "has no effect on `midaz-seed audit`"),
        (("--pending-hours", "-1"), 2, "--pending-hours"),
        (("--preset", "tiny"), 2, "unknown option --preset"),
    ],
)
def test_what_cannot_be_audited_is_refused_with_a_document(
    server: str, arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    refused = run_cli("audit", server, *arguments, "--json", cwd=tmp_path)
    assert refused.returncode == code
    assert message in refused.stderr
    document = json.loads(refused.stdout)
    assert (document["command"], document["exit_code"]) == ("audit", code)
    assert message in document["error"]["message"]


def test_a_host_that_is_not_allowed_and_one_that_does_not_answer_are_errors(tmp_path: Path) -> None:
    other = run_cli("audit", "https://ledger.example", cwd=tmp_path)
    assert other.returncode == 2
    assert "--allow-host ledger.example" in other.stderr
    absent = run_cli("audit", "http://127.0.0.1:9", "--report", "audit.json", "-q", cwd=tmp_path)
    assert absent.returncode == 3
    assert not (tmp_path / "runs").exists()
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["exit_code"] == 3


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(server: str, tmp_path: Path) -> None:
    refused = run_cli("audit", server, "--report", str(tmp_path / "absent" / "audit.json"), cwd=tmp_path)
    assert refused.returncode == 2
    assert "the report cannot be written" in refused.stderr
    full = run_cli("audit", server, "--rate", "0", "--report", "/dev/full", "-q", cwd=tmp_path)
    assert full.returncode == 1
    assert "The report was not written: /dev/full:" in " ".join(full.stdout.split())


def test_a_sandbox_with_a_data_file_can_be_audited(tmp_path: Path) -> None:
    file = filled_file(tmp_path / "own.db", "v4")
    done = run_cli("audit", "sandbox", "--dialect", "v4", "--sandbox-data", str(file.path), cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "No findings in 1 ledger.")


async def test_an_audit_only_reads_and_survives_a_gateway_that_fails_now_and_then(tmp_path: Path) -> None:
    file = await asyncio.to_thread(filled_file, tmp_path / "read.db", "v3.8")
    count = 0

    def fail(head: bytes, sent: bytes) -> GatewayAnswer | None:
        nonlocal count
        count += 1
        return GatewayAnswer(503, [("Retry-After", "0")], b"busy") if count % 4 == 0 else None

    async with sandbox(data=file.path) as server:
        gate = Gateway(server.url, lambda *answer: None, fail)
        async with running_gateway(gate) as url:
            report = await audit_async(audit_settings(url), rate_per_s=0)
        assert (report.exit_code, report.findings) == (0, ())
        assert {line.split(b" ")[0] for line in gate.seen} == {b"GET", b"HEAD"}
        with pytest.raises(UsageError, match="has no ledger"):
            await audit_async(audit_settings(server.url), ledger_id=UNKNOWN, rate_per_s=0)
