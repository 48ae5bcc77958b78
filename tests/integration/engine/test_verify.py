"""The proof against servers that lag, repeat themselves or hold too much: nothing right is called wrong, and nothing
wrong is called right."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from midaz_seed.engine.ledger.verification import locate, verify_marks
from midaz_seed.errors import ExitCode
from midaz_seed.midaz.server_traits import server_of
from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Response, Transport
from midaz_seed.wiring import open_run
from tests.support.cli import run_cli
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import WrappedTransport, http_transport

Alter = Callable[[Request, Response], Response]
VOLUME = {"accountsPerLedger": 12, "transactionsPerAccount": 4, "portfoliosPerLedger": 2, "segmentsPerLedger": 2}
PATIENT = {"deadlineS": 600, "initialDelayS": 0.01, "maxDelayS": 0.05}
"""A deadline that no test waits for: what ends sooner was not late."""


class AlteringTransport(WrappedTransport):
    """A transport that alters the server's answers."""

    def __init__(self, url: str, alter: Alter) -> None:
        super().__init__(http_transport(url))
        self._alter = alter

    async def send(self, request: Request) -> Response:
        return self._alter(request, await super().send(request))


@asynccontextmanager
async def altering(url: str, alter: Alter) -> AsyncIterator[dict[type, Any]]:
    transport = AlteringTransport(url, alter)
    yield {Transport: transport}
    await transport.aclose()


async def send(url: str, method: str, path: str, body: Any = None) -> Any:
    """Somebody else's request."""
    async with altering(url, lambda _, answer: answer) as ways:
        answer = await ways[Transport].send(Request(method, path, orjson.dumps(body) if body is not None else None))
    assert answer.status < 300, answer.body
    return orjson.loads(answer.body) if answer.body else None


async def ledger_path(url: str) -> str:
    """Of the one ledger on a server."""
    (organization,) = (await send(url, "GET", "/v1/organizations"))["items"]
    base = f"/v1/organizations/{organization['id']}/ledgers"
    (ledger,) = (await send(url, "GET", base))["items"]
    return f"{base}/{ledger['id']}"


