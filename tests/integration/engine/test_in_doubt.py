"""Answers lost for good: the balances decide what was applied, the rest is sent again under the same key, and nothing
is doubled."""

import re
import zlib
from collections import Counter
from decimal import Decimal

import pytest

from midaz_seed.plan.plan import build_plan
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import LostConnectionError, Request, Response, Transport
from tests.support.sandbox import read_balances, sandbox
from tests.support.settings import settings_for
from tests.support.transports import WrappedTransport, http_transport


class LosingTransport(WrappedTransport):
    """A transport that loses the first two answers to some transactions, which are all their attempts; half of the
    transactions are applied before."""

    def __init__(self, transport: Transport, *, of_1000: int, applied: bool | None = None) -> None:
        super().__init__(transport)
        self._of_1000 = of_1000
        self._applied = applied
        self.lost: Counter[str] = Counter()
        self.applied: set[str] = set()

    async def send(self, request: Request) -> Response:
        key = (request.headers or {}).get("X-Idempotency", "")
        match = re.search(r"\.([dt]\d+(?:\.\d+)?(?:x\d+)?)\.0$", key)
        number = zlib.crc32(key.encode())
        if match is None or number % 1000 >= self._of_1000 or self.lost[key] == 2:
            return await super().send(request)
        self.lost[key] += 1
        applied = number // 1000 % 2 == 0 if self._applied is None else self._applied
        if applied:
            self.applied.add(key)
            await super().send(request)
        raise LostConnectionError("the answer is lost")


@pytest.mark.parametrize(
    ("pack", "metadata", "accounts", "transactions"),
    [(1, "none", 24, 13), (4, "full", 24, 13), (12, "none", 150, 5)],
    ids=["single", "batches", "batches of several sources"],
)
@pytest.mark.parametrize("applied", [None, True, False], ids=["some", "all applied", "none applied"])
async def test_lost_answers_are_decided_by_the_balances_and_everything_ends_as_planned(
    applied: bool | None, pack: int, metadata: str, accounts: int, transactions: int
) -> None:
    async with sandbox() as server:
        transport = LosingTransport(http_transport(server.url), of_1000=60 if pack < 12 else 400, applied=applied)
        settings = settings_for(
            server.url,
            volume={"accountsPerLedger": accounts, "transactionsPerAccount": transactions},
            generation={"batches": {"transactionsPerBatch": pack}, "retries": {"max": 2}},
            settlement={"maxDelayS": 0.05},
            data={"metadata": metadata},
            breaker={"failures": 1000},  # while it is open, more attempts are made
        )
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
        assert report.exit_code == 0, report.verdict
        assert report.proof is not None
        assert report.proof.ok
        # where chance makes two of them alike, the same key is sent again, and the answer is a replay
        found = sum(phase.recovered + phase.replayed for phase in report.phases)
        assert found == len(transport.applied)
        assert len(transport.lost) > 3
        assert report.failed_items_total == 0
        assert await read_balances(server.url)
    assert report.movements == build_plan(settings).movements


async def test_money_that_another_client_moved_is_a_difference_and_does_not_stand_in_for_a_movement() -> None:
    """No subset of the doubts explains the balances, so the server decides them: the same key sent again."""
    async with sandbox() as server:
        inner = http_transport(server.url)
        stolen = False

        class Meddling(LosingTransport):
            async def send(self, request: Request) -> Response:
                nonlocal stolen
                if self.lost and not stolen and request.path.endswith("/transactions/json"):
                    stolen = True
                    body = b'{"send":{"asset":"BRL","value":"3.33","distribute":{"to":[{"accountAlias":"%s","amount":'
                    body += b'{"asset":"BRL","value":"3.33"}}]}}}'
                    (ledger,) = build_plan(settings).ledgers
                    path = request.path.replace("/json", "/inflow")
                    await inner.send(Request("POST", path, body % ledger.alias(0).encode()))
                return await super().send(request)

        settings = settings_for(
            server.url,
            volume={"accountsPerLedger": 12, "transactionsPerAccount": 13},
            generation={"retries": {"max": 2}},
            settlement={"deadlineS": 0.3, "maxDelayS": 0.05},
        )
        transport = Meddling(inner, of_1000=80)
        report = await seed_async(settings, overrides={Transport: transport})
        await transport.aclose()
    assert stolen
    assert report.exit_code == 1
    assert report.proof is not None
    assert sum(phase.recovered for phase in report.phases) == len(transport.applied)  # the server's list has them
    assert report.movements == build_plan(settings).movements
    by_what = {difference.what: difference for difference in report.proof.differences}
    assert Decimal(by_what["available"].actual) - Decimal(by_what["available"].expected) == Decimal("3.33")
