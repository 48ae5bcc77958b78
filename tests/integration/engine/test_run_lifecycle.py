"""Runs with holds, follow-ups, refusals, frozen accounts and parents, against each dialect."""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from midaz_seed.clock import Clock, ShiftedClock, SystemClock
from midaz_seed.engine.context import RunContext
from midaz_seed.errors import ExitCode
from midaz_seed.plan.items import Kind, Movement, Phase
from midaz_seed.plan.plan import Plan
from midaz_seed.reporting.events import Event, PhaseStarted
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.report_figures import PhaseReport
from midaz_seed.runner import seed_async
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport
from tests.support.kills import run_until_killed
from tests.support.lifecycle import FROZEN, VOLUME, Items, Writer, hand_made, seed_plan
from tests.support.sandbox import sandbox
from tests.support.settings import SHORT_PAUSES, merge, settings_for
from tests.support.transports import InterceptingTransport, MiddlewareTransport, http_transport

DIALECTS = ["v3.3", "v3.8", "v4"]


def phase_of(report: Report, phase: Phase) -> PhaseReport:
    return next(each for each in report.phases if each.name == phase)


@pytest.mark.parametrize(
    ("dialect", "metadata"), [("v3.3", "full"), ("v3.8", "full"), ("v4", "full"), ("v3.8", "none"), ("v4", "mark")]
)
async def test_every_kind_of_transaction_is_made_as_planned_and_every_refusal_refused(
    dialect: str, metadata: str, tmp_path: Path
) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME, data={"metadata": metadata})
        plan = hand_made(settings, with_blocks=dialect != "v3.3")
        report = await seed_plan(settings, plan)
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        assert phase_of(report, Phase.FOLLOW_UPS).created == plan.counts[Phase.FOLLOW_UPS]
        refusals = phase_of(report, Phase.REFUSALS)
        assert (refusals.refused, refusals.failed, refusals.requests) == (6, 0, 12)
        assert report.failed_items_total == 0
        again = await seed_plan(settings, plan)
        assert (again.exit_code, again.proof and again.proof.differences) == (0, ()), again.verdict
        assert phase_of(again, Phase.FOLLOW_UPS).existing == plan.counts[Phase.FOLLOW_UPS]
        assert phase_of(again, Phase.REFUSALS).requests == 0


@pytest.mark.parametrize(
    ("dialect", "metadata"), [("v3.3", "full"), ("v3.8", "full"), ("v4", "full"), ("v3.3", "none"), ("v4", "none")]
)
async def test_a_run_that_is_killed_anywhere_is_finished_by_the_next_without_a_difference(
    dialect: str, metadata: str, tmp_path: Path
) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        chance = random.Random(dialect)
        for number in range(4):
            settings = settings_for(
                server.url,
                runs=tmp_path,
                volume=VOLUME,
                seed=number + 1,
                limits={"maxConcurrency": 4},
                data={"metadata": metadata},
            )
            plan = hand_made(settings, number, rounds=1, with_blocks=dialect != "v3.3")
            # the 14 entities first; the last twelve requests are the refusals, each sent twice
            await run_until_killed(settings, chance.randint(15, 50), reaches=number % 2 == 0, plan=plan)
            await run_until_killed(settings, chance.randint(1, 2), reaches=number < 2, plan=plan)
            report = await seed_plan(settings, plan)
            assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict


Send = Callable[[], Awaitable[Response]]


async def _run_through(
    handle: Callable[[Request, Send], Awaitable[Response]], settings: Settings, plan: Plan
) -> Report:
    transport = MiddlewareTransport(http_transport(settings.target.base_url), handle)
    try:
        return await seed_plan(settings, plan, overrides={Transport: transport})
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    ("dialect", "metadata"), [("v3.3", "full"), ("v3.8", "full"), ("v4", "full"), ("v3.8", "none")]
)
async def test_follow_ups_and_refusals_whose_requests_or_answers_are_lost_are_carried_out_once(
    dialect: str, metadata: str, tmp_path: Path
) -> None:
    chance = random.Random(dialect)

    async def lose(request: Request, send: Send) -> Response:
        if request.method != "POST" or "/transactions/" not in request.path or chance.random() > 0.4:
            return await send()
        if chance.random() < 0.7:
            await send()
        raise LostConnectionError("reset")

    async with sandbox(dialect=dialect, one_port=True) as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME, data={"metadata": metadata})
        plan = hand_made(settings, 5, rounds=2, with_blocks=dialect != "v3.3")
        report = await _run_through(lose, settings, plan)
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        assert phase_of(report, Phase.FOLLOW_UPS).recovered > 0
        assert phase_of(report, Phase.REFUSALS).refused == 6