def kind_of(request: Request) -> str:
    """`GET /transactions`, `GET /transactions/*`, `HEAD /accounts/metrics/count`."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", request.path.split("?")[0])
    return f"{request.method} {path.removeprefix('/v1/organizations/*/ledgers/*') or path}"


def with_items(answer: Response, change: Callable[[list[Any]], list[Any]]) -> Response:
    envelope = orjson.loads(answer.body)
    return Response(answer.status, answer.headers, orjson.dumps(envelope | {"items": change(envelope["items"] or [])}))


def one_less(answer: Response) -> Response:
    return Response(
        answer.status, {**answer.headers, "X-Total-Count": str(int(answer.headers["X-Total-Count"]) - 1)}, b""
    )


def without_last(answer: Response) -> Response:
    return with_items(answer, lambda items: items[:-1])


def unknown(_: Response) -> Response:
    return Response(404, {}, b'{"code":"0007","title":"Entity Not Found","message":"not yet"}')


LATE = {
    "GET /v1/organizations": without_last,
    "GET /v1/organizations/*/ledgers": without_last,
    "GET /assets": without_last,
    "GET /portfolios": without_last,
    "GET /segments": without_last,
    "HEAD /accounts/metrics/count": one_less,
    "HEAD /transactions/metrics/count": one_less,
    "GET /transactions": without_last,
    "GET /transactions/*": unknown,
}


@pytest.mark.parametrize("kind", LATE)
async def test_any_read_that_is_a_moment_behind_is_asked_again(kind: str) -> None:
    seen = 0

    def lag(request: Request, answer: Response) -> Response:
        nonlocal seen
        if kind_of(request) != kind:
            return answer
        seen += 1
        return LATE[kind](answer) if seen <= 2 else answer

    async with sandbox() as server, altering(server.url, lag) as ways:
        settings = settings_for(server.url, volume=VOLUME, verification={"everyTransaction": True})
        assert (await seed_async(settings)).exit_code == 0
        report = await verify_async(settings, overrides=ways)
    assert report.exit_code == 0, render_text(report)
    assert seen > 2


@pytest.mark.parametrize("kind", ["GET /assets", "HEAD /accounts/metrics/count", "HEAD /transactions/metrics/count"])
async def test_a_read_that_never_catches_up_is_a_difference(kind: str) -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME, settlement={"deadlineS": 0.2})
        await seed_async(settings)

        def lag(request: Request, answer: Response) -> Response:
            return LATE[kind](answer) if kind_of(request) == kind else answer

        async with altering(server.url, lag) as ways:
            report = await verify_async(settings, overrides=ways)
    assert report.exit_code == ExitCode.DIFFERENCES
    assert report.proof is not None
    assert {row.what for row in report.proof.differences} <= {
        "asset",
        "asset count",
        "account count",
        "transaction count",
    }


def _repeat(**changes: Any) -> Alter:
    """The last balance comes again on a further page, which may show it otherwise."""

    def alter(request: Request, answer: Response) -> Response:
        if kind_of(request) != "GET /balances":
            return answer
        return with_items(answer, lambda items: [*items, {**items[-1], **changes}])

    return alter


async def test_a_balance_that_comes_on_two_pages_is_one_balance() -> None:
    async with sandbox() as server, altering(server.url, _repeat()) as ways:
        settings = settings_for(server.url, volume=VOLUME)
        report = await seed_async(settings, overrides=ways)
        assert report.exit_code == 0, render_text(report)
        assert report.proof is not None
        assert report.proof.balances_checked == 12 + len(build_plan(settings).ledgers[0].assets)
        assert (await verify_async(settings, overrides=ways)).exit_code == 0


LISTS = [kind for kind in LATE if kind.startswith("GET") and not kind.endswith("/transactions/*")]


@pytest.mark.parametrize("kind", LISTS)
async def test_whatever_a_list_says_twice_is_there_once(kind: str) -> None:
    def repeat(request: Request, answer: Response) -> Response:
        return with_items(answer, lambda items: [*items, *items[-1:]]) if kind_of(request) == kind else answer

    async with sandbox() as server, altering(server.url, repeat) as ways:
        settings = settings_for(server.url, volume=VOLUME, verification={"everyTransaction": True})
        await seed_async(settings)
        report = await verify_async(settings, overrides=ways)
    assert report.exit_code == 0, render_text(report)


async def test_a_second_balance_under_one_alias_is_a_difference_and_is_not_waited_for() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)
        await seed_async(settings)
        second = _repeat(id="00000000-0000-7000-8000-000000000001")
        async with altering(server.url, second) as ways:
            report = await verify_async(settings, overrides=ways)
    assert report.exit_code == ExitCode.DIFFERENCES
    assert report.proof is not None
    assert "second balance" in {row.what for row in report.proof.differences}


@pytest.mark.parametrize(
    "wrong",
    [{"available": "plenty"}, {"available": None}, {"onHold": None}, {"alias": None}, {"assetCode": 7}],
    ids=lambda wrong: str(wrong),
)
async def test_an_invalid_balance_ends_the_verification_with_a_message(wrong: dict[str, Any]) -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME)
        await seed_async(settings)

        def spoil(request: Request, answer: Response) -> Response:
            if kind_of(request) != "GET /balances":
                return answer
            return with_items(answer, lambda items: [{**items[0], **wrong}, *items[1:]])

        async with altering(server.url, spoil) as ways:
            report = await verify_async(settings, overrides=ways)
    assert report.exit_code == ExitCode.TARGET
    (name,) = wrong
    assert f"`{name}`" in report.ledgers[0].reason


async def test_a_transaction_whose_amount_is_no_number_ends_the_verification_with_a_message() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, volume=VOLUME)
        await seed_async(settings)

        def spoil(request: Request, answer: Response) -> Response:
            if kind_of(request) != "GET /transactions/*":
                return answer
            return Response(200, answer.headers, orjson.dumps(orjson.loads(answer.body) | {"amount": "some"}))

        async with altering(server.url, spoil) as ways:
            report = await verify_async(settings, overrides=ways)
    assert report.exit_code == ExitCode.TARGET
    assert "amount" in report.ledgers[0].reason


def _found(report: Report) -> set[tuple[str, str, str, str]]:
    assert report.proof is not None
    return {(row.what, row.alias, row.expected, row.actual) for row in report.proof.differences}


class TestMarks:
    """What carries the run's marks, and how often."""

    async def test_two_organizations_of_one_mark_are_a_difference_that_names_both(self) -> None:
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)
            await seed_async(settings)
            (first,) = (await send(server.url, "GET", "/v1/organizations"))["items"]
            plan = build_plan(settings).organizations[0]
            second = await send(server.url, "POST", "/v1/organizations", plan.item.payload)
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        ids = f"{first['id']}, {second['id']}"
        assert _found(report) == {("organization", plan.name, "1", f"2 organizations carry the mark of o1: {ids}")}

    async def test_two_ledgers_of_one_mark_are_a_difference(self) -> None:
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)
            await seed_async(settings)
            base = (await ledger_path(server.url)).rpartition("/")[0]
            payload = build_plan(settings).ledgers[0].item.payload
            await send(server.url, "POST", base, {**payload, "name": "another"})
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        ((what, _, expected, actual),) = _found(report)
        assert (what, expected) == ("ledger", "1")
        assert actual.startswith("2 ledgers carry the mark of o1.l1: ")

    async def test_an_unplanned_organization_of_the_run_is_a_difference(self) -> None:
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)
            await seed_async(settings)
            payload = build_plan(settings).organizations[0].item.payload
            metadata = {"seedRun": build_plan(settings).run_id, "seedKey": f"{build_plan(settings).run_id}/o9"}
            await send(server.url, "POST", "/v1/organizations", {**payload, "metadata": metadata})
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        ((what, _, expected, actual),) = _found(report)
        assert (what, expected) == ("organization", "0")
        assert actual.startswith("1 organization carries the mark of o9: ")

    async def test_a_portfolio_that_stands_in_for_another_does_not_make_the_count_right(self) -> None:
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, settlement={"deadlineS": 0.2})
            await seed_async(settings)
            path = await ledger_path(server.url)
            first, second = (await send(server.url, "GET", f"{path}/portfolios"))["items"]
            await send(server.url, "PATCH", f"{path}/portfolios/{second['id']}", {"metadata": first["metadata"]})
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert {(what, expected, actual[:11]) for what, _, expected, actual in _found(report)} == {
            ("portfolio", "present", "absent"),
            ("portfolio", "1", "2 portfolio"),
        }

    async def test_after_a_run_the_marks_are_those_that_it_filled_and_no_others(self) -> None:
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)
            await seed_async(settings)
            plan = build_plan(settings)
            target = ResolvedTarget(server.url, server.url, is_sandbox=False)
            async with open_run(settings, plan, target, emit=lambda _: None) as context, context.pool.running():
                context.findings.server = server_of("v3.8.0")
                assert await locate(context) == []
                assert await verify_marks(context) == []
                payload = plan.organizations[0].item.payload
                await send(server.url, "POST", "/v1/organizations", payload)
                (difference,) = await verify_marks(context)
        assert difference.actual.startswith("2 organizations carry the mark of o1: ")


