"""The validation layer refuses what a server would refuse, or worse: would take."""

from typing import Any

import pytest
from pydantic import ValidationError

from midaz_seed.model import payloads

ACCOUNT: dict[str, Any] = {
    "name": "Ana Sousa",
    "assetCode": "BRL",
    "type": "deposit",
    "alias": "ana-sousa-1",
    "entityId": "11144477735",
    "metadata": {"seedKey": "run/o1.l1.acc1"},
}
ORGANIZATION: dict[str, Any] = {
    "legalName": "Sousa Comércio Ltda.",
    "doingBusinessAs": "Sousa Comércio",
    "legalDocument": "00.000.000/0001-91",
    "address": {"line1": "Rua A, 1", "zipCode": "01000-000", "city": "São Paulo", "state": "SP", "country": "BR"},
    "metadata": {"seedKey": "run/o1"},
}
TRANSFER: dict[str, Any] = {
    "description": "PIX transfer",
    "metadata": {"seedKey": "run/o1.l1.t1.1"},
    "send": {
        "asset": "BRL",
        "value": "10.00",
        "source": {"from": [{"accountAlias": "a-1", "amount": {"asset": "BRL", "value": "10.00"}}]},
        "distribute": {
            "to": [
                {"accountAlias": "b-2", "amount": {"asset": "BRL", "value": "4.00"}},
                {"accountAlias": "c-3", "amount": {"asset": "BRL", "value": "6.00"}},
            ]
        },
    },
}


def test_good_bodies_pass() -> None:
    payloads.Account.model_validate(ACCOUNT)
    payloads.Organization.model_validate(ORGANIZATION)
    payloads.Transaction.model_validate(TRANSFER)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alias", "ana_sousa"),
        ("alias", "ana sousa"),
        ("alias", "ana-são"),
        ("alias", "a" * 101),
        ("alias", ""),
        ("entityId", ""),
        ("assetCode", "brl"),
        ("metadata", {}),
        ("metadata", {"seedKey": ""}),
        ("metadata", {"seedKey": "x" * 101}),
        ("metadata", {"seedKey": "não"}),
        ("metadata", {"seedKey": 1.5}),
        ("metadata", {"seedKey": {"nested": "no"}}),
        ("surprise", "field"),
    ],
)
def test_an_account_that_a_server_would_trip_over_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        payloads.Account.model_validate({**ACCOUNT, field: value})


def test_an_organization_needs_a_country_and_a_cnpj() -> None:
    address = {name: value for name, value in ORGANIZATION["address"].items() if name != "country"}
    with pytest.raises(ValidationError, match="country"):
        payloads.Organization.model_validate({**ORGANIZATION, "address": address})
    with pytest.raises(ValidationError, match="not a CNPJ"):
        payloads.Organization.model_validate({**ORGANIZATION, "legalDocument": "111.444.777-35"})


@pytest.mark.parametrize("name", ["a_b", "50%", "back\\slash", ""])
def test_names_that_like_takes_for_patterns_are_refused(name: str) -> None:
    for model in (payloads.Ledger, payloads.Segment):
        with pytest.raises(ValidationError, match="name"):
            model.model_validate({"name": name, "metadata": {"seedKey": "k"}})


def test_gold_is_no_currency_kind_of_its_own() -> None:
    asset = {"name": "Gold", "code": "XAU", "metadata": {"seedKey": "k"}}
    payloads.Asset.model_validate({**asset, "type": "commodity"})
    for kind in ("security", "loyalty", "Currency", "fiat"):
        with pytest.raises(ValidationError, match="type"):
            payloads.Asset.model_validate({**asset, "type": kind})


@pytest.mark.parametrize("value", ["10.01", "0.00", "-10.00", "1e1", " 10.00", "10,00", 10.0, 10])
def test_a_transaction_whose_value_is_not_the_exact_text_of_its_legs_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        payloads.Transaction.model_validate({**TRANSFER, "send": {**TRANSFER["send"], "value": value}})


@pytest.mark.parametrize("side", ["source", "distribute"])
def test_an_inflow_has_no_source_and_an_outflow_no_destination_but_one_of_them_is_there(side: str) -> None:
    one_side = {name: value for name, value in TRANSFER["send"].items() if name != side}
    payloads.Transaction.model_validate({**TRANSFER, "send": one_side})
    with pytest.raises(ValidationError, match="a source or a destination"):
        payloads.Transaction.model_validate({**TRANSFER, "send": {"asset": "BRL", "value": "10.00"}})


def test_legs_that_do_not_add_up_are_refused_on_either_side() -> None:
    for side, legs in (("source", "from"), ("distribute", "to")):
        one = {"accountAlias": "x-1", "amount": {"asset": "BRL", "value": "9.99"}}
        with pytest.raises(ValidationError, match="sum to its value"):
            payloads.Transaction.model_validate({**TRANSFER, "send": {**TRANSFER["send"], side: {legs: [one]}}})
