"""The sandbox's endpoints over real sockets: each family, idempotency, lists, and what a client can get wrong."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from midaz_seed.clock import FakeClock
from midaz_seed.errors import ConfigurationError, OutputError, TargetNotAllowedError, UsageError
from midaz_seed.sandbox import SandboxConfig, running
from tests.support.sandbox_client import SandboxClient, inflow, leg, sandbox_client, transfer


@pytest.fixture
async def client() -> AsyncIterator[SandboxClient]:
    async with sandbox_client() as made:
        yield made


async def test_health_version_and_readiness(client: SandboxClient) -> None:
    assert await client.call("GET", "/health") == (200, "healthy")
    assert (await client.call("GET", "/version"))[1]["version"] == "v3.8.0"
    assert (await client.call("GET", "/readyz"))[1]["status"] == "healthy"


async def test_an_unknown_path_and_a_wrong_method_have_a_numeric_code(client: SandboxClient) -> None:
    assert (await client.call("GET", "/v1/nothing"))[1]["code"] == 404
    assert (await client.call("PUT", "/v1/organizations"))[1]["code"] == 405


async def test_paths_match_in_any_letter_case_and_with_a_slash_at_the_end(client: SandboxClient) -> None:
    path = client.organization.upper().replace("/V1/ORGANIZATIONS", "/V1/Organizations")
    assert (await client.call("GET", f"{path}/"))[0] == 200


@pytest.mark.parametrize("kind", ["portfolios", "segments", "account-types"])
async def test_an_entity_is_made_read_changed_listed_and_deleted(client: SandboxClient, kind: str) -> None:
    body = {"name": "x", "metadata": {"a": "1", "b": "2"}} | ({"keyValue": "Key"} if kind == "account-types" else {})
    made = await client.post(f"/{kind}", body)
    path = f"/{kind}/{made['id']}"
    assert await client.on("GET", path) == (200, made)
    _, changed = await client.on("PATCH", path, {"name": "y", "metadata": {"a": None, "c": 3}})
    assert (changed["name"], changed["metadata"]) == ("y", {"b": "2", "c": 3})
    assert (await client.on("GET", f"/{kind}"))[1]["items"] == [changed]
    assert (await client.on("DELETE", path))[0] == 204
    assert (await client.on("GET", path))[0] == 404
    assert (await client.on("GET", f"/{kind}"))[1]["items"] is None


@pytest.mark.parametrize(
    "target",
    [
        "/v1/organizations?limit=1", "/v1/organizations?limit=2?page=2", "/v1/organizations?", "/V1/organizations/",
        "/v1/organizations?limit=x#y", "/v1/organizations#y?limit=x", "http://somewhere/v1/organizations?limit=1",
        "//v1/organizations", "/v1/organizations/%7E", "/version", "*",
    ],
)  # fmt: skip
async def test_every_form_of_an_address_means_the_same_on_a_connection_that_stays_open(target: str) -> None:
    async with running(SandboxConfig(clock=FakeClock())) as server:
        answers = []
        for connection in ("close", "keep-alive"):  # only the second takes the fast path
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            answers.append((head.split(b"\r\n")[0], await reader.readexactly(length)))
            writer.close()
        assert answers[0] == answers[1]


async def test_counts_include_the_external_account(client: SandboxClient) -> None:
    assert [await client.count(path) for path in ("/assets", "/accounts", "/transactions")] == ["1", "3", "1"]


async def test_an_alias_with_an_underscore_is_a_wildcard_over_those_that_are_there(client: SandboxClient) -> None:
    assert (await client.on("POST", "/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "b_b"}))[1][
        "code"
    ] == "0020"


async def test_a_transfer_moves_money_and_says_before_and_after(client: SandboxClient) -> None:
    made = await client.post("/transactions/json", transfer("30.250", metadata={"k": "v"}))
    assert (made["status"]["code"], made["amount"], made["source"], made["destination"]) == (
        "CREATED",
        "30.25",
        ["alice"],
        ["bob"],
    )
    debit, credit = made["operations"]
    assert (debit["type"], debit["balance"]["available"], debit["balanceAfter"]["available"]) == (
        "DEBIT",
        "100",
        "69.75",
    )
    assert (credit["type"], credit["balanceAfter"]["version"]) == ("CREDIT", 1)
    status, read = await client.on("GET", f"/transactions/{made['id']}")
    assert (status, read["status"]["code"], client.headers["X-Cache-Hit"]) == (200, "APPROVED", "false")
    assert read["operations"] == made["operations"]
    assert (await client.available("alice"), await client.available("bob")) == ("69.75", "30.25")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (transfer("100.01"), 422, "0018"),
        (transfer("0"), 422, "0125"),
        ({"send": {**transfer("1")["send"], "value": "2"}}, 400, "0073"),
        ({"send": {**transfer("1")["send"], "distribute": {"to": [leg("nobody", "1")]}}}, 422, "0019"),
        ({"send": {**transfer("1")["send"], "distribute": {"to": [leg("alice", "1")]}}}, 400, "0090"),
        ({"send": {**transfer("1")["send"], "asset": "USD"}}, 404, "0034"),
        (transfer("1", transactionDate="2199-01-01"), 400, "0121"),
        (transfer("1", colour="blue"), 400, "0053"),
    ],
)
async def test_a_refused_transaction_moves_nothing(client: SandboxClient, body: Any, status: int, code: str) -> None:
    answered, error = await client.on("POST", "/transactions/json", body)
    assert (answered, error["code"]) == (status, code)
    assert (await client.available("alice"), await client.available("bob"), await client.count("/transactions")) == (
        "100",
        "0",
        "1",
    )


async def test_many_legs_in_one_transaction(client: SandboxClient) -> None:
    await client.post("/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "carol"})
    shares = [{"accountAlias": "bob", "share": {"percentage": 30}}, {"accountAlias": "carol", "remaining": "rest"}]
    send = {"asset": "BRL", "value": "10", "source": {"from": [leg("alice", "10")]}, "distribute": {"to": shares}}
    await client.post("/transactions/json", {"send": send})
    assert [await client.available(alias) for alias in ("alice", "bob", "carol")] == ["90", "3", "7"]


async def test_a_key_is_replayed_until_its_time_is_over(client: SandboxClient) -> None:
    status, first = await client.on("POST", "/transactions/json", transfer("1"), X_Idempotency="k", X_TTL="60")
    assert (status, client.headers["X-Idempotency-Replayed"]) == (201, "false")
    assert await client.on("POST", "/transactions/json", transfer("2"), X_Idempotency="k") == (201, first)
    assert client.headers["X-Idempotency-Replayed"] == "true"
    await client.clock.advance(61)
    _, second = await client.on("POST", "/transactions/json", transfer("1"), X_Idempotency="k")
    assert second["id"] != first["id"]
    assert await client.available("bob") == "2"


async def test_a_refused_request_frees_its_key(client: SandboxClient) -> None:
    assert (await client.on("POST", "/transactions/json", transfer("1000"), X_Idempotency="k"))[1]["code"] == "0018"
    assert (await client.on("POST", "/transactions/json", transfer("1"), X_Idempotency="k"))[0] == 201


async def test_the_same_key_twice_at_once_is_carried_out_once(client: SandboxClient) -> None:
    answers = await asyncio.gather(
        *(client.on("POST", "/transactions/json", transfer("1"), X_Idempotency="k") for _ in range(8))
    )
    assert {status for status, _ in answers} <= {201, 409}
    assert {body["code"] for status, body in answers if status == 409} <= {"0084"}
    assert await client.available("bob") == "1"


async def test_a_pending_transaction_is_committed_or_cancelled_once(client: SandboxClient) -> None:
    held = await client.post("/transactions/json", transfer("10", pending=True))
    other = await client.post("/transactions/json", transfer("20", pending=True))
    _, found = await client.on("GET", "/accounts/alias/alice/balances")
    assert (found["items"][0]["available"], found["items"][0]["onHold"]) == ("70", "30")
    assert (await client.on("POST", f"/transactions/{held['id']}/commit"))[1]["status"]["code"] == "APPROVED"
    assert (await client.on("POST", f"/transactions/{other['id']}/cancel"))[1]["status"]["code"] == "CANCELED"
    assert (await client.on("POST", f"/transactions/{held['id']}/cancel"))[1]["code"] == "0099"
    assert (await client.available("alice"), await client.available("bob")) == ("90", "10")
    _, read = await client.on("GET", f"/transactions/{held['id']}")
    assert [operation["type"] for operation in read["operations"]] == ["ON_HOLD", "DEBIT", "CREDIT"]


async def test_a_transaction_is_reverted_once(client: SandboxClient) -> None:
    made = await client.post("/transactions/json", transfer("10", description="pay"))
    status, back = await client.on("POST", f"/transactions/{made['id']}/revert")
    assert (status, back["parentTransactionId"], back["source"]) == (201, made["id"], ["bob"])
    assert (await client.available("alice"), await client.available("bob")) == ("100", "0")
    assert (await client.on("POST", f"/transactions/{made['id']}/revert"))[1]["code"] == "0087"
    assert (await client.on("POST", f"/transactions/{back['id']}/revert"))[1]["code"] == "0088"


async def test_the_operations_of_an_account_by_cursor_in_both_directions(client: SandboxClient) -> None:
    for value in ("1", "2", "3", "4"):
        await client.post("/transactions/json", transfer(value))
    _, account = await client.on("GET", "/accounts/alias/bob")
    for order, expected in (("asc", ["1", "2", "3", "4"]), ("desc", ["4", "3", "2", "1"])):
        seen: list[str] = []
        query = f"?limit=3&sort_order={order}"
        cursor = ""
        while True:
            _, page = await client.on("GET", f"/accounts/{account['id']}/operations{query}{cursor}")
            seen += [operation["amount"]["value"] for operation in page["items"]]
            if "next_cursor" not in page:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert seen == expected


async def test_a_back_dated_transaction_is_only_in_lists_of_its_window(client: SandboxClient) -> None:
    made = await client.post("/transactions/inflow", inflow("5", "bob") | {"transactionDate": "2024-01-15"})
    _, recent = await client.on("GET", "/transactions")
    assert made["id"] not in {item["id"] for item in recent["items"]}
    _, old = await client.on("GET", "/transactions?start_date=2024-01-15&end_date=2024-01-15")
    assert [item["id"] for item in old["items"]] == [made["id"]]


async def test_new_permissions_hold_at_once_for_an_unused_balance_and_after_an_hour_for_one_in_use(
    client: SandboxClient,
) -> None:
    for alias, change in (("bob", {"allowReceiving": False}), ("alice", {"allowSending": False})):
        _, found = await client.on("GET", f"/accounts/alias/{alias}/balances")
        await client.on("PATCH", f"/balances/{found['items'][0]['id']}", change)
    assert (await client.on("POST", "/transactions/json", transfer("1")))[1]["code"] == "0024"
    outflow = {"send": {"asset": "BRL", "value": "1", "source": {"from": [leg("alice", "1")]}}}
    assert (await client.on("POST", "/transactions/outflow", outflow))[0] == 201
    await client.clock.advance(3601)
    assert (await client.on("POST", "/transactions/outflow", outflow))[1]["code"] == "0024"


async def test_an_accounts_second_balance_is_used_by_its_key(client: SandboxClient) -> None:
    _, account = await client.on("GET", "/accounts/alias/bob")
    await client.post(f"/accounts/{account['id']}/balances", {"key": "Savings"})
    body = transfer("4")
    body["send"]["distribute"]["to"][0]["balanceKey"] = "savings"
    await client.post("/transactions/json", body)
    _, found = await client.on("GET", f"/accounts/{account['id']}/balances")
    assert {balance["key"]: balance["available"] for balance in found["items"]} == {"default": "0", "savings": "4"}


async def test_an_asset_made_again_under_its_code_leaves_its_external_account_ambiguous(client: SandboxClient) -> None:
    _, assets = await client.on("GET", "/assets")
    assert (await client.on("DELETE", f"/assets/{assets['items'][0]['id']}"))[0] == 204
    await client.post("/assets", {"name": "Real", "type": "currency", "code": "BRL"})
    assert (await client.on("POST", "/transactions/inflow", inflow("1", "bob")))[1]["code"] == "0019"


async def test_a_body_that_is_too_large(client: SandboxClient) -> None:
    async with client.session.post(
        f"{client.server.url}/v1/organizations", data=io.BytesIO(b" " * (4 * 1024 * 1024 + 1))
    ) as answer:
        assert answer.status == 413


async def test_a_token_is_asked_for_except_by_health() -> None:
    async with running(SandboxConfig(auth_token="secret")) as server, aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/v1/organizations") as answer:
            assert (answer.status, await answer.text()) == (401, "Missing Token")
        async with session.get(f"{server.url}/v1/organizations", headers={"Authorization": "Bearer secret"}) as answer:
            assert answer.status == 200
        async with session.get(f"{server.url}/health") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "example.com", "10.0.0.1"])
async def test_only_this_machines_own_addresses_are_listened_on(host: str) -> None:
    with pytest.raises(TargetNotAllowedError):
        async with running(SandboxConfig(host=host)):
            pass


async def test_a_port_in_use_is_said_clearly() -> None:
    async with running() as server:
        with pytest.raises(UsageError, match="cannot listen"):
            async with running(SandboxConfig(port=server.port)):
                pass


async def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("this is no database, it is a text of some length " * 100, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not a data file"):
        async with running(SandboxConfig(data=file)):
            pass


async def test_one_file_serves_one_sandbox(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.sqlite"
    async with running(SandboxConfig(data=file)):
        with pytest.raises(OutputError, match="cannot be opened"):
            async with running(SandboxConfig(data=file)):
                pass
