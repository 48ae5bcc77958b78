"""One world of each run, whatever is lost, late, changed on its way, or done twice at the same moment."""

from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from midaz_seed.errors import NotMidazError, RunError, SeedError
from midaz_seed.plan.items import Entity
from midaz_seed.plan.plan import build_plan
from midaz_seed.reporting.report import Report
from midaz_seed.runner import seed_async, verify_async
from midaz_seed.sandbox import SandboxServer
from midaz_seed.settings.model import Settings
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport
from tests.support.combinations import combinations
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import MiddlewareTransport, Send, http_transport

pytestmark = pytest.mark.slow

VOLUME = {"accountsPerLedger": 6, "transactionsPerAccount": 4, "portfoliosPerLedger": 2, "ledgersPerOrganization": 2}
MISSING = Response(404, {}, b'{"code":"0007","title":"Entity Not Found","message":"no"}')
INGRESS = {
    "html": Response(404, {}, b"<html>404 Not Found</html>"),
    "empty": Response(404, {}, b""),
    "json": Response(404, {}, b'{"message":"no Route matched with those values"}'),
    "router": Response(404, {}, b'{"code":404,"title":"request_failed","message":"Cannot GET /"}'),
}


async def _seed(settings: Settings, handle: Callable[[Request, Send], Awaitable[Response]]) -> Report:
    transport = MiddlewareTransport(http_transport(settings.target.base_url), handle)
    try:
        return await seed_async(settings, overrides={Transport: transport})
    finally:
        await transport.aclose()


_settings = partial(settings_for, volume=VOLUME)


async def _marks(server: SandboxServer) -> dict[str, Counter[str]]:
    """How often each mark stands on the server, by kind."""
    wire = http_transport(server.url)

    async def rows(path: str, cursor: str = "") -> list[dict[str, Any]]:
        page = orjson.loads((await wire.send(Request("GET", f"{path}?limit=100{cursor}"))).body)
        more = await rows(path, f"&cursor={page['next_cursor']}") if page.get("next_cursor") else []
        return [*(page["items"] or []), *more]

    found: dict[str, Counter[str]] = {}

    async def note(path: str) -> list[str]:
        kind, those = path.rpartition("/")[2], await rows(path)
        ours = [row["metadata"]["seedKey"] for row in those if row.get("metadata")]
        found[kind] = found.get(kind, Counter()) + Counter(ours)
        return [f"{path}/{row['id']}" for row in those]

    for organization in await note("/v1/organizations"):
        for ledger in await note(f"{organization}/ledgers"):
            for kind in ("assets", "portfolios", "segments", "accounts", "transactions"):
                await note(f"{ledger}/{kind}")
    await wire.aclose()
    return found


async def _assert_one_of_each(server: SandboxServer, settings: Settings) -> None:
    found = await _marks(server)
    twice = {kind: [mark for mark, times in marks.items() if times > 1] for kind, marks in found.items()}
    assert not any(twice.values()), twice
    counts, plan = {kind: len(marks) for kind, marks in found.items()}, build_plan(settings)
    assert counts["organizations"] == len(plan.organizations)
    assert counts["ledgers"] == len(plan.ledgers)
    assert counts["portfolios"] == plan.counts["portfolios"]


# ---- reads


