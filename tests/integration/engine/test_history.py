"""Runs whose movements have dates: every account's history is right, and what is wrong is reported."""

import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import orjson
import pytest

from midaz_seed.engine.context import RunContext
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_findings import HistoryReport
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.combinations import combinations
from tests.support.history import history_settings
from tests.support.kills import run_until_killed
from tests.support.sandbox import sandbox
from tests.support.transports import InterceptingTransport, MiddlewareTransport, Send, http_transport

pytestmark = pytest.mark.slow

JITTER = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 6, "spread_ms": 5}}]}
"""Reorders what is in flight at the same time."""
EVERY_DAY = "[8 random days]"


def _history(report: Report) -> HistoryReport:
    assert report.proof is not None
    assert report.proof.history is not None
    return report.proof.history


def _assert_right(report: Report, *, days: int) -> None:
    assert report.exit_code == 0, (report.verdict, report.proof)
    history = _history(report)
    assert len(history.days) == days
    assert history.balances == history.accounts * days
    assert history.statements > 0
    assert history.lines > 0
    assert history.lines_out_of_step == 0
    assert history.skipped == ""


@pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
async def test_a_history_is_right_on_every_version_and_verify_finds_the_same(dialect: str, tmp_path: Path) -> None:
    has_history = dialect != "v3.3"
    async with sandbox(JITTER, dialect=dialect) as server:
        target = {"target": {"transactionUrl": server.transaction_url}}
        settings = history_settings(server.url, tmp_path, as_of=EVERY_DAY if has_history else "[]", **target)
        report = await seed_async(settings)
        _assert_right(report, days=8 if has_history else 0)
        again = await verify_async(settings)
        _assert_right(again, days=8 if has_history else 0)
        assert again.proof is not None
        assert again.proof.transactions_read >= 10  # also what is dated before the last months


async def test_movements_sent_in_free_order_leave_a_history_that_verify_reports(tmp_path: Path) -> None:
    slow = {"rules": [{"on": "transactions", "methods": ["POST"], "latency": {"ms": 20, "spread_ms": 19}}]}
    async with sandbox(slow) as server:
        run_id = {"runId": "either"}
        free = history_settings(server.url, tmp_path, order="free", as_of=EVERY_DAY, **run_id)
        report = await seed_async(free)
        assert report.exit_code == 0
        assert _history(report).skipped == "the movements were sent in free order"
        exact = history_settings(server.url, tmp_path, as_of=EVERY_DAY, **run_id)
        found = await verify_async(exact)
        assert found.exit_code == 1
        assert found.proof is not None
        assert any(row.what.startswith("balance at 2025-") for row in found.proof.differences)
        assert "accounts at 8 dates were compared" in render_text(found)


async def test_free_order_too_sends_a_day_when_what_funds_it_was_answered(tmp_path: Path) -> None:
    in_flight: Counter[str] = Counter()
    together: list[set[str]] = []

    async def note(request: Request, send: Send) -> Response:
        dated = re.search(rb'"transactionDate":"([^"]+)"', request.body or b"")
        if dated is None:
            return await send()
        day = (datetime.fromisoformat(dated[1].decode()) - timedelta(hours=3)).date().isoformat()  # in São Paulo
        in_flight[day] += 1
        together.append(set(+in_flight))
        try:
            return await send()
        finally:
            in_flight[day] -= 1

    async with sandbox(JITTER) as server:
        wire = http_transport(server.url)
        settings = history_settings(server.url, tmp_path, order="free")
        report = await seed_async(settings, overrides={Transport: MiddlewareTransport(wire, note)})
        await wire.aclose()
    assert report.exit_code == 0
    assert len(set.union(*together)) >= 8
    assert [days for days in together if len(days) > 1] == []


@pytest.mark.parametrize(("posts", "reaches"), combinations([75, 90, 170, 290], [True, False], step=2))
async def test_a_history_is_right_after_a_kill_at_any_request(posts: int, reaches: bool, tmp_path: Path) -> None:
    async with sandbox(JITTER) as server:
        settings = history_settings(server.url, tmp_path, runs=tmp_path / "runs", as_of=EVERY_DAY)
        await run_until_killed(settings, posts, reaches=reaches)
        _assert_right(await seed_async(settings), days=8)


