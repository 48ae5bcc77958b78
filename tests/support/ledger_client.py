"""A client with one ledger of its own in a sandbox, for tests of what a server shows and when."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp


class LedgerClient:
    """Accounts `a` and `b` in one ledger; `url` may change when the server is another one."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url
        self.ledger = ""

    async def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and parsed body; paths that begin with /v1 or /sandbox are taken from the root."""
        place = path if path.startswith(("/v1", "/sandbox")) else self.ledger + path
        async with self.session.request(method, self.url + place, json=body, headers=headers) as answer:
            text = await answer.read()
            return answer.status, answer.headers, await answer.json() if text else None

    async def prepare(self) -> None:
        """Make the ledger."""
        about = {"legalName": "a", "legalDocument": "1", "address": {"country": "BR"}}
        _, _, organization = await self.call("POST", "/v1/organizations", about)
        base = f"/v1/organizations/{organization['id']}/ledgers"
        _, _, ledger = await self.call("POST", base, {"name": "a"})
        self.ledger = f"{base}/{ledger['id']}"
        await self.call("POST", "/assets", {"name": "Real", "type": "currency", "code": "BRL"})
        for alias in ("a", "b"):
            await self.call("POST", "/accounts", {"assetCode": "BRL", "type": "deposit", "alias": alias})

    async def deposit(self, key: str, value: str = "1", alias: str = "a") -> tuple[int, str]:
        """A deposit: the status, and the error's code or the header that tells a replay."""
        legs = [{"accountAlias": alias, "amount": {"asset": "BRL", "value": value}}]
        body = {"send": {"asset": "BRL", "value": value, "distribute": {"to": legs}}, "metadata": {"key": key}}
        headers = {"X-Idempotency": key}
        status, answered, found = await self.call("POST", "/transactions/inflow", body, headers)
        return status, found["code"] if status >= 400 else answered["X-Idempotency-Replayed"]

    async def available(self, alias: str = "a") -> int:
        """The balance of an account."""
        _, _, found = await self.call("GET", f"/accounts/alias/{alias}/balances")
        return int(found["items"][0]["available"])

    async def listed(self) -> int:
        """How many transactions a list holds, which the count has to agree with."""
        _, _, found = await self.call("GET", "/transactions?limit=100&start_date=2020-01-01&end_date=2040-01-01")
        window = "start_date=2020-01-01T00:00:00Z&end_date=2040-01-01T00:00:00Z"
        async with self.session.head(f"{self.url}{self.ledger}/transactions/metrics/count?{window}") as answer:
            if answer.status == 204:
                assert int(answer.headers["X-Total-Count"]) == len(found["items"] or [])
        return len(found["items"] or [])


@contextlib.asynccontextmanager
async def ledger_client(url: str) -> AsyncIterator[LedgerClient]:
    """A client with a new ledger."""
    async with aiohttp.ClientSession() as session:
        client = LedgerClient(session, url)
        await client.prepare()
        yield client
