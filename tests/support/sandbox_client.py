"""A client of a sandbox with a ledger of its own, for tests of what each endpoint answers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp

from midaz_seed.clock import FakeClock
from midaz_seed.sandbox import SandboxConfig, SandboxServer, running

Dialect = Literal["v3.3", "v3.8", "v4"]
ALL_DIALECTS: tuple[Dialect, ...] = ("v3.3", "v3.8", "v4")
UNKNOWN_ID = "01900000-0000-7000-8000-000000000000"
_TRANSACTION_SERVICE = ("/transactions", "/balances", "/operations", "/asset-rates", "-routes")


class SandboxClient:
    """Sends each request to the service that its path belongs to.

    Attributes:
        organization: The organization's path.
        ledger: The ledger's path; alice and bob have accounts in it, and alice has 100 BRL.
        headers: The headers of the last answer.
        content_type: The content type of the last answer.
    """

    def __init__(self, session: aiohttp.ClientSession, server: SandboxServer, clock: FakeClock) -> None:
        self.session, self.server, self.clock = session, server, clock
        self.organization = self.ledger = ""
        self.headers: Mapping[str, str] = {}
        self.content_type = ""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request; return the status and the body, parsed where it is JSON."""
        transactional = any(part in path for part in _TRANSACTION_SERVICE)
        url = self.server.transaction_url if transactional else self.server.url
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url + path, json=body, headers=named) as answer:
            self.headers, self.content_type = answer.headers, answer.content_type
            is_json = "json" in answer.content_type
            return answer.status, await answer.json(content_type=None) if is_json else await answer.text()

    async def on(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request below the ledger."""
        return await self.call(method, self.ledger + path, body, **headers)

    async def rejected(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Send a request below the ledger; return the status and the error code."""
        status, answer = await self.on(method, path, body)
        return status, str(answer.get("code", ""))

    async def post(self, path: str, body: Any) -> Any:
        """Create an entity or a transaction below the ledger."""
        status, made = await self.on("POST", path, body)
        assert status == 201, made
        return made

    async def balance(self, alias: str) -> Any:
        """Read the default balance of an account."""
        _, found = await self.on("GET", f"/accounts/alias/{alias}/balances")
        return found["items"][0]

    async def available(self, alias: str) -> str:
        """Read what an account holds."""
        return str((await self.balance(alias))["available"])

    async def count(self, path: str) -> str:
        """Read how many there are of a kind."""
        status, _ = await self.on("HEAD", f"{path}/metrics/count")
        assert status == 204
        return self.headers["X-Total-Count"]


@asynccontextmanager
async def sandbox_client(dialect: Dialect = "v3.8", **config: Any) -> AsyncIterator[SandboxClient]:
    """Run a sandbox of a version; yield a client of it."""
    clock = FakeClock()
    async with (
        running(SandboxConfig(dialect=dialect, clock=clock, **config)) as server,
        aiohttp.ClientSession() as session,
    ):
        client = SandboxClient(session, server, clock)
        acme = {"legalName": "Acme", "legalDocument": "1", "address": {"country": "BR"}}
        _, organization = await client.call("POST", "/v1/organizations", acme)
        client.organization = f"/v1/organizations/{organization['id']}"
        _, ledger = await client.call("POST", f"{client.organization}/ledgers", {"name": "Main"})
        client.ledger = f"{client.organization}/ledgers/{ledger['id']}"
        await client.post("/assets", {"name": "Real", "type": "currency", "code": "BRL"})
        for alias in ("alice", "bob"):
            await client.post("/accounts", {"assetCode": "BRL", "type": "deposit", "alias": alias})
        await clock.advance(1)
        await client.post("/transactions/inflow", inflow("100", "alice"))
        yield client


def leg(alias: str, value: str) -> dict[str, Any]:
    """One side of a movement in BRL."""
    return {"accountAlias": alias, "amount": {"asset": "BRL", "value": value}}


def inflow(value: str, alias: str) -> dict[str, Any]:
    """The body of a deposit."""
    return {"send": {"asset": "BRL", "value": value, "distribute": {"to": [leg(alias, value)]}}}


def transfer(value: str, to: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """The body of a transfer from alice, to bob unless `to` is given."""
    send = {"asset": "BRL", "value": value, "source": {"from": [leg("alice", value)]}}
    return {"send": {**send, "distribute": {"to": to or [leg("bob", value)]}}, **more}


def by_dialect(client: SandboxClient, **expected: Any) -> Any:
    """Select what is expected of the client's server, by its version with an underscore, such as v3_3."""
    return expected[client.server.config.dialect.replace(".", "_")]