class TestTooMuch:
    """What is too much is not late."""

    @staticmethod
    def _inflow(settings: Settings, value: str) -> dict[str, Any]:
        (ledger,) = build_plan(settings).ledgers
        code = ledger.asset_of(1).code  # no payment in it leaves the ledger, so its external account only pays
        leg = {"accountAlias": ledger.alias(1), "amount": {"asset": code, "value": value}}
        return {"send": {"asset": code, "value": value, "distribute": {"to": [leg]}}}

    async def test_more_than_its_deposit_on_an_account_ends_the_ledger_after_four_looks(self) -> None:
        looks = 0
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)

            class Meddling(AlteringTransport):
                async def send(self, request: Request) -> Response:
                    nonlocal looks
                    if kind_of(request) == "GET /balances":
                        looks += 1
                        if looks == 1:
                            path = f"{await ledger_path(server.url)}/transactions/inflow"
                            await send(server.url, "POST", path, TestTooMuch._inflow(settings, "0.07"))
                    return await super().send(request)

            transport = Meddling(server.url, lambda _, answer: answer)
            report = await seed_async(settings, overrides={Transport: transport})
            await transport.aclose()
        assert looks == 4, "two at the barrier, and two to see whether another session moves money"
        assert report.exit_code == ExitCode.DIFFERENCES
        reason, alias = report.ledgers[0].reason, build_plan(settings).ledgers[0].alias(1)
        assert "1 account of ledger o1.l1" in reason
        assert "more than planned, 0.07 " in reason
        assert alias in reason
        assert "waiting does not help" in reason
        assert next(phase.created for phase in report.phases if phase.name == Phase.TRANSFERS) == 0

    async def test_an_account_that_has_too_much_in_one_look_alone_was_read_while_it_moved(self) -> None:
        looks = 0

        def move(request: Request, answer: Response) -> Response:
            nonlocal looks
            if kind_of(request) != "GET /balances":
                return answer
            looks += 1
            if looks > 1:
                return answer
            return with_items(answer, lambda items: [{**row, "available": f"{row['available']}1"} for row in items])

        async with sandbox() as server, altering(server.url, move) as ways:
            report = await seed_async(settings_for(server.url, volume=VOLUME, settlement=PATIENT), overrides=ways)
        assert report.exit_code == 0, report.verdict

    async def test_many_accounts_with_too_much_are_named_in_part(self) -> None:
        def double(request: Request, answer: Response) -> Response:
            if kind_of(request) != "GET /balances":
                return answer
            return with_items(answer, lambda items: [{**row, "available": f"1{row['available']}"} for row in items])

        async with sandbox() as server, altering(server.url, double) as ways:
            report = await seed_async(settings_for(server.url, volume=VOLUME, settlement=PATIENT), overrides=ways)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert "12 accounts of ledger o1.l1" in report.ledgers[0].reason
        assert "and 7 more" in report.ledgers[0].reason

    @pytest.mark.parametrize("times", [1, 2])
    async def test_more_than_planned_in_the_end_is_no_reason_to_wait(self, times: int) -> None:
        """v3.3's balances may stand still behind a queue, so only what is certainly too much ends the waiting."""
        async with sandbox(dialect="v3.3", one_port=True) as server:
            settings = settings_for(server.url, volume=VOLUME, settlement=PATIENT)
            await seed_async(settings)
            path = f"{await ledger_path(server.url)}/transactions/inflow"
            for _ in range(times):
                await send(server.url, "POST", path, self._inflow(settings, "3") | {"description": str(_)})
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert {"available", "transaction count"} <= {what for what, *_ in _found(report)}

    async def test_a_transfer_too_many_is_seen_by_the_number_of_transactions_and_not_waited_for(self) -> None:
        async with sandbox() as server:
            settings = settings_for(
                server.url, volume=VOLUME, settlement=PATIENT | {"initialDelayS": 0.01, "maxDelayS": 200}
            )
            await seed_async(settings)
            item = next(build_plan(settings).ledgers[0].transfers())
            path = f"{await ledger_path(server.url)}/transactions/json"
            await send(server.url, "POST", path, orjson.loads(item.body) | {"description": "again"})
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert {"available", "transaction count"} <= {what for what, *_ in _found(report)}

    async def test_deposits_that_are_invisible_are_said_to_stand_still_when_nothing_moved(self) -> None:
        def zero(request: Request, answer: Response) -> Response:
            if kind_of(request) != "GET /balances":
                return answer
            return with_items(answer, lambda items: [{**row, "available": "0"} for row in items])

        async with sandbox() as server, altering(server.url, zero) as ways:
            settings = settings_for(server.url, volume=VOLUME, settlement={"deadlineS": 0.2})
            report = await seed_async(settings, overrides=ways)
        assert report.exit_code == ExitCode.SETTLEMENT
        assert "12 accounts" in report.ledgers[0].reason
        assert "the balances have not changed in that time" in report.ledgers[0].reason
        assert "give it longer" not in report.next_step