async def test_a_history_is_right_where_answers_are_lost(tmp_path: Path) -> None:
    cut = {"on": "transactions", "methods": ["POST"], "rate": 0.2, "reset": {"when": "after"}}
    lost = {**cut, "reset": {"when": "before"}}
    async with sandbox({"seed": 3, "rules": [cut, lost, *JITTER["rules"]]}) as server:
        settings = history_settings(
            server.url, tmp_path, as_of=EVERY_DAY, generation={"retries": {"max": 1}}, breaker={"failures": 1000}
        )
        report = await seed_async(settings)
        assert sum(phase.doubts_applied + phase.doubts_not_applied for phase in report.phases) > 0
        _assert_right(report, days=8)


async def test_accounts_of_a_transaction_that_a_crash_keeps_from_the_list_are_left_out_and_named(
    tmp_path: Path,
) -> None:
    """The server computes a history from its records, and this one follows an hour later."""
    stuck = {"on": "transactions", "methods": ["POST"], "from_request": 300, "to_request": 303}
    rule = {**stuck, "stuck": {"applied": 1.0, "visible_after_s": 3000}}
    async with sandbox({"rules": [rule]}) as server:
        settings = history_settings(server.url, tmp_path, runs=tmp_path / "runs", as_of=EVERY_DAY)
        report = await seed_async(settings)
        assert server.faults.injected["stuck"] == 4
        assert report.exit_code == 0, (report.verdict, report.proof)
        assert report.proof is not None
        assert report.proof.transactions_unlisted == 4
        history = _history(report)
        assert re.fullmatch(
            r"no history of [1-9] accounts, because the server does not list all their transactions yet",
            history.skipped,
        )
        assert history.balances == history.accounts * 8
        assert history.accounts < report.proof.balances_checked
        assert history.statements > 0
        assert f"history: not all compared: {history.skipped}" in " ".join(render_text(report).split())


async def test_a_run_that_time_cuts_short_compares_the_days_that_are_complete(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = history_settings(server.url, tmp_path, runs=tmp_path / "runs", as_of=EVERY_DAY)
        runs: list[RunContext] = []
        sent = 0

        async def watch(context: RunContext) -> None:
            runs.append(context)
            await anyio.sleep_forever()

        def close(request: Request) -> Response | None:
            nonlocal sent
            sent += request.method == "POST" and "/transactions/" in request.path
            if sent == 150:
                runs[0].close()
            return None

        wire = http_transport(server.url)
        report = await seed_async(settings, watch=watch, overrides={Transport: InterceptingTransport(wire, close)})
        await wire.aclose()
        assert report.proof is not None
        assert report.proof.ok, report.proof.differences
        assert 0 < len(_history(report).days) < 8
        _assert_right(await seed_async(settings), days=8)


async def test_a_rejected_movement_is_no_difference_of_the_days_after_it_and_one_made_late_is(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = history_settings(server.url, tmp_path, runs=tmp_path / "runs", as_of=EVERY_DAY)
        (ledger,) = build_plan(settings).ledgers
        rejected = next(item for item in ledger.transactions(Phase.TRANSFERS))

        def answer(request: Request) -> Response | None:
            if request.method != "POST" or not request.body or rejected.mark not in request.body:
                return None
            body = {"code": "0018", "title": "Insufficient Funds Error", "message": "no funds"}
            return Response(422, {"Content-Type": "application/json"}, orjson.dumps(body))

        wire = http_transport(server.url)
        report = await seed_async(settings, overrides={Transport: InterceptingTransport(wire, answer)})
        await wire.aclose()
        assert report.exit_code == 1
        assert report.proof is not None
        assert {row.what for row in report.proof.differences} <= {"available", "transaction count", "transaction"}
        assert len(_history(report).days) == 8
        late = await seed_async(settings)
        assert late.exit_code == 1
        assert late.proof is not None
        (day,) = [row for row in late.proof.differences if row.what.startswith("history of")]
        assert day.what == "history of 2025-02-03"
        assert re.fullmatch(r"[0-9]+ sent after later days had begun", day.actual)