async def test_refusals_are_sent_evenly_among_transfers_without_dates() -> None:
    statuses: list[int] = []

    async def note(request: Request, send: Send) -> Response:
        response = await send()
        if request.method == "POST" and "/transactions/" in request.path:
            statuses.append(response.status)
        return response

    async with sandbox() as server:
        case = {"scenario": "contention#refused-10", "volume": {"customers": 9, "movements": 27}}
        own = {"target": {"baseUrl": server.url}, "generation": {"limits": {"maxConcurrency": 1}}}
        settings = Settings.model_validate(merge(SHORT_PAUSES, case, own, {"journal": {"enabled": False}}))
        transport = MiddlewareTransport(http_transport(server.url), note)
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
    assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
    assert [status == 201 for status in statuses[-33:]] == ([True] * 9 + [False] * 2) * 3, "each is sent twice"
    assert phase_of(report, Phase.REFUSALS).busy_s == pytest.approx(phase_of(report, Phase.TRANSFERS).busy_s, rel=0.2)


async def test_a_transaction_that_is_accepted_although_it_must_be_refused_is_a_difference() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME)
        (ledger,) = hand_made(settings).ledgers
        write = Writer(ledger, hand_made(settings).run_id)
        accepted = write.item([Movement(0, 2, 1)], phase=Phase.REFUSALS, refusal="insufficient-funds")
        report = await seed_plan(settings, hand_made(settings, items=Items([], [], [accepted])))
        assert report.exit_code == ExitCode.DIFFERENCES
        assert report.proof is not None
        found = {(row.what, row.alias, row.expected, row.actual) for row in report.proof.differences}
        assert ("refusal", accepted.key, "refused with 0018 (insufficient-funds)", "accepted") in found
        assert ("available", ledger.alias(0)) in {each[:2] for each in found}
        assert phase_of(report, Phase.REFUSALS).failed == 1


async def test_a_refusal_with_another_code_is_a_difference_and_every_balance_is_right() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME)
        (ledger,) = hand_made(settings).ledgers
        refused = Writer(ledger, hand_made(settings).run_id).refused("unequal-sides")._replace(refusal="future")
        report = await seed_plan(settings, hand_made(settings, items=Items([], [], [refused])))
        assert report.exit_code == ExitCode.DIFFERENCES
        assert report.proof is not None
        assert [(row.what, row.expected, row.actual) for row in report.proof.differences] == [
            ("refusal", "refused with 0121 (future)", "refused with 0073")
        ]


async def test_refusals_as_planned_open_no_breaker_and_spend_no_error_budget(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME, breaker={"failures": 1}, errorBudgetPercent=0)
        report = await seed_plan(settings, hand_made(settings))
        assert (report.exit_code, report.breaker_opened, report.error_rate_percent, report.errors) == (0, 0, 0, ())
    assert not [path for path in tmp_path.rglob("rejects.jsonl*") if path.stat().st_size]  # noqa: ASYNC240


@pytest.mark.parametrize("kind", [Kind.COMMIT, Kind.CANCEL, Kind.REVERT])
async def test_a_follow_up_of_a_transaction_that_was_not_made_is_skipped(kind: Kind) -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME)
        (ledger,) = hand_made(settings).ledgers
        write = Writer(ledger, hand_made(settings).run_id)
        first = write.item([Movement(0, 2, 5)], kind=Kind.DIRECT if kind is Kind.REVERT else Kind.PENDING)
        plan = hand_made(settings, items=Items([first], [write.follow(first, kind)], []))
        broke = Response(422, {}, b'{"code":"0018","title":"Insufficient Funds","message":"not enough"}')
        transport = InterceptingTransport(
            http_transport(server.url), lambda request: broke if request.body == first.body else None
        )
        report = await seed_plan(settings, plan, overrides={Transport: transport})
        await transport.aclose()
        follow_ups = phase_of(report, Phase.FOLLOW_UPS)
        assert (follow_ups.skipped, follow_ups.requests) == (1, 0)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert (await seed_plan(settings, plan)).exit_code == 0


async def test_a_commit_of_a_transaction_that_somebody_cancelled_fails_and_its_balances_are_differences() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME)
        (ledger,) = hand_made(settings).ledgers
        write = Writer(ledger, hand_made(settings).run_id)
        first = write.item([Movement(0, 2, 5)], kind=Kind.PENDING)
        plan = hand_made(settings, items=Items([first], [write.follow(first, Kind.COMMIT)], []))

        async def cancel_first(request: Request, send: Send) -> Response:
            if request.path.endswith("/commit"):
                request.path = request.path.replace("/commit", "/cancel")
            return await send()

        report = await _run_through(cancel_first, settings, plan)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert phase_of(report, Phase.FOLLOW_UPS).failed == 1
        assert report.proof is not None
        assert {row.what for row in report.proof.differences} == {"available", "transaction status"}