class TestAudit:
    """Every transaction by its mark."""

    async def test_balances_and_counts_that_agree_by_accident_do_not_pass_verification(self) -> None:
        async with sandbox() as server:
            settings = settings_for(server.url, volume=VOLUME, verification={"samplePerLedger": 0}, settlement=PATIENT)
            await seed_async(settings)
            plan, path = build_plan(settings), await ledger_path(server.url)
            rows = (await send(server.url, "GET", f"{path}/transactions?limit=100"))["items"]
            marks = {row["metadata"]["seedKey"]: row for row in rows}
            lost, kept = f"{plan.run_id}/o1.l1.t1.1", f"{plan.run_id}/o1.l1.t2.1"
            change = {"metadata": {"seedKey": kept}}
            await send(server.url, "PATCH", f"{path}/transactions/{marks[lost]['id']}", change)
            assert (await verify_async(settings)).exit_code == 0
            every = {"samplePerLedger": 0, "everyTransaction": True}
            settings = settings_for(server.url, volume=VOLUME, verification=every, settlement=PATIENT)
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert _found(report) >= {
            ("transaction", "o1.l1.t1.1", "once", "absent"),
            ("transaction", "o1.l1.t2.1", "once", "twice"),
        }

    async def test_an_unplanned_transaction_of_the_run_is_found(self) -> None:
        async with sandbox() as server:
            settings = settings_for(
                server.url, volume=VOLUME, verification={"everyTransaction": True}, settlement=PATIENT
            )
            await seed_async(settings)
            plan, path = build_plan(settings), await ledger_path(server.url)
            rows = (await send(server.url, "GET", f"{path}/transactions?limit=100"))["items"]
            change = {"metadata": {"seedKey": f"{plan.run_id}/o1.l1.t99.9"}}
            await send(server.url, "PATCH", f"{path}/transactions/{rows[0]['id']}", change)
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert ("transaction", "o1.l1.t99.9", "absent", "present") in _found(report)

    async def test_a_record_with_another_amount_is_found(self) -> None:
        async with sandbox() as server:
            settings = settings_for(
                server.url,
                volume=VOLUME,
                verification={"everyTransaction": True, "samplePerLedger": 0},
                settlement=PATIENT,
            )
            await seed_async(settings)

            def spoil(request: Request, answer: Response) -> Response:
                if kind_of(request) != "GET /transactions":
                    return answer
                return with_items(answer, lambda items: [{**items[0], "amount": "0.01"}, *items[1:]])

            async with altering(server.url, spoil) as ways:
                report = await verify_async(settings, overrides=ways)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert {what for what, *_ in _found(report)} == {"transaction amount"}

    @pytest.mark.parametrize("pack", [1, 3])
    @pytest.mark.parametrize("dialect", ["v3.3", "v3.8", "v4"])
    async def test_a_ledger_is_read_through_where_everything_is_wanted_and_found_right(
        self, dialect: str, pack: int
    ) -> None:
        async with sandbox(dialect=dialect, one_port=True) as server:
            settings = settings_for(
                server.url,
                volume=VOLUME,
                verification={"everyTransaction": True},
                batches={"transactionsPerBatch": pack},
            )
            report = await seed_async(settings)
        assert report.exit_code == 0, render_text(report)
        assert report.proof is not None
        assert report.proof.transactions_read == report.transactions
        assert report.movements == 48

    def test_the_command_reads_every_transaction_when_it_is_asked_to(self, tmp_path: Path) -> None:
        volume = ["--accounts", "12", "--transactions", "4", "--organizations", "1", "--ledgers", "1"]
        where = ["--target", "sandbox", "--sandbox-data", str(tmp_path / "ledger.sqlite"), *volume, "--json", "-q"]
        for command, read in ((["run"], 10), (["verify"], 10), (["verify", "--every-transaction"], 48)):
            said = run_cli(*command, *where)
            assert said.returncode == 0, said.stderr
            assert orjson.loads(said.stdout)["proof"]["transactions_read"] == read

    async def test_no_ledger_is_read_through_when_nothing_was_in_doubt(self) -> None:
        async with sandbox() as server:
            await seed_async(settings_for(server.url, volume=VOLUME))
            assert server.app.statistics.requests["GET", "transactions"] <= 10  # the sample, by id

    async def test_what_there_was_no_time_for_is_expected_to_be_absent(self) -> None:
        slow = {"on": "transactions", "methods": ["POST"], "to_s": 5.0, "capacity": {"at_once": 2, "ms": 4}}
        volume = {"accountsPerLedger": 40, "transactionsPerAccount": 40}
        async with sandbox({"rules": [slow]}) as server:
            settings = settings_for(
                server.url,
                volume=volume,
                verification={"everyTransaction": True},
                limits={"durationS": 2.0},
            )
            report = await seed_async(settings)
        assert report.exit_code == 0, render_text(report)
        assert 0 < report.plan_done_percent < 100

    async def test_a_rejected_transaction_is_reported_once_and_not_again_as_absent(self) -> None:
        def refuse(request: Request, answer: Response) -> Response:
            return answer

        class Refusing(AlteringTransport):
            async def send(self, request: Request) -> Response:
                if request.body is not None and b"o1.l1.t3.1" in request.body:
                    return Response(422, {}, b'{"code":"0024","title":"t","message":"closed"}')
                return await super().send(request)

        async with sandbox() as server:
            settings = settings_for(
                server.url, volume=VOLUME, verification={"everyTransaction": True, "samplePerLedger": 0}
            )
            transport = Refusing(server.url, refuse)
            report = await seed_async(settings, overrides={Transport: transport})
            await transport.aclose()
        assert report.exit_code == ExitCode.DIFFERENCES
        assert {what for what, *_ in _found(report)} == {"available", "transaction count"}


