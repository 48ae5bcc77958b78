"""Taking a run away: all of it, only it, as often as one likes."""

import json
from collections import Counter
from collections.abc import Callable

import orjson
import pytest

from midaz_seed.engine.orchestrator import teardown
from midaz_seed.engine.teardown import Fate, Removal
from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async, teardown_async, verify_async
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import ResolvedTarget
from midaz_seed.transport.base import Request, Response, Transport
from midaz_seed.wiring import open_run
from tests.support.cli import run_cli
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import WrappedTransport, http_transport

SMALL = {"volume": {"accountsPerLedger": 6, "transactionsPerAccount": 2}}


async def test_everything_of_the_run_goes_and_a_second_time_there_is_nothing_left() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, "small", **SMALL)
        await seed_async(settings)
        removed = await teardown_async(settings, dry_run=False)
        assert {removal.fate for removal in removed} == {Fate.REMOVED}
        assert [removal.kind for removal in removed] == ["ledger", "ledger", "organization"] * 2
        assert await read_balances(server.url) == {}
        again = await teardown_async(settings, dry_run=False)
        assert {removal.fate for removal in again} == {Fate.ABSENT}
        assert (await seed_async(settings)).exit_code == 0


async def test_a_dry_run_lists_and_removes_nothing() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, "small", **SMALL)
        await seed_async(settings)
        told = await teardown_async(settings, dry_run=True)
        assert {removal.fate for removal in told} == {Fate.WOULD_BE}
        assert (await verify_async(settings)).exit_code == 0


async def test_another_runs_data_is_left_alone() -> None:
    async with sandbox() as server:
        mine, other = settings_for(server.url, runId="mine"), settings_for(server.url, runId="other")
        await seed_async(mine)
        await seed_async(other)
        await teardown_async(mine, dry_run=False)
        assert (await verify_async(other)).exit_code == 0
        assert (await verify_async(mine)).exit_code == 1


async def test_a_ledger_that_another_client_added_is_kept_with_its_organization() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        report = await seed_async(settings)
        transport = http_transport(server.url)
        path = f"/v1/organizations/{report.ledgers[0].organization_id}/ledgers"
        await transport.send(Request("POST", path, orjson.dumps({"name": "Somebody's"})))
        await transport.aclose()
        removed = await teardown_async(settings, dry_run=False)
    fates = {removal.name: removal.fate for removal in removed}
    assert fates["Principal"] is Fate.REMOVED
    assert fates["Somebody's"] is Fate.KEPT
    assert removed[-1].fate is Fate.KEPT
    assert removed[-1].reason == "it holds 1 kept ledger"


async def test_lost_answers_to_deletes_do_not_matter() -> None:
    faults = {"rules": [{"methods": ["DELETE"], "every": 2, "reset": {"when": "after"}}]}
    async with sandbox(faults) as server:
        settings = settings_for(server.url, "small", **SMALL)
        await seed_async(settings)
        removed = await teardown_async(settings, dry_run=False)
    assert {removal.fate for removal in removed} == {Fate.REMOVED}


async def test_every_organization_with_the_mark_goes_planned_or_not() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        await seed_async(settings)
        item = build_plan(settings).organizations[0].item
        marks = {"seedRun": build_plan(settings).run_id, "seedKey": "somewhere/o9"}
        unplanned = {**item.payload, "metadata": marks}
        wire = http_transport(server.url)
        for payload in (item.payload, item.payload, unplanned):
            assert (await wire.send(Request("POST", "/v1/organizations", orjson.dumps(payload)))).status == 201
        told = await teardown_async(settings, dry_run=True)
        assert [removal.key for removal in told] == ["o1.l1", "o1", "o1", "o1", "o9"]
        removed = await teardown_async(settings, dry_run=False)
        assert [removal.fate for removal in removed] == [Fate.REMOVED] * 5
        left = await wire.send(Request("GET", "/v1/organizations"))
        await wire.aclose()
    assert orjson.loads(left.body)["items"] is None


class _PartlyReplacedTransport(WrappedTransport):
    """A transport that replaces answers; the function gets each request and how often it was sent."""

    def __init__(self, url: str, replace: Callable[[Request, int], Response | None]) -> None:
        super().__init__(http_transport(url))
        self._replace = replace
        self._sent = Counter[str]()

    async def send(self, request: Request) -> Response:
        name = f"{request.method} {request.path}"
        self._sent[name] += 1
        return self._replace(request, self._sent[name]) or await super().send(request)


async def _torn_down(settings: Settings, says: Callable[[Request, int], Response | None]) -> list[Removal]:
    """What `teardown` does, over a transport of ours."""
    url = settings.target.base_url
    transport = _PartlyReplacedTransport(url, says)
    target = ResolvedTarget(url, url, is_sandbox=False)
    plan, overrides = build_plan(settings), {Transport: transport}
    async with open_run(settings, plan, target, emit=lambda _: None, overrides=overrides) as context:
        removals = await teardown(context, dry_run=False)
    await transport.aclose()
    return removals


async def test_a_list_that_is_empty_for_a_moment_does_not_end_the_teardown() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        await seed_async(settings)

        def late(request: Request, time: int) -> Response | None:
            first = request.path.startswith("/v1/organizations?limit=100") and time == 1
            return Response(200, {}, b'{"items":null,"limit":100}') if first else None

        removed = await _torn_down(settings, late)
        assert [removal.fate for removal in removed] == [Fate.REMOVED, Fate.REMOVED]
        assert await read_balances(server.url) == {}


@pytest.mark.parametrize("body", [b"<html>404</html>", b""])
async def test_a_404_of_an_ingress_to_a_delete_is_no_removal(body: bytes) -> None:
    async with sandbox() as server:
        settings = settings_for(server.url)
        await seed_async(settings)

        def ingress(request: Request, time: int) -> Response | None:
            return Response(404, {}, body) if request.method == "DELETE" and time < 3 else None

        removed = await _torn_down(settings, ingress)
        assert [removal.fate for removal in removed] == [Fate.REMOVED, Fate.REMOVED]
        assert await read_balances(server.url) == {}


async def test_what_is_said_to_be_removed_and_is_still_listed_is_kept() -> None:
    async with sandbox() as server:
        settings = settings_for(server.url, settlement={"deadlineS": 0.3})
        await seed_async(settings)
        removed = await _torn_down(
            settings, lambda request, _: Response(204, {}, b"") if request.method == "DELETE" else None
        )
    assert removed[-1].fate is Fate.KEPT
    assert "still lists it" in removed[-1].reason


def test_without_a_terminal_the_answer_is_no() -> None:
    result = run_cli("teardown", "--preset", "tiny", "--target", "sandbox")
    assert result.returncode == 2
    assert "--yes" in result.stderr


def test_the_command_prints_what_it_did() -> None:
    result = run_cli("teardown", "--preset", "tiny", "--target", "sandbox", "--yes", "--json")
    assert result.returncode == 0, result.stderr
    assert [removal["fate"] for removal in json.loads(result.stdout)["removals"]] == ["absent"]
