"""Random sequences of requests against the sandbox, beside a model that is a dictionary: every answer and every
balance must agree.

After each step: each asset sums to zero, no customer is overdrawn, a balance's version is the number of legs that
touched it.
"""

import asyncio
import json
from contextlib import AsyncExitStack
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from midaz_seed.sandbox import SandboxConfig, running
from midaz_seed.transport.base import Request, Response, Service
from midaz_seed.transport.httptools_transport import HttptoolsTransport

ACCOUNTS = ("ana", "bia", "caio")
AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(200), places=2)
KEYS = st.sampled_from(["k1", "k2", "k3", "k4"])


class LedgerMachine(RuleBasedStateMachine):
    """One ledger with one asset and three accounts."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.balances = dict.fromkeys(ACCOUNTS, Decimal(0))
        self.versions = dict.fromkeys((*ACCOUNTS, "@external/BRL"), 0)
        self.claimed: dict[str, str] = {}
        self.count = 0
        self.loop.run_until_complete(self._start())

    async def _start(self) -> None:
        server = await self.stack.enter_async_context(running(SandboxConfig()))
        self.transport = HttptoolsTransport(
            server.url, server.url, headers={}, request_timeout_s=5, connect_timeout_s=5
        )
        self.stack.push_async_callback(self.transport.aclose)
        organization = await self._send("POST", "/v1/organizations", {"legalName": "O", "legalDocument": "1"})
        path = f"/v1/organizations/{json.loads(organization.body)['id']}/ledgers"
        ledger = await self._send("POST", path, {"name": "L"})
        self.base = f"{path}/{json.loads(ledger.body)['id']}"
        await self._send("POST", f"{self.base}/assets", {"name": "Real", "type": "currency", "code": "BRL"})
        for alias in ACCOUNTS:
            await self._send("POST", f"{self.base}/accounts", {"assetCode": "BRL", "type": "deposit", "alias": alias})

    def teardown(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()

    async def _send(self, method: str, path: str, body: object = None, key: str = "") -> Response:
        headers = {"X-Idempotency": key} if key else None
        data = json.dumps(body).encode() if body is not None else None
        return await self.transport.send(Request(method, path, data, headers, Service.TRANSACTION))

    def _post(self, endpoint: str, send: object, key: str) -> Response:
        self.count += 1
        body = {"description": f"step {self.count}", "send": send}
        return self.loop.run_until_complete(self._send("POST", f"{self.base}/transactions/{endpoint}", body, key))

    def _expect(self, answer: Response, key: str, legs: dict[str, Decimal], external: int) -> None:
        """Hold an answer against the model: a replay of a claimed key, a refusal for lack of money, or the movement."""
        identity = json.loads(answer.body).get("id")
        if key in self.claimed:
            assert (answer.status, answer.headers["X-Idempotency-Replayed"]) == (201, "true")
            assert identity == self.claimed[key]
        elif any(self.balances[alias] + amount < 0 for alias, amount in legs.items()):
            assert answer.status == 422
            assert json.loads(answer.body)["code"] == "0018"
        else:
            assert (answer.status, answer.headers["X-Idempotency-Replayed"]) == (201, "false")
            self.claimed[key] = identity
            for alias, amount in legs.items():
                self.balances[alias] += amount
                self.versions[alias] += 1
            self.versions["@external/BRL"] += external

    @rule(alias=st.sampled_from(ACCOUNTS), amount=AMOUNTS, key=KEYS)
    def deposit(self, alias: str, amount: Decimal, key: str) -> None:
        leg = {"accountAlias": alias, "amount": {"asset": "BRL", "value": str(amount)}}
        send = {"asset": "BRL", "value": str(amount), "distribute": {"to": [leg]}}
        self._expect(self._post("inflow", send, key), key, {alias: amount}, external=1)

    @rule(alias=st.sampled_from(ACCOUNTS), amount=AMOUNTS, key=KEYS)
    def withdraw(self, alias: str, amount: Decimal, key: str) -> None:
        leg = {"accountAlias": alias, "amount": {"asset": "BRL", "value": str(amount)}}
        send = {"asset": "BRL", "value": str(amount), "source": {"from": [leg]}}
        self._expect(self._post("outflow", send, key), key, {alias: -amount}, external=1)

    @rule(names=st.permutations(ACCOUNTS), first=AMOUNTS, second=AMOUNTS, key=KEYS)
    def transfer_to_two(self, names: list[str], first: Decimal, second: Decimal, key: str) -> None:
        source, one, other = names
        total = first + second
        send = {
            "asset": "BRL",
            "value": str(total),
            "source": {"from": [{"accountAlias": source, "amount": {"asset": "BRL", "value": str(total)}}]},
            "distribute": {
                "to": [
                    {"accountAlias": one, "amount": {"asset": "BRL", "value": str(first)}},
                    {"accountAlias": other, "remaining": "remaining"},
                ]
            },
        }
        self._expect(self._post("json", send, key), key, {source: -total, one: first, other: second}, external=0)

    @precondition(lambda self: len(self.claimed) >= 3)
    @rule()
    def a_sum_that_is_wrong_changes_nothing(self) -> None:
        leg = {"accountAlias": "ana", "amount": {"asset": "BRL", "value": "2"}}
        send = {"asset": "BRL", "value": "1", "distribute": {"to": [leg]}}
        answer = self._post("inflow", send, f"wrong-{self.count}")
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "0073")

    @invariant()
    def the_server_holds_what_the_model_holds(self) -> None:
        answer = self.loop.run_until_complete(self._send("GET", f"{self.base}/balances?limit=100"))
        rows = {row["alias"]: row for row in json.loads(answer.body)["items"]}
        assert {alias: Decimal(rows[alias]["available"]) for alias in ACCOUNTS} == self.balances
        assert {alias: row["version"] for alias, row in rows.items()} == self.versions
        assert Decimal(rows["@external/BRL"]["available"]) == sum(self.balances.values())
        assert all(balance >= 0 for balance in self.balances.values())


LedgerMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


class TestLedgerMachine(LedgerMachine.TestCase):
    """Runs the machine."""
