"""Rules of transactions, balances and rates that hold in each version the sandbox can answer as."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

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

DIRECT = {"direct": {side: {"code": "1", "description": "d"} for side in ("debit", "credit")}}


@pytest.fixture(params=ALL_DIALECTS)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[SandboxClient]:
    async with sandbox_client(request.param) as made:
        yield made


@pytest.fixture(params=[name for name in ALL_DIALECTS if name != "v3.3"])
async def newer(request: pytest.FixtureRequest) -> AsyncIterator[SandboxClient]:
    """A client of a version that checks routes and shows past balances."""
    async with sandbox_client(request.param) as made:
        yield made


def between(source: dict[str, Any], destination: dict[str, Any], value: str, **more: Any) -> dict[str, Any]:
    sides = {"source": {"from": [source]}, "distribute": {"to": [destination]}}
    return {"send": {"asset": "BRL", "value": value, **sides}, **more}


# ---- annotations, permissions, order of errors


async def test_a_pending_annotation_of_an_external_source_is_refused(client: SandboxClient) -> None:
    body = between(leg("@external/BRL", "1"), leg("bob", "1"), "1", pending=True)
    assert await client.rejected("POST", "/transactions/annotation", body) == (
        by_dialect(client, v3_3=400, v3_8=422, v4=422),
        "0098",
    )


async def test_a_pending_annotation_knows_no_debit_and_moves_nothing(client: SandboxClient) -> None:
    noted = await client.post("/transactions/annotation", transfer("5", pending=True))
    assert (noted["status"]["code"], [operation["type"] for operation in noted["operations"]]) == (
        "NOTED",
        ["CREDIT", "CREDIT"],
    )
    assert (await client.balance("alice"))["available"] == "100"


async def test_a_leg_of_an_internal_balance_is_noticed_before_one_without_balance(newer: SandboxClient) -> None:
    alice = await newer.balance("alice")
    limit = {"allowOverdraft": True, "overdraftLimitEnabled": False}
    await newer.on("PATCH", f"/balances/{alice['id']}", {"settings": limit})
    internal = {**leg("alice", "1"), "balanceKey": "overdraft"}
    assert await newer.rejected("POST", "/transactions/json", between(leg("nobody", "1"), internal, "1")) == (
        422,
        "0168",
    )


async def test_a_skip_that_is_not_allowed_is_noticed_before_a_missing_balance() -> None:
    async with sandbox_client("v4") as client:
        body = between(leg("nobody", "1"), leg("bob", "1"), "1", skip={"fees": True, "tracer": False})
        assert await client.rejected("POST", "/transactions/json", body) == (422, "0490")


# ---- routes


async def route(client: SandboxClient, kind: str, entries: dict[str, Any], **more: Any) -> str:
    made = await client.post(
        "/operation-routes", {"title": kind, "operationType": kind, "accountingEntries": entries, **more}
    )
    return str(made["id"])


async def routed(client: SandboxClient, *operation_routes: str) -> str:
    """A route of these, in a ledger that checks routes."""
    made = await client.post("/transaction-routes", {"title": "Pay", "operationRoutes": operation_routes})
    await client.on("PATCH", "/settings", {"accounting": {"validateRoutes": True}})
    return str(made["id"])


def by(source: str, destination: str, **more: Any) -> dict[str, Any]:
    return between({**leg("alice", "1"), "routeId": source}, {**leg("bob", "1"), "routeId": destination}, "1", **more)


async def test_a_transaction_whose_route_has_nothing_for_its_action_is_refused(newer: SandboxClient) -> None:
    source, destination = await route(newer, "source", DIRECT), await route(newer, "destination", DIRECT)
    pay = await routed(newer, source, destination)
    held = by(source, destination, routeId=pay, pending=True)
    assert await newer.rejected("POST", "/transactions/json", held) == (422, "0157")
    assert await newer.rejected("POST", "/transactions/block", by(source, destination, routeId=pay)) == (422, "0157")
    await newer.post("/transactions/json", by(source, destination, routeId=pay))


async def test_every_operation_route_of_a_transaction_route_has_to_be_used(newer: SandboxClient) -> None:
    source, other = await route(newer, "source", DIRECT), await route(newer, "source", DIRECT)
    destination = await route(newer, "destination", DIRECT)
    pay = await routed(newer, source, other, destination)
    body = by(source, destination, routeId=pay)
    assert await newer.rejected("POST", "/transactions/json", body) == (422, "0116")


async def test_a_route_of_both_directions_may_stand_on_both_sides(newer: SandboxClient) -> None:
    both = await route(newer, "bidirectional", DIRECT)
    pay = await routed(newer, both)
    await newer.post("/transactions/json", by(both, both, routeId=pay))


async def test_a_free_text_in_place_of_a_routes_id_is_refused_where_routes_are_checked(newer: SandboxClient) -> None:
    source, destination = await route(newer, "source", DIRECT), await route(newer, "destination", DIRECT)
    pay = await routed(newer, source, destination)
    assert await newer.rejected("POST", "/transactions/json", by(source, destination, route="x")) == (400, "0115")
    await newer.post("/transactions/json", by(source, destination, route=pay))


async def test_a_transaction_by_a_one_way_route_is_not_reverted(newer: SandboxClient) -> None:
    source, destination = await route(newer, "source", DIRECT), await route(newer, "destination", DIRECT)
    paid = await newer.post("/transactions/json", by(source, destination))
    assert await newer.rejected("POST", f"/transactions/{paid['id']}/revert") == (422, "0150")


async def test_a_transaction_by_a_route_that_is_not_there_is_not_reverted(newer: SandboxClient) -> None:
    paid = await newer.post("/transactions/json", by(UNKNOWN_ID, UNKNOWN_ID))
    assert await newer.rejected("POST", f"/transactions/{paid['id']}/revert") == (404, "0101")


async def test_a_transaction_by_a_two_way_route_is_reverted(newer: SandboxClient) -> None:
    both = await route(newer, "bidirectional", DIRECT)
    paid = await newer.post("/transactions/json", by(both, both))
    await newer.post(f"/transactions/{paid['id']}/revert", None)
    assert (await newer.balance("alice"))["available"] == "100"


# ---- balances


async def test_the_older_version_knows_no_reserved_balance_key(client: SandboxClient) -> None:
    alice = (await client.on("GET", "/accounts/alias/alice"))[1]["id"]
    status, _ = await client.on("POST", f"/accounts/{alice}/balances", {"key": "Overdraft"})
    assert status == by_dialect(client, v3_3=201, v3_8=400, v4=422)


async def test_a_limit_of_overdraft_that_is_switched_off_is_refused(newer: SandboxClient) -> None:
    alice = await newer.balance("alice")
    settings = {"allowOverdraft": True, "overdraftLimitEnabled": False, "overdraftLimit": "5"}
    refused = await newer.rejected("PATCH", f"/balances/{alice['id']}", {"settings": settings})
    assert refused == (400, "0172")


async def test_a_past_balance_is_what_the_last_operation_before_it_left(newer: SandboxClient) -> None:
    alice = await newer.balance("alice")
    for value in ("30", "20"):
        await newer.clock.advance(10)
        await newer.post("/transactions/json", transfer(value))
    await newer.clock.advance(10)
    path = f"/balances/{alice['id']}/history?date=2026-01-01"
    for time, available, version in ((" 00:00:05", "100", 1), ("T00:00:15Z", "70", 2), ("T00:00:30", "50", 3)):
        status, shown = await newer.on("GET", path + time)
        assert (status, shown["available"], shown["version"]) == (200, available, version), time
        assert "allowSending" not in shown


async def test_past_balances_of_an_account_are_listed(newer: SandboxClient) -> None:
    alice = await newer.balance("alice")
    await newer.clock.advance(60)
    status, shown = await newer.on("GET", f"/accounts/{alice['accountId']}/balances/history?date=2026-01-01T00:00:30")
    assert (status, [(item["key"], item["available"]) for item in shown]) == (200, [("default", "100")])


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (400, "0142")),
        ("?date=", (400, "0142")),
        ("?date=yesterday", (400, "0131")),
        ("?date=2026-01-01", (400, "0131")),
        ("?date=2999-01-01T00:00:00", (400, "0140")),
        ("?date=2020-01-01T00:00:00", (404, "0141")),
    ],
)
async def test_a_moment_that_cannot_be_shown_is_refused(
    newer: SandboxClient, query: str, refusal: tuple[int, str]
) -> None:
    alice = await newer.balance("alice")
    assert await newer.rejected("GET", f"/balances/{alice['id']}/history{query}") == refusal
    assert await newer.rejected("GET", f"/accounts/{alice['accountId']}/balances/history{query}") == refusal


async def test_the_older_version_shows_no_past_balances() -> None:
    async with sandbox_client("v3.3") as client:
        alice = await client.balance("alice")
        assert (await client.on("GET", f"/balances/{alice['id']}/history?date=2026-01-01T00:00:30"))[0] == 404


# ---- lists and counts


async def test_operations_are_found_by_their_metadata_within_the_page(client: SandboxClient) -> None:
    alice = (await client.balance("alice"))["accountId"]
    await client.post(
        "/transactions/json", between({**leg("alice", "1"), "metadata": {"a": "b"}}, leg("bob", "1"), "1")
    )
    path = f"/accounts/{alice}/operations?metadata.a="
    assert [item["amount"] for item in (await client.on("GET", f"{path}b"))[1]["items"]] == [{"value": "1"}]
    assert (await client.on("GET", f"{path}c"))[1]["items"] is None
    assert (await client.on("GET", f"{path}b&limit=1"))[1]["items"] is None


async def test_the_older_version_looks_only_at_the_type_of_operations(client: SandboxClient) -> None:
    alice = (await client.balance("alice"))["accountId"]
    _, found = await client.on("GET", f"/accounts/{alice}/operations?direction=debit")
    assert len(found["items"]) == by_dialect(client, v3_3=1, v3_8=0, v4=0)
    assert (await client.on("GET", f"/accounts/{alice}/operations?type=debit"))[1]["items"] == []


@pytest.mark.parametrize("query", ["end_date=2020-01-01T00:00:00Z", "start_date=2999-01-01T00:00:00Z"])
async def test_a_count_whose_end_is_before_its_start_is_refused(newer: SandboxClient, query: str) -> None:
    assert (await newer.on("HEAD", f"/transactions/metrics/count?{query}"))[0] == 400


# ---- asset rates


@pytest.mark.parametrize(("path", "code"), [("usd", "0004"), ("US1", "0033"), ("USD?to=EUR,brl", "0004")])
async def test_rates_are_listed_by_codes_of_assets_only(client: SandboxClient, path: str, code: str) -> None:
    status, answered = await client.rejected("GET", f"/asset-rates/from/{path}")
    assert (status, answered) == by_dialect(client, v3_3=(500, ""), v3_8=(400, code), v4=(400, code))


async def test_a_scale_below_zero_is_refused(client: SandboxClient) -> None:
    rate = {"from": "USD", "to": "BRL", "rate": 5, "scale": -1, "ttl": 60}
    assert await client.rejected("PUT", "/asset-rates", rate) == (400, "0047")


async def test_the_older_version_refuses_null_for_a_part_of_a_rate(client: SandboxClient) -> None:
    rate = {"from": "USD", "to": "BRL", "rate": 5, "ttl": 60, "source": None}
    assert (await client.on("PUT", "/asset-rates", rate))[0] == by_dialect(client, v3_3=400, v3_8=201, v4=201)


async def test_an_inflow_to_the_external_account_of_its_asset_is_ambiguous(client: SandboxClient) -> None:
    body = inflow("1", "@external/BRL")
    assert (await client.rejected("POST", "/transactions/inflow", body))[1] == "0090"


# ---- money on hold


def side(code: str) -> dict[str, Any]:
    return {name: {"code": f"{code}-{name}", "description": "d"} for name in ("debit", "credit")}


PENDING = {"direct": side("direct"), "hold": side("hold"), "commit": side("commit"), "cancel": side("cancel")}


async def held(client: SandboxClient) -> dict[str, Any]:
    """A pending transaction of 1 in a ledger that checks routes."""
    source = await route(client, "source", PENDING)
    receiving = {name: PENDING[name] for name in ("direct", "commit")}
    destination = await route(client, "destination", receiving)
    pay = await routed(client, source, destination)
    made: dict[str, Any] = await client.post("/transactions/json", by(source, destination, routeId=pay, pending=True))
    return made


def shown(transaction: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            operation["type"],
            operation["direction"],
            operation["balanceAfter"]["available"],
            operation["balanceAfter"]["onHold"],
            operation.get("routeCode", ""),
        )
        for operation in transaction["operations"]
    ]


async def test_a_hold_is_a_debit_and_a_reservation_where_routes_are_checked(newer: SandboxClient) -> None:
    assert shown(await held(newer)) == [
        ("DEBIT", "debit", "99", "0", "hold-debit"),
        ("ON_HOLD", "credit", "99", "1", "hold-credit"),
    ]


async def test_a_cancel_is_a_release_and_a_credit_where_routes_are_checked(newer: SandboxClient) -> None:
    pending = await held(newer)
    canceled = await newer.post(f"/transactions/{pending['id']}/cancel", None)
    assert shown(canceled) == [
        ("RELEASE", "debit", "99", "0", "cancel-debit"),
        ("CREDIT", "credit", "100", "0", "cancel-credit"),
    ]
    assert (await newer.balance("alice"))["version"] == 5


async def test_a_commit_settles_what_was_reserved(newer: SandboxClient) -> None:
    pending = await held(newer)
    committed = await newer.post(f"/transactions/{pending['id']}/commit", None)
    assert shown(committed) == [
        ("DEBIT", "debit", "99", "0", "commit-debit"),
        ("CREDIT", "credit", "1", "0", "commit-credit"),
    ]


async def test_a_hold_on_a_balance_of_debit_direction_makes_it_grow_until_it_is_released(newer: SandboxClient) -> None:
    alice = (await newer.balance("alice"))["accountId"]
    await newer.post(f"/accounts/{alice}/balances", {"key": "card", "direction": "debit"})
    source = {**leg("alice", "5"), "balanceKey": "card"}
    pending = await newer.post("/transactions/json", between(source, leg("bob", "5"), "5", pending=True))
    after = pending["operations"][0]["balanceAfter"]
    assert (after["available"], after["onHold"]) == ("5", "5")
    canceled = await newer.post(f"/transactions/{pending['id']}/cancel", None)
    after = canceled["operations"][0]["balanceAfter"]
    assert (after["available"], after["onHold"]) == ("0", "0")


async def test_dates_of_lists_may_have_a_blank_before_the_time(client: SandboxClient) -> None:
    window = "start_date=2020-01-01 00:00:00&end_date=2021-01-01 00:00:00"
    status, found = await client.on("GET", f"/transactions?{window}")
    assert (status, len(found["items"])) == (200, by_dialect(client, v3_3=1, v3_8=0, v4=0))
