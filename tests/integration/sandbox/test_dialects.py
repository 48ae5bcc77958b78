"""What a client sees of the versions that the sandbox can answer as, over real sockets."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from midaz_seed.errors import UsageError
from midaz_seed.sandbox import SandboxConfig, running
from tests.support.sandbox_client import (
    ALL_DIALECTS,
    UNKNOWN_ID,
    SandboxClient,
    by_dialect,
    inflow,
    leg,
    sandbox_client,
    transfer,
)


@pytest.fixture(params=ALL_DIALECTS)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[SandboxClient]:
    async with sandbox_client(request.param) as made:
        yield made


async def test_each_version_says_which_it_is(client: SandboxClient) -> None:
    status, version = await client.call("GET", "/version")
    assert (status, version["version"]) == (200, by_dialect(client, v3_3="v3.3.15", v3_8="v3.8.0", v4="v4.0.0"))
    assert ("commit" in version) is by_dialect(client, v3_3=False, v3_8=False, v4=True)
    assert (await client.call("GET", "/readyz"))[0] == by_dialect(client, v3_3=404, v3_8=200, v4=200)


async def test_two_services_answer_only_for_what_is_theirs_and_share_the_ledger() -> None:
    async with sandbox_client("v3.3") as client:
        onboarding, transaction = client.server.url, client.server.transaction_url
        assert onboarding != transaction
        for url, path, status in (
            (onboarding, client.ledger, 200),
            (transaction, client.ledger, 404),
            (transaction, f"{client.ledger}/balances", 200),
            (onboarding, f"{client.ledger}/balances", 404),
            (transaction, "/health", 200),
            (onboarding, "/health", 200),
        ):
            async with client.session.get(url + path) as answer:
                assert answer.status == status, (url, path)


async def test_one_port_serves_both_services_of_the_older_version() -> None:
    async with sandbox_client("v3.3", one_port=True) as client:
        assert client.server.url == client.server.transaction_url
        assert (await client.balance("alice"))["available"] == "100"


async def test_a_second_port_is_refused_where_there_is_one_service() -> None:
    with pytest.raises(UsageError, match="has one port"):
        async with running(SandboxConfig(transaction_port=3001)):
            pass


async def test_errors_have_the_shape_of_their_version(client: SandboxClient) -> None:
    _, answer = await client.on("POST", "/accounts", {})
    assert client.content_type == by_dialect(
        client, v3_3="application/json", v3_8="application/json", v4="application/problem+json"
    )
    if client.server.config.dialect == "v4":
        assert answer["type"].endswith("/0009")
        assert {error["location"] for error in answer["errors"]} == {"assetCode", "type"}
        assert (answer["status"], "entityType" in answer) == (400, False)
    else:
        assert set(answer["fields"]) == {"assetCode", "type"}
    _, missing = await client.on("GET", f"/accounts/{UNKNOWN_ID}")
    assert missing["code"] == "0007"
    assert missing.get("entityType") == by_dialect(client, v3_3=None, v3_8=None, v4="Account")


async def test_errors_of_the_framework_have_the_shape_of_their_version(client: SandboxClient) -> None:
    status, answer = await client.call("GET", "/v1/nothing")
    assert status == 404
    assert answer.get("code") == by_dialect(client, v3_3=None, v3_8=404, v4="0484")
    assert ("error" in answer) is by_dialect(client, v3_3=True, v3_8=False, v4=False)
    status, answer = await client.call("PUT", "/v1/organizations", {})
    assert (status, answer.get("code")) == (405, by_dialect(client, v3_3=None, v3_8=405, v4="0485"))


async def test_refusals_moved_to_other_statuses_with_the_newest_version(client: SandboxClient) -> None:
    wrong = transfer("5", [leg("bob", "4")])
    assert await client.rejected("POST", "/transactions/json", wrong) == (
        by_dialect(client, v3_3=400, v3_8=400, v4=422),
        "0073",
    )
    same = transfer("5", [leg("alice", "5")])
    assert await client.rejected("POST", "/transactions/json", same) == (
        by_dialect(client, v3_3=400, v3_8=400, v4=422),
        "0090",
    )
    assert await client.rejected("POST", f"/transactions/{UNKNOWN_ID}/revert") == (
        by_dialect(client, v3_3=422, v3_8=422, v4=409),
        "0099",
    )


async def test_only_errors_after_the_claim_tell_that_they_are_no_replay(client: SandboxClient) -> None:
    await client.on("POST", "/transactions/json", transfer("1000"))
    assert client.headers.get("X-Idempotency-Replayed") == by_dialect(client, v3_3="false", v3_8="false", v4=None)
    await client.on("POST", "/transactions/inflow", {**inflow("1", "bob"), "transactionDate": "2099-01-01T00:00:00Z"})
    assert client.headers.get("X-Idempotency-Replayed") == by_dialect(client, v3_3="false", v3_8=None, v4=None)


async def test_default_balances_of_the_older_version_come_late(client: SandboxClient) -> None:
    await client.post("/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "carol"})
    late = client.server.config.dialect == "v3.3"
    status, _ = await client.on("POST", "/transactions/inflow", inflow("7", "carol"))
    assert status == (422 if late else 201)
    await client.clock.advance(0.05)
    status, _ = await client.on("POST", "/transactions/inflow", inflow("7", "carol"))
    assert status == 201
    assert (await client.balance("carol"))["available"] == "7"


async def test_the_external_balance_has_the_sign_of_its_version(client: SandboxClient) -> None:
    _, found = await client.on("GET", "/accounts/external/BRL/balances")
    external = found["items"][0]
    assert external["available"] == by_dialect(client, v3_3="-100", v3_8="100", v4="100")
    assert external.get("direction") == by_dialect(client, v3_3=None, v3_8="debit", v4="debit")
    assert ("position" in external) is by_dialect(client, v3_3=False, v3_8=True, v4=True)


async def test_operations_show_what_their_version_knows(client: SandboxClient) -> None:
    made = await client.post("/transactions/json", transfer("1"))
    operation = made["operations"][0]
    assert set(operation["balance"]) == by_dialect(
        client,
        v3_3={"available", "onHold"},
        v3_8={"available", "onHold", "version", "overdraftUsed"},
        v4={"available", "onHold", "version", "overdraftUsed"},
    )
    assert ("direction" in operation) is by_dialect(client, v3_3=False, v3_8=True, v4=True)
    assert made.get("feesSkipped") == by_dialect(client, v3_3=None, v3_8=None, v4=False)


async def test_fields_that_a_version_does_not_know_are_unexpected(client: SandboxClient) -> None:
    account = {"assetCode": "BRL", "type": "deposit"}
    status, _ = await client.on("POST", "/accounts", {**account, "blocked": True})
    assert status == by_dialect(client, v3_3=400, v3_8=201, v4=201)
    status, _ = await client.on("POST", "/accounts", {**account, "holderId": UNKNOWN_ID})
    assert status == by_dialect(client, v3_3=400, v3_8=400, v4=201)
    status, _ = await client.on("POST", "/transactions/json", transfer("1", description=None))
    assert status == by_dialect(client, v3_3=400, v3_8=201, v4=201)


async def test_endpoints_that_a_version_does_not_have_are_unknown_paths(client: SandboxClient) -> None:
    assert (await client.on("POST", "/transactions/block", transfer("1")))[0] == by_dialect(
        client, v3_3=405, v3_8=201, v4=201
    )
    assert (await client.on("GET", "/settings"))[0] == by_dialect(client, v3_3=404, v3_8=200, v4=200)
    assert (await client.call("GET", f"{client.organization}/holders"))[0] == by_dialect(
        client, v3_3=404, v3_8=404, v4=200
    )


async def test_an_organization_without_country_is_refused_by_the_older_version(client: SandboxClient) -> None:
    status, _ = await client.call("POST", "/v1/organizations", {"legalName": "x", "legalDocument": "2"})
    assert status == by_dialect(client, v3_3=400, v3_8=201, v4=201)


async def test_a_value_of_zero_and_below(client: SandboxClient) -> None:
    status, answer = await client.on("POST", "/transactions/inflow", inflow("0", "bob"))
    assert (status, answer.get("code")) == by_dialect(client, v3_3=(500, None), v3_8=(422, "0125"), v4=(422, "0125"))
    assert (await client.rejected("POST", "/transactions/inflow", inflow("-1", "bob")))[1] == by_dialect(
        client, v3_3="0073", v3_8="0125", v4="0125"
    )


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        ("2024-01-15T10:20:30Z", 201, 201),
        ("2024-01-15T10:20:30.123456Z", 201, 400),
        ("2024-01-15T10:20:30", 400, 201),
        ("2024-01-15", 400, 201),
    ],
)
async def test_dates_have_the_forms_of_their_version(client: SandboxClient, text: str, older: int, newer: int) -> None:
    status, _ = await client.on("POST", "/transactions/inflow", {**inflow("1", "bob"), "transactionDate": text})
    assert status == by_dialect(client, v3_3=older, v3_8=newer, v4=newer)


async def test_a_leg_that_takes_the_rest_is_lost_by_the_newest_version(client: SandboxClient) -> None:
    rest = {"accountAlias": "carol", "remaining": "remaining"}
    await client.post("/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "carol"})
    await client.clock.advance(1)
    made = await client.post("/transactions/json", transfer("10", [leg("bob", "3"), rest]))
    assert len(made["operations"]) == by_dialect(client, v3_3=3, v3_8=3, v4=2)
    assert (await client.balance("alice"))["available"] == "90"
    assert (await client.balance("carol"))["available"] == by_dialect(client, v3_3="7", v3_8="7", v4="0")


async def test_the_same_transfer_reverted_twice_is_a_replay_that_the_newest_version_does_not_tell(
    client: SandboxClient,
) -> None:
    first = [await client.on("POST", "/transactions/json", transfer("10"), X_Idempotency=key) for key in ("a", "b")]
    for _, made in first:
        status, reversal = await client.on("POST", f"/transactions/{made['id']}/revert")
        assert (status, reversal["parentTransactionId"]) == (201, first[0][1]["id"])
    assert client.headers.get("X-Idempotency-Replayed") == by_dialect(client, v3_3="true", v3_8="true", v4=None)
    assert (await client.balance("alice"))["available"] == "90"


async def test_a_second_commit_has_the_code_of_its_version(client: SandboxClient) -> None:
    held = await client.post("/transactions/json", transfer("5", pending=True))
    path = f"/transactions/{held['id']}/commit"
    assert (await client.on("POST", path))[0] == 201
    locked = await client.rejected("POST", path)
    assert locked == by_dialect(client, v3_3=(422, "0099"), v3_8=(422, "0099"), v4=(409, "0486"))
    await client.clock.advance(301)
    assert (await client.rejected("POST", path))[1] == "0099"


async def test_holding_money_raises_the_version_of_its_destination_in_the_older_version(tmp_path: Path) -> None:
    for dialect, version in (("v3.3", 1), ("v3.8", 0)):
        data = tmp_path / f"{dialect}.sqlite"
        async with sandbox_client(dialect, data=data) as client:  # type: ignore[arg-type]
            await client.post("/transactions/json", transfer("5", pending=True))
            assert (await client.balance("bob"))["version"] == version
        config = SandboxConfig(dialect=dialect, data=data)  # type: ignore[arg-type]
        async with running(config) as server, aiohttp.ClientSession() as session:
            url = f"{server.transaction_url}{client.ledger}/accounts/alias/bob/balances"
            async with session.get(url) as answer:
                assert (await answer.json())["items"][0]["version"] == version


async def test_lists_check_their_parameters_or_do_not(client: SandboxClient) -> None:
    for query in ("limit=0", "limit=abc", "page=0"):
        assert (await client.on("GET", f"/assets?{query}"))[0] == by_dialect(client, v3_3=200, v3_8=400, v4=400), query
    status, _ = await client.on("GET", "/assets?start_date=yesterday&end_date=today")
    assert status == by_dialect(client, v3_3=200, v3_8=400, v4=400)
    status, found = await client.on("GET", f"/accounts?segment_id={UNKNOWN_ID}")
    assert (status, found["items"] is None) == (200, by_dialect(client, v3_3=False, v3_8=True, v4=True))
    status, found = await client.on("GET", "/accounts?metadata.k=nothing")
    assert status == by_dialect(client, v3_3=200, v3_8=404, v4=404)


async def test_deleting_goes_as_far_as_the_version_lets_it(client: SandboxClient) -> None:
    _, account = await client.on("GET", "/accounts/alias/alice")
    assert (await client.on("DELETE", f"/accounts/{account['id']}"))[0] == by_dialect(
        client, v3_3=204, v3_8=400, v4=422
    )
    assert (await client.balance("alice"))["available"] == "100"
    await client.post("/transactions/json", transfer("100"))  # the balance pays, whatever became of the account
    _, assets = await client.on("GET", "/assets")
    path = f"/assets/{assets['items'][0]['id']}"
    assert (await client.on("DELETE", path))[0] == by_dialect(client, v3_3=204, v3_8=204, v4=500)
    assert (await client.on("GET", path))[0] == by_dialect(client, v3_3=404, v3_8=404, v4=200)


async def test_an_account_of_type_external_needs_a_version_that_knows_them(client: SandboxClient) -> None:
    body = {"assetCode": "BRL", "type": "external", "alias": "world"}
    status, answer = await client.on("POST", "/accounts", body)
    assert (status, answer.get("code")) == by_dialect(client, v3_3=(400, "0066"), v3_8=(201, None), v4=(201, None))


async def test_a_body_is_too_large_at_the_limit_of_its_version(client: SandboxClient) -> None:
    body = io.BytesIO(b'{"name": "x", "metadata": {"k": "' + b"v" * 2 * 1024 * 1024 + b'"}}')
    async with client.session.post(f"{client.server.url}{client.ledger}/segments", data=body) as answer:
        assert answer.status == by_dialect(client, v3_3=400, v3_8=400, v4=413)


async def test_holders_and_their_instruments_stand_behind_accounts() -> None:
    async with sandbox_client("v4") as client:
        holders = f"{client.organization}/holders"
        body = {"type": "NATURAL_PERSON", "name": "Ana", "document": "12345678909"}
        status, ana = await client.call("POST", holders, body)
        assert (status, client.headers["X-Idempotency-Replayed"]) == (201, "false")
        status, again = await client.call("POST", holders, body)
        assert (again["id"], client.headers["X-Idempotency-Replayed"]) == (ana["id"], "true")
        bank = {"bankingDetails": {"branch": "0001", "account": "1"}}
        made = await client.post(
            f"/holders/{ana['id']}/accounts", {"assetCode": "BRL", "type": "deposit", "alias": "ana", **bank}
        )
        assert made["account"]["holderId"] == ana["id"]
        assert made["instrument"] | bank == made["instrument"]
        assert (await client.call("GET", f"{client.organization}/instruments"))[1]["items"] == [made["instrument"]]
        status, refused = await client.call("DELETE", f"{holders}/{ana['id']}")
        assert (status, refused["code"], refused["entityType"]) == (422, "CRM-0030", "Holder")
        path = f"{holders}/{ana['id']}/instruments/{made['instrument']['id']}"
        assert (await client.call("DELETE", path))[0] == 204
        assert (await client.call("GET", path))[1]["code"] == "CRM-0008"


async def test_a_ledger_that_requires_holders_makes_no_account_without() -> None:
    async with sandbox_client("v4") as client:
        account = {"assetCode": "BRL", "type": "deposit"}
        assert (await client.rejected("POST", "/accounts", {**account, "skip": {"holder": True}}))[1] == "0490"
        await client.on(
            "PATCH", "/settings", {"accounting": {"requireHolder": True}, "overrides": {"allowHolderSkip": True}}
        )
        assert (await client.rejected("POST", "/accounts", account))[1] == "0491"
        assert (await client.rejected("POST", "/accounts", {**account, "holderId": UNKNOWN_ID}))[1] == "CRM-0006"
        skipped = await client.post("/accounts", {**account, "skip": {"holder": True}})
        assert skipped["holderCheckSkipped"] is True


async def test_fees_and_tracer_are_skipped_only_where_the_ledger_allows_it() -> None:
    async with sandbox_client("v4") as client:
        body = {**inflow("3", "bob"), "skip": {"fees": True, "tracer": False}}
        assert await client.rejected("POST", "/transactions/inflow", body) == (422, "0490")
        await client.on("PATCH", "/settings", {"overrides": {"allowFeeSkip": True}})
        made = await client.post("/transactions/inflow", body)
        assert (made["feesSkipped"], made["tracerSkipped"]) == (True, False)
        _, found = await client.on("GET", f"/transactions/{made['id']}")
        assert found["feesSkipped"] is True


async def test_one_key_makes_one_holder_after_a_restart_too(tmp_path: Path) -> None:
    async with sandbox_client("v4", data=tmp_path / "ledger.sqlite") as client:
        holders = f"{client.organization}/holders"
        body = {"type": "NATURAL_PERSON", "name": "Ana", "document": "1"}
        made = [await client.call("POST", holders, {**body, "document": "2"}, X_Idempotency="k")]
    config = SandboxConfig(dialect="v4", data=tmp_path / "ledger.sqlite", clock=client.clock)
    async with running(config) as server, aiohttp.ClientSession() as session:
        sent = {"json": {**body, "document": "2"}, "headers": {"X-Idempotency": "k"}}
        async with session.post(server.url + holders, **sent) as answer:
            assert ((await answer.json())["id"], answer.status) == (made[0][1]["id"], 201)


async def test_many_clients_of_one_sandbox_share_the_two_ports() -> None:
    async with sandbox_client("v3.3") as client:
        answers = await asyncio.gather(
            *(client.on("POST", "/transactions/json", transfer("1"), X_Idempotency=str(n)) for n in range(20))
        )
        assert {status for status, _ in answers} == {201}
        assert (await client.balance("bob"))["available"] == "20"