@pytest.mark.parametrize(("answer", "times"), combinations([*INGRESS], [5, 1000], step=2))
async def test_a_404_that_no_midaz_wrote_never_creates_a_second_organization(
    answer: str, times: int, tmp_path: Path
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await seed_async(settings)
        seen = count()

        async def ingress(request: Request, send: Send) -> Response:
            asks = request.method == "GET" and request.path.startswith("/v1")
            return INGRESS[answer] if asks and next(seen) < times else await send()

        if times == 5:
            assert (await _seed(settings, ingress)).exit_code == 0
        else:
            with pytest.raises(SeedError, match="is not from Midaz"):
                await _seed(settings, ingress)
        await _assert_one_of_each(server, settings)
        assert server.app.statistics.requests["POST", "organizations"] == 1


async def test_an_organization_that_is_missing_by_id_and_listed_by_mark_is_a_contradiction(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path)
        await seed_async(settings)

        async def by_id(request: Request, send: Send) -> Response:
            return MISSING if request.method == "GET" and "organizations/" in request.path else await send()

        with pytest.raises(RunError, match="contradicts itself"):
            await _seed(settings, by_id)

        async def lists_too(request: Request, send: Send) -> Response:
            if request.method == "GET" and request.path.split("?")[0] == "/v1/organizations":
                return Response(200, {}, b'{"items":null,"limit":100,"page":1}')
            return await by_id(request, send)

        with pytest.raises(RunError, match="lists none, but counts 1"):
            await _seed(settings, lists_too)
        assert server.app.statistics.requests["POST", "organizations"] == 1
        assert (await seed_async(settings)).exit_code == 0


async def test_an_organization_that_is_missing_for_a_moment_and_in_no_list_is_not_gone(tmp_path: Path) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, runs=tmp_path, settlement={"deadlineS": 1})
        await seed_async(settings)
        seen = count()

        async def at_first(request: Request, send: Send) -> Response:
            if request.method == "GET" and "organizations/" in request.path and next(seen) == 0:
                return MISSING
            if request.path.startswith("/v1/organizations?limit=100"):
                return Response(200, {}, b'{"items":null,"limit":100}')
            if request.method == "HEAD" and "organizations/metrics" in request.path:
                return Response(204, {"X-Total-Count": "0"}, b"")
            return await send()

        report = await _seed(settings, at_first)
        assert report.exit_code == 1  # its lists still lack the organization
        assert report.proof is not None
        assert {(row.what, row.actual) for row in report.proof.differences} == {("organization", "absent")}
        await _assert_one_of_each(server, settings)
        assert server.app.statistics.requests["POST", "organizations"] == 1


@pytest.mark.parametrize(
    ("kind", "answer"),
    combinations(["organizations", "transactions", "balances", "ledgers"], ["html", "a Midaz's"], step=2),
)
async def test_a_list_that_answers_404_once_is_not_empty(kind: str, answer: str) -> None:
    async with sandbox() as server:
        settings = _settings(server.url)
        await seed_async(settings)
        seen: set[str] = set()

        async def once(request: Request, send: Send) -> Response:
            path = request.path.split("?")[0]
            if request.method == "GET" and path.endswith(kind) and path not in seen:
                seen.add(path)
                return INGRESS.get(answer, MISSING)
            return await send()

        report = await _seed(settings, once)
        assert seen
        assert report.exit_code == 0, report.verdict
        await _assert_one_of_each(server, settings)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items":{}}', b'{"items":[1]}', b"null", b'{"items":['])
async def test_a_success_that_is_no_list_is_asked_again_and_in_the_end_no_midaz(body: bytes) -> None:
    async with sandbox() as server:
        settings = _settings(server.url)
        await seed_async(settings)
        left = {"times": 3}

        async def odd(request: Request, send: Send) -> Response:
            if request.method == "GET" and request.path.startswith("/v1") and left["times"] > 0:
                left["times"] -= 1
                return Response(200, {}, body)
            return await send()

        assert (await _seed(settings, odd)).exit_code == 0
        left["times"] = 10**6
        with pytest.raises(NotMidazError, match="not the answer of a Midaz"):
            await _seed(settings, odd)
        await _assert_one_of_each(server, settings)


async def test_a_list_of_another_ledger_is_not_taken_for_this_ones() -> None:
    async with sandbox() as server:
        settings = _settings(server.url)
        await seed_async(settings)
        kept: list[Response] = []

        async def mixed_up(request: Request, send: Send) -> Response:
            answer = await send()
            if request.method == "GET" and "/balances" in request.path:
                kept.append(answer)
                if len(kept) == 2:
                    return kept[0]
            return answer

        assert (await _seed(settings, mixed_up)).exit_code == 0


@pytest.mark.parametrize("off", ["0.000000000000000001", "0.01"])
async def test_a_balance_that_is_written_as_a_number_is_compared_to_its_last_digit(off: str) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, settlement={"deadlineS": 0.2})
        await seed_async(settings)
        changed: set[str] = set()

        async def as_numbers(request: Request, send: Send) -> Response:
            answer = await send()
            if request.method != "GET" or "/balances" not in request.path:
                return answer
            body = answer.body
            for row in orjson.loads(body)["items"]:
                if (row["alias"][0] != "@" and not changed) or row["id"] in changed:
                    changed.add(row["id"])
                    more = format(Decimal(row["available"]) + Decimal(off), "f")
                    old, new = f'"available":"{row["available"]}"', f'"available":{more}'
                    at = body.index(old.encode(), body.index(row["id"].encode()))
                    body = body[:at] + new.encode() + body[at + len(old) :]
            return Response(answer.status, {}, body)

        transport = MiddlewareTransport(http_transport(server.url), as_numbers)
        report = await verify_async(settings, overrides={Transport: transport})
        await transport.aclose()
    assert len(changed) == 1
    assert report.exit_code == 1, report.verdict


