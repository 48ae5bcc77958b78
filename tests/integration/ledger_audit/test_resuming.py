"""An interrupted audit continues where it was, and ends with the report of one that was not interrupted."""

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from midaz_seed.auditing import audit_async
from midaz_seed.clock import Clock, FakeClock
from midaz_seed.errors import NotMidazError, RequestFailedError, RunError, TargetError
from midaz_seed.ledger_audit.findings import Findings
from midaz_seed.ledger_audit.report import AuditReport
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport, UnreadableAnswerError
from tests.support.audits import FilledFile, audit_settings, change_record, filled_file
from tests.support.sandbox import blocking_sandbox_process, sandbox
from tests.support.transports import InterceptingTransport, WrappedTransport, http_transport
from tools.chaos.processes import COMMAND, UNMEASURED_ENVIRONMENT

pytestmark = pytest.mark.slow

VOLUME = {"accountsPerLedger": 30, "transactionsPerAccount": 14, "ledgersPerOrganization": 2}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> FilledFile:
    """Two ledgers of 420 transactions, with a finding on the first and on the last page of each."""
    folder = tmp_path_factory.mktemp("resumed")

    def change(connection: sqlite3.Connection) -> None:
        for index in (3, -3):
            change_record(connection, "t", index, lambda record: record.__setitem__(6, "0.01"))

    filled = filled_file(folder / "sound.db", "v3.8", volume=VOLUME)
    return filled.broken(folder / "broken.db", change)


def _plain(report: AuditReport) -> AuditReport:
    """The report without what an interruption may change."""
    ledgers = tuple(replace(ledger, rechecked=0) for ledger in report.ledgers)
    return replace(report, started_at="", elapsed_s=0.0, sessions=0, requests=0, target="", ledgers=ledgers)


def _audit(settings: Settings, transport: Transport | None = None, **options: Any) -> Any:
    clock = FakeClock(start_s=time.time(), auto=True)
    overrides: dict[type, Any] = {Clock: clock}
    if transport is not None:
        overrides[Transport] = transport
    return audit_async(settings, rate_per_s=0, concurrency=2, overrides=overrides, **options)


def _state_file(folder: Path) -> Path:
    (found,) = folder.glob("audit-*/audit.json")
    return found


def _lost_after(count: int) -> Callable[[Request], Exception | None]:
    """Lose the connection of every request after the first ones."""
    sent = 0

    def answer(request: Request) -> Exception | None:
        nonlocal sent
        sent += 1
        return LostConnectionError("lost") if sent > count else None

    return answer


async def test_an_audit_that_is_interrupted_anywhere_continues_and_reports_the_same(
    file: FilledFile, tmp_path: Path
) -> None:
    async with sandbox(data=file.path) as server:
        settings = audit_settings(server.url, journal={"enabled": True, "directory": str(tmp_path)})
        whole = await _audit(settings)
        assert (whole.exit_code, whole.sessions, whole.findings_total) == (1, 1, 2)
        assert [ledger.transactions for ledger in whole.ledgers] == [420, 420]
        assert os.listdir(tmp_path) == []  # a complete audit leaves nothing
        for count in (6, 11, 17, 25, whole.requests - 3):
            real = http_transport(server.url)
            with pytest.raises(TargetError):
                await _audit(settings, InterceptingTransport(real, _lost_after(count)))
            await real.aclose()
            kept = _state_file(tmp_path)
            state = orjson.loads(kept.read_bytes())
            assert kept.stat().st_mode & 0o077 == 0
            shown: list[Any] = []
            resumed = await _audit(settings, show=shown.append)
            assert _plain(resumed) == _plain(whole)
            assert resumed.sessions == 2
            assert shown[0].resumed
            read = sum(ledger["transactions"] for ledger in state["ledgers"].values())
            # the pages that the first session read are not read again
            assert resumed.requests - state["requests"] <= whole.requests - read // 100
            assert os.listdir(tmp_path) == []