async def test_holds_that_somebody_changed_are_found_by_a_verification(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME, verification={"everyTransaction": True})
        (ledger,) = hand_made(settings).ledgers
        write = Writer(ledger, hand_made(settings).run_id)
        stays = write.item([Movement(0, 2, 5)], kind=Kind.PENDING)
        plan = hand_made(settings, items=Items([stays], [], []))
        assert (await seed_plan(settings, plan)).exit_code == 0
        assert (await seed_plan(settings, plan, verify_only=True)).exit_code == 0
        ids = await _id_of(server.url, stays.key)
        await _post(server.url, f"{ids}/commit")
        report = await seed_plan(settings, plan, verify_only=True)
        assert report.proof is not None
        found = {(row.what, row.alias, row.expected, row.actual) for row in report.proof.differences}
        assert ("on hold", ledger.alias(0), "0.05", "0") in found
        assert ("transaction status", stays.key, "PENDING", "APPROVED") in found


async def test_frozen_accounts_may_not_send_and_received_their_deposit(tmp_path: Path) -> None:
    begun: list[Phase] = []
    patched: list[Phase] = []

    def emit(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            begun.append(event.phase)

    def note(request: Request) -> None:
        if request.method == "PATCH":
            patched.append(begun[-1])

    async with sandbox() as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME)
        plan = hand_made(settings, items=Items([], [], []))
        transport = InterceptingTransport(http_transport(server.url), note)
        for _ in range(2):
            report = await seed_plan(settings, plan, emit=emit, overrides={Transport: transport})
            assert report.exit_code == 0, report.verdict
        await transport.aclose()
        assert patched == [Phase.ACCOUNTS]
        (ledger,) = plan.ledgers
        frozen = hand_made(settings, items=Items([], [], []), frozen=[FROZEN, 0])
        wrong = await seed_plan(settings, frozen, verify_only=True)
        assert wrong.proof is not None
        assert [(row.what, row.alias, row.expected, row.actual) for row in wrong.proof.differences] == [
            ("sending", ledger.alias(0), "not allowed", "allowed")
        ]


@pytest.mark.parametrize("posts", [30, 36, 45])
async def test_what_the_time_limit_leaves_out_is_expected_in_no_balance_and_made_by_the_next_session(
    posts: int, tmp_path: Path
) -> None:
    contexts: list[RunContext] = []
    seen = 0

    def close(request: Request) -> None:
        nonlocal seen
        seen += request.method == "POST"
        if seen == posts:
            contexts[0].close()

    async with sandbox() as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME, limits={"maxConcurrency": 3})
        plan = hand_made(settings, 2, rounds=1)
        transport = InterceptingTransport(http_transport(server.url), close)
        report = await seed_plan(settings, plan, opened=contexts.append, overrides={Transport: transport})
        await transport.aclose()
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        assert report.plan_done_percent < 100
        assert report.verdict.startswith("Time was up")
        report = await seed_plan(settings, plan)
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        assert report.plan_done_percent == 100


async def test_an_annotation_that_was_not_made_is_in_doubt_until_the_list_would_show_it(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = settings_for(
            server.url,
            runs=tmp_path,
            volume=VOLUME,
            limits={"maxConcurrency": 1},
            idempotency={"ttlS": 60, "marginS": 20},
            settlement={"deadlineS": 1},
        )
        (ledger,) = hand_made(settings).ledgers
        write = Writer(ledger, hand_made(settings).run_id)
        notes = [write.item([Movement(0, 2, 5)], kind=Kind.ANNOTATION, endpoint="annotation") for _ in range(2)]
        plan = hand_made(settings, items=Items(notes, [], []))
        await run_until_killed(settings, 14 + plan.counts[Phase.DEPOSITS] + 2, reaches=False, plan=plan)
        clock = ShiftedClock(SystemClock())
        clock.advance(120.0)  # the key has expired, and a server that crashed may list it only later
        report = await seed_plan(settings, plan, overrides={Clock: clock})
        assert report.exit_code == ExitCode.SETTLEMENT, report.verdict
        clock.advance(7200.0)
        report = await seed_plan(settings, plan, overrides={Clock: clock})
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict


async def _id_of(url: str, key: str) -> str:
    """The path of the transaction of a planned item."""
    transport = http_transport(url)
    organization = (await _items(transport, "/v1/organizations"))[0]["id"]
    ledgers = f"/v1/organizations/{organization}/ledgers"
    ledger = (await _items(transport, ledgers))[0]["id"]
    path = f"{ledgers}/{ledger}/transactions"
    found = [row for row in await _items(transport, f"{path}?limit=100") if row["metadata"]["seedKey"].endswith(key)]
    await transport.aclose()
    return f"{path}/{found[0]['id']}"


async def _items(transport: Transport, path: str) -> list[dict[str, str]]:
    return list(orjson.loads((await transport.send(Request("GET", path))).body)["items"])


async def _post(url: str, path: str) -> None:
    transport = http_transport(url)
    assert (await transport.send(Request("POST", path, b""))).status == 201
    await transport.aclose()