async def test_a_row_on_two_pages_counts_once() -> None:
    volume = {**VOLUME, "ledgersPerOrganization": 1, "accountsPerLedger": 120, "transactionsPerAccount": 1}
    async with sandbox() as server:
        settings = _settings(server.url, volume=volume, settlement={"deadlineS": 0.5})

        last: dict[str, Any] = {}

        async def shifted(request: Request, send: Send) -> Response:
            answer = await send()
            if request.method == "GET" and "/balances" in request.path:
                found = orjson.loads(answer.body)
                if "cursor=" in request.path:
                    found["items"].insert(0, {**last["row"], "version": 7})
                elif found["items"]:
                    last["row"] = found["items"][-1]
                return Response(200, {}, orjson.dumps(found))
            return answer

        report = await _seed(settings, shifted)
    assert report.exit_code == 0, report.verdict


# ---- answers to creates


def _emptied(_: bytes) -> Response:
    return Response(201, {}, b"")


def _stripped(body: bytes) -> Response:
    return Response(201, {}, orjson.dumps({**orjson.loads(body), "metadata": None}))


def _cut(body: bytes) -> Response:
    return Response(201, {}, body[: len(body) // 2])


def _page(_: bytes) -> Response:
    return Response(200, {}, b"<html>Welcome</html>")


def _conflict(_: bytes) -> Response:
    return Response(409, {}, b"<html>409</html>")


def _not_found(_: bytes) -> Response:
    return INGRESS["html"]


KINDS = ["organizations", "ledgers", "assets", "portfolios", "segments", "accounts"]


@pytest.mark.parametrize(
    ("kind", "change"), combinations(KINDS, [_emptied, _stripped, _cut, _page, _conflict, _not_found], step=3)
)
async def test_an_answer_that_is_not_that_to_the_create_is_looked_up(
    kind: str, change: Callable[[bytes], Response]
) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, "small", settlement={"deadlineS": 1})
        seen = count()

        async def between(request: Request, send: Send) -> Response:
            answer = await send()
            mine = request.method == "POST" and request.path.endswith(f"/{kind}")
            return change(answer.body) if mine and next(seen) % 3 == 0 else answer

        report = await _seed(settings, between)
        assert report.exit_code == 0, report.verdict
        await _assert_one_of_each(server, settings)
        assert (await verify_async(settings)).exit_code == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_of_two_creates_that_change_places_are_seen(kind: str) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, "small", settlement={"deadlineS": 1})
        waiting: list[tuple[Response, anyio.Event, list[Response]]] = []

        async def swap(request: Request, send: Send) -> Response:
            answer = await send()
            if request.method != "POST" or not request.path.endswith(f"/{kind}"):
                return answer
            if waiting:
                other, event, got = waiting.pop()
                got.append(answer)
                event.set()
                return other
            event, got = anyio.Event(), []
            waiting.append((answer, event, got))
            with anyio.move_on_after(0.2):
                await event.wait()
            if got:
                return got[0]
            waiting.clear()
            return answer

        report = await _seed(settings, swap)
        assert report.exit_code == 0, report.verdict
        await _assert_one_of_each(server, settings)
        assert (await verify_async(settings)).exit_code == 0


# ---- one creator


@pytest.mark.parametrize("kind", ["organizations", "portfolios", "ledgers", "accounts"])
async def test_what_was_made_and_is_listed_late_is_waited_for(kind: str) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, settlement={"deadlineS": 4})
        seen, made_s = count(), [0.0]

        async def late(request: Request, send: Send) -> Response:
            path = request.path.split("?")[0]
            if request.method == "POST" and path.endswith(f"/{kind}"):
                answer = await send()
                if next(seen) == 0:
                    made_s[0] = anyio.current_time()
                    raise LostConnectionError("gone")
                return answer
            if request.method == "GET" and path.endswith(f"/{kind}") and anyio.current_time() < made_s[0] + 1.5:
                return Response(200, {}, b'{"items":null,"limit":100,"page":1}')
            return await send()

        report = await _seed(settings, late)
        await _assert_one_of_each(server, settings)
        assert report.exit_code == 0, report.verdict