async def test_other_checks_and_restart_begin_anew(file: FilledFile, tmp_path: Path) -> None:
    async with sandbox(data=file.path) as server:
        settings = audit_settings(server.url, journal={"enabled": True, "directory": str(tmp_path)})
        real = http_transport(server.url)
        with pytest.raises(RequestFailedError):
            await _audit(settings, InterceptingTransport(real, _lost_after(20)))
        await real.aclose()
        assert (await _audit(settings, transactions=False)).sessions == 1
        assert (await _audit(settings, pending_hours=1.0)).sessions == 1
        kept = _state_file(tmp_path)
        kept.write_bytes(kept.read_bytes()[:-40])
        with pytest.raises(RunError, match="it is damaged") as raised:
            await _audit(settings)
        assert raised.value.hint == "begin the audit again with --restart"
        assert (await _audit(settings, restart=True)).sessions == 1


async def test_pages_that_cannot_be_read_become_smaller(file: FilledFile) -> None:
    def refuse(request: Request) -> Exception | None:
        """Transactions come a few at a time: more would be larger than an answer may be."""
        large = "/transactions?" in request.path and int(request.path.split("limit=")[1].split("&")[0]) > 30
        return UnreadableAnswerError("the answer is larger than 8 MiB") if large else None

    async with sandbox(data=file.path) as server:
        real = http_transport(server.url)
        report = await _audit(audit_settings(server.url), InterceptingTransport(real, refuse))
        await real.aclose()
    assert [ledger.transactions for ledger in report.ledgers] == [420, 420]
    assert report.findings_total == 2


class _WithoutCursor(WrappedTransport):
    """Drops the cursor of every request, as a gateway may that does not know it."""

    async def send(self, request: Request) -> Response:
        return await super().send(replace(request, path=re.sub("&cursor=[^&]*", "", request.path)))


async def test_cursors_that_lead_to_the_same_page_end_the_audit(file: FilledFile) -> None:
    async with sandbox(data=file.path) as server:
        real = http_transport(server.url)
        with pytest.raises(NotMidazError, match="leads back to an earlier one"):
            await _audit(audit_settings(server.url), _WithoutCursor(real))
        await real.aclose()


def test_findings_that_are_kept_are_the_same() -> None:
    findings = Findings("o", "l", "name")
    findings.note("text", account="a")
    assert Findings.from_plain(orjson.loads(orjson.dumps(findings.as_plain()))) == findings


def test_a_signal_keeps_what_was_read_and_the_same_command_says_that_it_continues(
    file: FilledFile, tmp_path: Path
) -> None:
    with blocking_sandbox_process("--data", str(file.path)) as url:
        command = [*COMMAND, "audit", url, "--json", "--runs-dir", str(tmp_path / "runs")]
        slow = subprocess.Popen(
            [*command, "--rate", "8"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=UNMEASURED_ENVIRONMENT
        )
        while not list(tmp_path.glob("runs/audit-*/lock")):
            time.sleep(0.05)
        time.sleep(1.5)
        slow.send_signal(signal.SIGTERM)
        out, err = slow.communicate(timeout=20)
        assert slow.returncode == 143, err
        document = orjson.loads(out)
        assert (document["command"], document["exit_code"]) == ("audit", 143)
        assert document["error"]["message"] == "SIGTERM: the audit was not finished; what was read is kept"
        assert document["next_step"] == "run the same command again"
        again = subprocess.run(
            [*command, "--rate", "0"], capture_output=True, env=UNMEASURED_ENVIRONMENT, timeout=60, check=False
        )
    assert again.returncode == 1, again.stderr
    assert b"Continuing the audit that was interrupted" in again.stderr
    report = orjson.loads(again.stdout)
    assert (report["sessions"], report["findings_total"]) == (2, 2)
    assert os.listdir(tmp_path) == ["runs"]
    assert os.listdir(tmp_path / "runs") == []
