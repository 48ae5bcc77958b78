"""The barrier between deposits and transfers: it looks at the server, and at nothing else."""

import pytest

from midaz_seed.errors import ExitCode
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseStarted, Settled
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, hide_balances, http_transport


async def test_transfers_begin_only_when_every_deposit_is_visible() -> None:
    """The server hides the deposits for a while: its balances read zero until it has been asked five times."""
    looks = 0
    order: list[str] = []

    def hide(request: Request) -> Response | None:
        nonlocal looks
        if request.method == "GET" and request.path.split("?")[0].endswith("/balances"):
            looks += 1
            order.append("look")
            if looks <= 5:
                return Response(200, {}, b'{"items":[],"limit":100}')
        elif request.path.endswith("/transactions/json"):
            order.append("transfer")
        return None

    events: list[Event] = []
    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), hide)
        report = await seed_async(settings_for(server.url), emit=events.append, overrides={Transport: transport})
        await transport.aclose()
    assert report.exit_code == 0, report.verdict
    assert order.index("transfer") > 5
    assert "look" not in order[order.index("transfer") : -1] or order.count("look") == 7
    (settled,) = [event for event in events if isinstance(event, Settled)]
    assert settled.looks == 6
    assert report.settlement.looks == 6
    assert report.settlement.waited_s_max > 0
    phases = [event.phase for event in events if isinstance(event, PhaseStarted)]
    assert phases.index(Phase.DEPOSITS) < phases.index(Phase.SETTLEMENT) < phases.index(Phase.TRANSFERS)


async def test_deposits_that_never_become_visible_end_with_4_and_name_accounts_and_ledger() -> None:
    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), hide_balances)
        settings = settings_for(server.url, settlement={"deadlineS": 0.1})
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
        stopped = next(phase for phase in report.phases if phase.name == "transfers")
        assert stopped.created == 0
        assert report.exit_code == ExitCode.SETTLEMENT
        assert "6 accounts" in report.ledgers[0].reason
        assert "o1.l1" in report.ledgers[0].reason
        again = await seed_async(settings)
        assert again.exit_code == 0, again.verdict


async def test_default_balances_that_appear_late_are_waited_for() -> None:
    faults = {
        "rules": [{"on": "accounts", "late_balances": {"ms": 150}}, {"on": "assets", "late_balances": {"ms": 150}}]
    }
    async with sandbox(faults) as server:
        report = await seed_async(settings_for(server.url))
        assert server.faults.injected["late_balances"] > 0
    assert report.exit_code == 0, report.verdict
    assert report.proof is not None
    assert report.proof.ok
    assert {error.code for error in report.errors} == {"0019"}
    assert report.failed_items_total == 0


async def test_a_deposit_that_the_server_refuses_leaves_only_its_account_behind() -> None:
    def refuse(request: Request) -> Response | None:
        if request.path.endswith("/inflow") and request.body is not None and b"o1.l1.d3" in request.body:
            return Response(422, {}, b'{"code":"0024","title":"t","message":"closed"}')
        return None

    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), refuse)
        report = await seed_async(settings_for(server.url), overrides={Transport: transport})
        await transport.aclose()
    phases = {phase.name: phase for phase in report.phases}
    assert phases["deposits"].failed == 1
    assert phases["transfers"].skipped == 3
    assert phases["transfers"].created == 15
    assert report.exit_code == ExitCode.DIFFERENCES
    assert report.proof is not None
    assert not report.proof.ok
    assert report.failed_items[0].key == "o1.l1.d3"


@pytest.mark.parametrize("answer", [b"not json", b"{}", b"[]"])
async def test_balances_that_make_no_sense_fail_the_ledger_with_a_sentence(answer: bytes) -> None:
    def nonsense(request: Request) -> Response | None:
        if request.method == "GET" and request.path.split("?")[0].endswith("/balances"):
            return Response(200, {}, answer)
        return None

    async with sandbox() as server:
        transport = InterceptingTransport(http_transport(server.url), nonsense)
        report = await seed_async(settings_for(server.url), overrides={Transport: transport})
        await transport.aclose()
    assert report.exit_code == ExitCode.TARGET
    assert report.ledgers[0].state == "failed"
    assert report.ledgers[0].reason