STUCK = {"on": "transactions", "methods": ["POST"], "rate": 0.04, "stuck": {"applied": 1.0, "visible_after_s": 3000}}
STUCK_SETTINGS: dict[str, Any] = {
    "volume": {"accountsPerLedger": 24, "transactionsPerAccount": 6},
    "idempotency": {"ttlS": 10, "marginS": 9},
    "settlement": {"deadlineS": 2},
    "verification": {"samplePerLedger": 144},
}


class TestUnlisted:
    """Made, as the balances show, and not in the server's list."""

    async def test_a_crash_is_seen_by_what_it_leaves_and_the_report_says_so(self) -> None:
        async with sandbox({"seed": 1, "rules": [STUCK]}) as server:
            report = await seed_async(settings_for(server.url, **STUCK_SETTINGS))
            stuck = server.faults.injected["stuck"]
        assert report.exit_code == 0, render_text(report)
        assert report.proof is not None
        assert stuck > 1
        assert report.proof.transactions_unlisted == stuck
        said = " ".join(render_text(report).split())
        assert f"{stuck} transactions that the balances include are not in the server's list yet" in said
        assert "`midaz-seed verify` checks them again" in said

    async def test_an_absent_transaction_that_was_never_in_doubt_is_not_excused(self) -> None:
        hidden = ""

        def hide(request: Request, answer: Response) -> Response:
            nonlocal hidden
            kind = kind_of(request)
            if kind == "HEAD /transactions/metrics/count":
                return one_less(answer)
            if kind == "GET /transactions" and not hidden:
                hidden = orjson.loads(answer.body)["items"][0]["id"]
            if kind == "GET /transactions/*":
                return unknown(answer) if hidden and hidden in request.path else answer
            if kind == "GET /transactions":
                return with_items(answer, lambda items: [row for row in items if row["id"] != hidden])
            return answer

        async with sandbox({"seed": 1, "rules": [STUCK]}) as server, altering(server.url, hide) as ways:
            report = await seed_async(settings_for(server.url, **STUCK_SETTINGS), overrides=ways)
            stuck = server.faults.injected["stuck"]
        assert report.exit_code == ExitCode.DIFFERENCES
        assert report.proof is not None
        assert report.proof.transactions_unlisted == 0
        absent = {row for row in _found(report) if row[2:] == ("once", "absent")}
        assert len(absent) == stuck + 1
        said = " ".join(render_text(report).split())
        assert "if the server has crashed, it lists them within an hour" in said

    async def test_a_verification_alone_excuses_nothing_and_says_when_to_verify_again(self) -> None:
        async with sandbox({"seed": 1, "rules": [STUCK]}) as server:
            settings = settings_for(server.url, **STUCK_SETTINGS)
            await seed_async(settings)
            report = await verify_async(settings)
        assert report.exit_code == ExitCode.DIFFERENCES
        assert {what for what, *_ in _found(report)} == {"transaction count", "transaction"}
        said = " ".join(render_text(report).split())
        assert "only records are missing: if the server has crashed, it lists them within an hour" in said
