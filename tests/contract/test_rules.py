"""Rules of the real servers that hold beyond the recorded exchanges, one group of tests each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from yarl import URL

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


async def _raw(client: SandboxClient, path: str, method: str = "GET") -> tuple[int, Any]:
    """Send a request whose path is sent as it stands, below the ledger."""
    url = URL(f"{client.server.url}{client.ledger}{path}", encoded=True)
    async with client.session.request(method, url) as answer:
        return answer.status, await answer.json(content_type=None)


def _named(answer: dict[str, Any]) -> set[str]:
    """The fields that an answer names."""
    return set(answer["fields"]) if "fields" in answer else {error["location"] for error in answer.get("errors", ())}


# ---- answers of the web framework


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/organizations", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/organizations", "GET, HEAD, POST"),
        ("POST", "{organization}", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "{ledger}/asset-rates", "PUT"),
        ("GET", "{ledger}/accounts/metrics/count", "HEAD"),
        ("GET", "/v1/organizations/metrics/count", "HEAD"),
        ("DELETE", "/health", "GET, HEAD"),
    ],
)
async def test_allow_lists_the_methods_in_alphabetical_order(
    client: SandboxClient, method: str, path: str, allowed: str
) -> None:
    status, answer = await client.call(method, path.format(organization=client.organization, ledger=client.ledger))
    assert (status, client.headers["Allow"]) == (405, allowed)
    assert answer.get("code") == by_dialect(client, v3_3=None, v3_8=405, v4="0485")


async def test_allow_counts_every_path_of_the_same_form(client: SandboxClient) -> None:
    status, _ = await client.on("PUT", "/transactions/json")
    assert (status, client.headers["Allow"]) == (405, "GET, HEAD, PATCH, POST")
    assert await client.rejected("GET", "/transactions/json") == (400, "0065")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("PUT", "/v1/organizations"), ("GET", "/")])
async def test_errors_of_the_framework_are_plain_json(client: SandboxClient, method: str, path: str) -> None:
    assert (await client.call(method, path))[0] in (404, 405)
    assert client.content_type == "application/json"


@pytest.mark.parametrize("path", ["/accounts/{id}", "/accounts/alias/nobody"])
async def test_errors_of_a_handler_have_the_content_type_of_the_version(client: SandboxClient, path: str) -> None:
    assert (await client.on("GET", path.format(id=UNKNOWN_ID)))[0] == 404
    problem = "application/problem+json"
    assert client.content_type == by_dialect(client, v3_3="application/json", v3_8="application/json", v4=problem)


@pytest.mark.parametrize("path", ["", "/accounts", "/accounts/alias/alice"])
async def test_head_is_answered_as_get_before_the_newest_version(client: SandboxClient, path: str) -> None:
    assert (await client.on("HEAD", path))[0] == by_dialect(client, v3_3=200, v3_8=200, v4=404)
    assert (await client.call("HEAD", "/version"))[0] == 200


async def test_head_checks_the_ids_of_its_path(client: SandboxClient) -> None:
    assert (await client.on("HEAD", "/accounts/abc"))[0] == 400
    assert (await client.on("HEAD", "/abc/metrics/count"))[0] == 404


# ---- escaped characters in a path


@pytest.mark.parametrize("alias", ["@external%2FBRL", "%61lice", "alic%65", "alice%2F", "%40alice"])
async def test_an_escaped_character_stays_as_it_is_in_an_alias(client: SandboxClient, alias: str) -> None:
    status, answer = await _raw(client, f"/accounts/alias/{alias}")
    assert (status, answer["code"]) == (404, "0085")


async def test_a_slash_separates_segments_and_an_escaped_one_does_not(client: SandboxClient) -> None:
    assert (await _raw(client, "/accounts/alias/@external/BRL"))[0] == 404
    assert (await _raw(client, "/accounts%2Falias%2Falice"))[0] == 404
    assert (await _raw(client, "/%61ccounts"))[0] == 404
    assert (await _raw(client, "/accounts/external/BRL"))[0] == 200


async def test_an_id_in_a_path_may_have_the_forms_of_a_uuid(client: SandboxClient) -> None:
    _, account = await client.on("GET", "/accounts/alias/alice")
    plain = account["id"]
    for form in (plain.upper(), plain.replace("-", ""), f"urn:uuid:{plain}", f"%7B{plain}%7D", f"({plain})"):
        status, answer = await _raw(client, f"/accounts/{form}")
        expected = 400 if "%" in form else 200
        assert status == expected, form
        assert status == 400 or answer["id"] == plain


@pytest.mark.parametrize("change", [str.upper, lambda uuid: uuid.replace("-", ""), lambda uuid: ""])
async def test_an_id_in_a_body_has_one_form(client: SandboxClient, change: Any) -> None:
    made = await client.post("/portfolios", {"name": "p"})
    body = {"assetCode": "BRL", "type": "deposit", "portfolioId": change(made["id"])}
    status, answer = await client.on("POST", "/accounts", body)
    assert (status, answer["code"], _named(answer)) == (400, "0047", {"portfolioId"})


async def test_an_id_in_a_list_is_compared_with_its_one_form(client: SandboxClient) -> None:
    made = [
        (await client.post("/operation-routes", {"title": kind, "operationType": kind}))["id"]
        for kind in ("source", "destination")
    ]
    body = {"title": "t", "operationRoutes": [made[0].upper(), made[1]]}
    status, answer = await client.on("POST", "/transaction-routes", body)
    assert (status, answer["code"], _named(answer)) == (400, "0053", {"operationRoutes"})
    assert await client.rejected("POST", "/transaction-routes", {**body, "operationRoutes": ["x"]}) == (400, "0094")


# ---- readiness


async def test_readiness_shows_the_breaker_of_the_broker(client: SandboxClient) -> None:
    status, answer = await client.call("GET", "/readyz")
    if client.server.config.dialect == "v3.3":
        assert status == 404
        return
    broker = answer["checks"].pop("rabbitmq")
    assert (broker["status"], broker["breaker_state"]) == ("up", "closed")
    assert not any("breaker_state" in check for check in answer["checks"].values())


async def test_readiness_names_the_databases_of_the_version(client: SandboxClient) -> None:
    _, answer = await client.call("GET", "/readyz")
    more = {"mongo_crm", "mongo_fees"}
    found = set(answer.get("checks", ()))
    assert found & more == by_dialect(client, v3_3=set(), v3_8=set(), v4=more)


# ---- empty metadata of an asset rate


@pytest.mark.parametrize("more", [{}, {"metadata": {}}, {"metadata": None}])
async def test_a_rate_without_metadata_shows_them_empty(client: SandboxClient, more: dict[str, Any]) -> None:
    rate = {"from": "USD", "to": "BRL", "rate": 520, "ttl": 60, **more}
    for _ in ("created", "changed"):
        status, answer = await client.on("PUT", "/asset-rates", rate)
        assert (status, answer["metadata"]) == (201, {})


# ---- what the server composes


@pytest.mark.parametrize(("sent", "stored"), [("Deposit", "deposit"), ("CREDIT Card", "credit card"), ("loan", "loan")])
async def test_the_name_of_an_account_keeps_the_letters_of_its_type(
    client: SandboxClient, sent: str, stored: str
) -> None:
    made = await client.post("/accounts", {"assetCode": "BRL", "type": sent})
    assert (made["name"], made["type"]) == (f"BRL {sent} account", stored)
    empty = await client.post("/accounts", {"assetCode": "BRL", "type": sent, "name": ""})
    assert empty["name"] == f"BRL {sent} account"


# ---- headers of failed transactions


def _without_alias(side: str) -> dict[str, Any]:
    body = transfer("1")
    legs = body["send"]["source"]["from"] if side == "source" else body["send"]["distribute"]["to"]
    del legs[0]["accountAlias"]
    return body


@pytest.mark.parametrize("side", ["source", "destination"])
async def test_a_leg_without_alias_fails_after_the_claim(client: SandboxClient, side: str) -> None:
    status, answer = await client.on("POST", "/transactions/json", _without_alias(side))
    assert (status, answer.get("code")) == by_dialect(client, v3_3=(422, "0019"), v3_8=(500, 500), v4=(500, "0046"))
    assert client.headers.get("X-Idempotency-Replayed") == by_dialect(client, v3_3="false", v3_8="false", v4=None)


@pytest.mark.parametrize(
    "body",
    [
        transfer("5", [leg("bob", "4")]),
        transfer("5", [leg("alice", "5")]),
        transfer("5", [leg("nobody", "5")]),
        transfer("5000"),
    ],
)
async def test_every_refusal_after_the_claim_says_that_it_is_no_replay(
    client: SandboxClient, body: dict[str, Any]
) -> None:
    assert (await client.on("POST", "/transactions/json", body))[0] >= 400
    assert client.headers.get("X-Idempotency-Replayed") == by_dialect(client, v3_3="false", v3_8="false", v4=None)


@pytest.mark.parametrize("path", [f"/transactions/{UNKNOWN_ID}", "/transactions/{deleted}"])
async def test_a_transaction_that_is_not_found_was_looked_up_in_the_cache(client: SandboxClient, path: str) -> None:
    _, account = await client.on("GET", "/accounts/alias/alice")
    assert (await client.on("GET", path.format(deleted=account["id"])))[0] == 404
    assert client.headers.get("X-Cache-Hit") == by_dialect(client, v3_3=None, v3_8="false", v4="false")


# ---- the entity of an error


@pytest.mark.parametrize("query", ["?date=yesterday", "?date=2026-01-01", "", "?date=2999-01-01T00:00:00Z"])
async def test_a_bad_date_of_a_history_is_an_error_of_the_balance(query: str) -> None:
    async with sandbox_client("v4") as client:
        balance = await client.balance("alice")
        for path in (f"/balances/{balance['id']}", f"/accounts/{balance['accountId']}/balances"):
            status, answer = await client.on("GET", f"{path}/history{query}")
            assert (status, answer["entityType"]) == (400, "Balance")
            assert "errors" not in answer


async def test_a_type_that_is_not_registered_is_an_error_of_the_account_type() -> None:
    async with sandbox_client("v4") as client:
        await client.on("PATCH", "/settings", {"accounting": {"validateAccountType": True}})
        await client.post("/account-types", {"name": "Deposit", "keyValue": "deposit"})
        for kind in ("savings", "Savings"):
            status, answer = await client.on("POST", "/accounts", {"assetCode": "BRL", "type": kind})
            assert (status, answer["code"], answer["entityType"]) == (400, "0066", "AccountType")
        await client.post("/accounts", {"assetCode": "BRL", "type": "DEPOSIT"})


@pytest.mark.parametrize("rule", [{"ruleType": "alias"}, {"validIf": "alice"}, {"ruleType": "account_type"}])
async def test_a_rule_without_condition_is_an_error_of_the_route_without_fields(
    client: SandboxClient, rule: dict[str, Any]
) -> None:
    body = {"title": "t", "operationType": "source", "account": rule}
    status, answer = await client.on("POST", "/operation-routes", body)
    assert (status, answer.get("code")) == by_dialect(client, v3_3=(500, None), v3_8=(400, "0009"), v4=(400, "0009"))
    assert not answer.keys() & {"fields", "errors"}
    assert answer.get("entityType") == by_dialect(client, v3_3=None, v3_8=None, v4="OperationRoute")


# ---- the order of refusals


@pytest.mark.parametrize(
    "date",
    [
        "2024-01-15T10:20:30.000Z",
        "2024-01-15T10:20:30.120Z",
        "2024-01-15T10:20:30+00:00",
        "2024-01-15T10:20:30.1234567891Z",
    ],
)
async def test_a_date_that_would_be_written_otherwise_is_unexpected_before_the_rest(date: str) -> None:
    async with sandbox_client("v3.3") as client:
        for body in ({"transactionDate": date}, {**inflow("1", "bob"), "transactionDate": date}):
            status, answer = await client.on("POST", "/transactions/inflow", body)
            assert (status, answer["code"], answer["fields"]) == (400, "0053", {"transactionDate": date})


@pytest.mark.parametrize("endpoint", ["json", "inflow", "outflow", "annotation"])
@pytest.mark.parametrize("body", [{}, {"description": "x"}])
async def test_a_transaction_without_legs_lacks_what_the_version_looks_for(
    client: SandboxClient, endpoint: str, body: dict[str, Any]
) -> None:
    status, answer = await client.on("POST", f"/transactions/{endpoint}", body)
    sides = {"inflow": {"to"}, "outflow": {"from"}}.get(endpoint, {"from", "to"})
    assert (status, answer["code"]) == (400, "0009")
    assert _named(answer) == by_dialect(client, v3_3={"send"}, v3_8={"asset", *sides}, v4={"asset", *sides})


@pytest.mark.parametrize("present", ["account", "asset"])
async def test_another_asset_is_seen_before_a_balance_that_is_late(client: SandboxClient, present: str) -> None:
    await client.post("/assets", {"name": "Dollar", "type": "currency", "code": "USD"})
    if present == "account":
        await client.clock.advance(1)
        await client.post("/accounts", {"assetCode": "USD", "type": "deposit", "alias": "dora"})
        body = transfer("1", [leg("dora", "1")])
    else:
        body = {"send": {**inflow("1", "bob")["send"], "asset": "USD"}}
    endpoint = "json" if present == "account" else "inflow"
    assert await client.rejected("POST", f"/transactions/{endpoint}", body) == (404, "0034")


async def test_a_balance_that_never_comes_is_seen_before_another_asset(client: SandboxClient) -> None:
    body = {"send": {**inflow("1", "bob")["send"], "asset": "EUR"}}
    assert await client.rejected("POST", "/transactions/inflow", body) == (422, "0019")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=101&sort_order=up&start_date=2026-01-01", "0083"),
        ("limit=101&sort_order=up&start_date=2026-02-01&end_date=2026-01-01", "0078"),
        ("limit=101&sort_order=up&cursor=x", "0080"),
        ("sort_order=up&cursor=x", "0081"),
        ("sort_order=", "0081"),
        ("cursor=x", "0082"),
    ],
)
async def test_a_list_checks_dates_then_limit_then_order_then_cursor(
    client: SandboxClient, query: str, code: str
) -> None:
    for path in ("/assets", "/account-types", "/transactions", "/balances"):
        assert await client.rejected("GET", f"{path}?{query}") == (400, code), path


@pytest.mark.parametrize(
    "query", ["start_date=yesterday&end_date=2026-01-01", "start_date=2026-01-01T00:00:00Z&end_date=2026-01-02"]
)
async def test_a_date_that_is_ignored_leaves_one_alone(client: SandboxClient, query: str) -> None:
    _, answer = await client.on("GET", f"/assets?{query}")
    known = "T" in query
    expected = by_dialect(client, v3_3="0083", v3_8=None if known else "0131", v4=None if known else "0131")
    assert answer.get("code") == expected


@pytest.mark.parametrize("name", ["page_limit", "limit_", "xlimitx"])
async def test_a_list_finds_its_parameters_within_longer_names(client: SandboxClient, name: str) -> None:
    await client.post("/assets", {"name": "Dollar", "type": "currency", "code": "USD"})
    _, answer = await client.on("GET", f"/assets?{name}=1")
    assert (answer["limit"], len(answer["items"])) == (1, 1)


@pytest.mark.parametrize(("more", "code"), [({}, "0007"), ({"entityId": ""}, "0007"), ({"entityId": "E-1"}, "0035")])
async def test_an_unknown_portfolio_is_looked_up_only_for_its_entity(
    client: SandboxClient, more: dict[str, Any], code: str
) -> None:
    body = {"assetCode": "BRL", "type": "deposit", "portfolioId": UNKNOWN_ID, **more}
    assert await client.rejected("POST", "/accounts", body) == (404, code)


@pytest.mark.parametrize("text", ["1_0", "%205", "abc", "-5"])
async def test_a_limit_is_a_number_in_plain_digits(client: SandboxClient, text: str) -> None:
    status, _ = await client.on("GET", f"/assets?limit={text}")
    assert status == by_dialect(client, v3_3=200, v3_8=400, v4=400)
    assert (await client.on("GET", "/assets?limit=%2B5"))[0] == 200