async def test_an_organization_whose_first_attempt_arrives_after_its_second_is_one() -> None:
    async with sandbox() as server:
        settings = _settings(server.url, settlement={"deadlineS": 0.5})
        seen = count()
        async with anyio.create_task_group() as group:

            async def held(request: Request, send: Send) -> Response:
                if request.method == "POST" and request.path == "/v1/organizations" and next(seen) == 0:

                    async def deliver() -> None:
                        await anyio.sleep(0.55)
                        await send()

                    group.start_soon(deliver)
                    raise LostConnectionError("gone")
                return await send()

            report = await _seed(settings, held)
        assert report.exit_code in (0, 1)
        found = await _marks(server)
    assert sum(found["organizations"].values()) <= 2
    assert max(found["transactions"].values()) == 1


async def test_a_stripped_organization_that_no_list_shows_is_not_made_again() -> None:
    async with sandbox() as server:
        settings = _settings(server.url, settlement={"deadlineS": 0.3})

        async def strip(request: Request, send: Send) -> Response:
            answer = await send()
            if request.path.split("?")[0] != "/v1/organizations":
                return answer
            found = orjson.loads(answer.body)
            for row in (found.get("items") or []) if "items" in found else [found]:
                row.pop("metadata", None)
            return Response(answer.status, {}, orjson.dumps(found))

        report = await _seed(settings, strip)
        assert report.exit_code == 1
        assert server.app.statistics.requests["POST", "organizations"] == 1


@pytest.mark.parametrize(("runs", "on"), [(2, ["organizations"]), (4, ["ledgers", "portfolios"]), (4, [])])
async def test_runs_of_one_run_id_at_the_same_moment_create_each_entity_once(
    runs: int, on: list[str], tmp_path: Path
) -> None:
    faults = {"rules": [{"on": kind, "latency": {"ms": 300}} for kind in on]} if on else None
    async with sandbox(faults) as server:
        wait = {"deadlineS": 4}
        each = [
            _settings(server.url, "small", journal={"directory": str(tmp_path / str(run))}, settlement=wait)
            for run in range(runs)
        ]
        reports: list[Report] = []
        async with anyio.create_task_group() as group:
            for settings in each:

                async def run(settings: Settings = settings) -> None:
                    reports.append(await seed_async(settings))

                group.start_soon(run)
        await _assert_one_of_each(server, each[0])
        assert any(report.exit_code == 0 for report in reports), [report.verdict for report in reports]
        for settings in each:  # every journal names the world that is left
            report = await seed_async(settings)
            assert report.exit_code == 0, report.verdict
        await _assert_one_of_each(server, each[0])


async def _twin(server: SandboxServer, settings: Settings, *, ledger: bool) -> None:
    """A second organization with the mark of the first one of the run."""
    wire = http_transport(server.url)
    item = build_plan(settings).organizations[0].item
    made = await wire.send(Request("POST", "/v1/organizations", orjson.dumps(item.payload)))
    if ledger:
        path = f"/v1/organizations/{orjson.loads(made.body)['id']}/ledgers"
        await wire.send(Request("POST", path, orjson.dumps({"name": "Main"})))
    await wire.aclose()


@pytest.mark.parametrize("ledger", [False, True])
async def test_several_organizations_of_one_tag_are_reported_where_they_are_in_use(ledger: bool) -> None:
    async with sandbox() as server:
        settings = _settings(server.url, settlement={"deadlineS": 0.3})
        await seed_async(settings)
        await _twin(server, settings, ledger=ledger)
        before = server.app.statistics.requests["POST", "transactions"]
        report = await seed_async(settings)
        assert server.app.statistics.requests["POST", "transactions"] == before
        if ledger:
            assert report.exit_code != 0
            assert "the server holds 2 of organization o1" in report.ledgers[0].reason
        else:  # it is empty, and goes away again
            assert report.exit_code == 0, report.verdict
            await _assert_one_of_each(server, settings)


async def test_an_empty_portfolio_that_a_network_delivered_late_goes_away_again(tmp_path: Path) -> None:
    async with sandbox() as server:
        volume = {**VOLUME, "ledgersPerOrganization": 1}
        ways = {"journal": {"directory": str(tmp_path)}, "settlement": {"deadlineS": 0.3}}
        settings = _settings(server.url, volume=volume, **ways)
        assert (await seed_async(settings)).exit_code == 0
        (place,) = server.state.ledger_states
        item = next(build_plan(settings).ledgers[0].items_of(Entity.PORTFOLIO))
        wire = http_transport(server.url)
        path = f"/v1/organizations/{place[0]}/ledgers/{place[1]}/portfolios"
        assert (await wire.send(Request("POST", path, orjson.dumps(item.payload)))).status == 201
        await wire.aclose()
        assert (await verify_async(settings)).exit_code == 1
        report = await seed_async(settings)
        assert report.exit_code == 0, report.verdict
        await _assert_one_of_each(server, settings)
