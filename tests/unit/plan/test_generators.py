"""What each generator makes: bodies a server takes, found again by what identifies them, no matter in which order."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.model.balances import EXTERNAL
from midaz_seed.plan.generators import GENERATORS
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Movement, Phase, TransactionItem, effect_of
from midaz_seed.plan.marks import KEY_MARK, RUN_MARK
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM
from midaz_seed.plan.templates import LEDGERS, numbered
from tests.support.plans import asset_of, ledger_of, plan_of, sums_by_side, transactions


def body_of(item: TransactionItem) -> dict[str, Any]:
    """A body; a number that is no text would be a float, and is refused."""

    def refuse(number: str) -> None:
        raise AssertionError(f"a bare number: {number}")

    body: dict[str, Any] = json.loads(item.body, parse_float=refuse, parse_int=refuse, parse_constant=refuse)
    return body


def legs(side: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(leg["accountAlias"], leg["amount"]["value"]) for leg in side]


@pytest.mark.parametrize(
    ("key", "entity", "look_up"),
    [
        ("o1", Entity.ORGANIZATION, LookUp("metadata.seedKey", "r/o1", {"metadata.seedKey": "r/o1"})),
        ("o1.l1", Entity.LEDGER, LookUp("name", "Principal", {"name": "Principal"}, case_sensitive=False)),
        ("o1.l1.a-BRL", Entity.ASSET, LookUp("code", "BRL")),
        ("o1.l1.at3", Entity.ACCOUNT_TYPE, LookUp("keyValue", "loans", {"key_value": "loans"}, case_sensitive=False)),
        ("o1.l1.p1", Entity.PORTFOLIO, LookUp("metadata.seedKey", "r/o1.l1.p1")),
        ("o1.l1.s1", Entity.SEGMENT, LookUp("name", "Varejo")),
    ],
)
def test_an_existing_one_is_found_by_what_identifies_it(key: str, entity: Entity, look_up: LookUp) -> None:
    item = plan_of(accountTypesPerLedger=3).find(key)
    assert isinstance(item, EntityItem)
    assert item.entity is entity
    assert GENERATORS[entity].look_up(item) == look_up


def test_an_existing_account_is_found_by_its_alias() -> None:
    ledger = ledger_of()
    for index, item in enumerate(ledger.account_items()):
        assert ledger.account_index(item.key) == index
        assert GENERATORS[item.entity].look_up(item) == LookUp("alias", ledger.alias(index))


def test_only_what_the_server_lets_exist_twice_is_looked_up_before_it_is_made() -> None:
    twice = {entity for entity, generator in GENERATORS.items() if not generator.unique_on_server}
    assert twice == {Entity.ORGANIZATION, Entity.OPERATION_ROUTE, Entity.TRANSACTION_ROUTE, Entity.PORTFOLIO}


def test_an_organization_is_called_by_its_legal_name() -> None:
    (organization,) = plan_of().organizations
    assert organization.name == organization.item.payload["legalName"]
    found = {**organization.item.payload, "legalName": "Somebody Else S.A."}
    (difference,) = GENERATORS[Entity.ORGANIZATION].differences(organization.item, found)
    assert difference == f"legalName: Somebody Else S.A. on the server, {organization.name} in the plan"


@pytest.mark.parametrize("transactions_per_batch", [1, 7])
def test_an_item_made_alone_is_the_same_to_the_byte_over_many_blocks_of_accounts(transactions_per_batch: int) -> None:
    ledger = ledger_of(
        transactions_per_batch,
        assetsPerLedger=3,
        accountsPerLedger=2 * ACCOUNTS_PER_STREAM + 7,
        transactionsPerAccount=9,
    )
    everything = {item.key: item for item in transactions(ledger)}
    sample = ledger.sample(400)
    assert {item.phase for item in sample} == {Phase.DEPOSITS, Phase.TRANSFERS}
    assert all(everything[item.key] == item for item in sample)
    sources = {item.movements[0].source for item in sample}
    assert (
        any(source is not None and source >= 2 * ACCOUNTS_PER_STREAM for source in sources)
        or transactions_per_batch > 1
    )


def test_the_last_account_of_the_last_block_is_a_source_as_often_as_the_first() -> None:
    accounts = ACCOUNTS_PER_STREAM + 3
    ledger = ledger_of(accountsPerLedger=accounts, transactionsPerAccount=4)
    sent = Counter(movement.source for item in ledger.transfers() for movement in item.movements)
    assert sent == dict.fromkeys(range(accounts), 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(0, 20), st.integers(1, 8), st.integers(1, 12), st.integers(0, 2**40))
def test_a_body_says_what_the_movements_do(
    assets: int, more: int, each: int, transactions_per_batch: int, seed: int
) -> None:
    volume = {"assetsPerLedger": assets, "accountsPerLedger": 2 * assets + more, "transactionsPerAccount": each}
    ledger = ledger_of(transactions_per_batch, seed=seed, **volume)
    for item in transactions(ledger):
        send, asset = body_of(item)["send"], asset_of(ledger, item)
        for side, sums in zip(("source", "distribute"), sums_by_side([item]), strict=True):
            expected = {
                EXTERNAL + code if account is None else ledger.alias(account): asset.text(amount)
                for (account, code), amount in sums.items()
            }
            found = legs(send.get(side, {}).get("from" if side == "source" else "to", []))
            if found:
                assert dict(found) == expected
                assert len(found) == len(expected), "two legs of one account on one side"
            else:
                assert expected == {EXTERNAL + asset.code: item.amount}
            assert set(item.accounts[side == "distribute"]) == set(expected)
        assert send["asset"] == asset.code == item.asset
        assert send["value"] == item.amount == asset.text(sum(movement.amount for movement in item.movements))
        sides = {"json": {"source", "distribute"}, "inflow": {"distribute"}, "outflow": {"source"}}
        assert {"source", "distribute"} & set(send) == sides[item.endpoint]


def test_a_deposit_batch_reaches_accounts_of_one_asset_and_the_last_one_is_shorter() -> None:
    ledger = ledger_of(3, assetsPerLedger=2, accountsPerLedger=8, transactionsPerAccount=1)
    made = [(item.key, item.asset, [leg.destination for leg in item.movements]) for item in ledger.deposits()]
    assert made == [
        ("o1.l1.d1x3", "BRL", [0, 2, 4]),
        ("o1.l1.d7x1", "BRL", [6]),
        ("o1.l1.d2x3", "USD", [1, 3, 5]),
        ("o1.l1.d8x1", "USD", [7]),
    ]


def test_movements_of_a_batch_to_one_account_are_one_leg_with_their_sum() -> None:
    ledger = ledger_of(5, assetsPerLedger=1, accountsPerLedger=2, transactionsPerAccount=8)
    items = list(ledger.transfers())
    assert [item.key for item in items] == ["o1.l1.t1.1x5", "o1.l1.t2.1x5", "o1.l1.t1.6x2", "o1.l1.t2.6x2"]
    for item in items:
        send = body_of(item)["send"]
        source = item.movements[0].source
        assert source is not None
        assert legs(send["source"]["from"]) == [(ledger.alias(source), item.amount)]
        assert len(legs(send["distribute"]["to"])) == len({movement.destination for movement in item.movements}) <= 2
        assert Decimal(item.amount) == Decimal(sum(movement.amount for movement in item.movements)) / 100


def test_a_batch_with_boletos_has_one_leg_of_the_external_account() -> None:
    ledger = ledger_of(12, assetsPerLedger=1, accountsPerLedger=40, transactionsPerAccount=13)
    items = [item for item in ledger.transfers() if sum(each.destination is None for each in item.movements) > 1]
    assert items
    for item in items:
        received = legs(body_of(item)["send"]["distribute"]["to"])
        outside = [value for alias, value in received if alias == "@external/BRL"]
        paid = sum(movement.amount for movement in item.movements if movement.destination is None)
        assert outside == [ledger.assets[0].text(paid)]


def test_an_account_that_gets_what_it_sends_is_not_changed() -> None:
    there_and_back = (Movement(0, 1, 5), Movement(1, 0, 5), Movement(2, 0, 1), Movement(None, 2, 4))
    item = TransactionItem("k", Phase.TRANSFERS, b"", b"", b"", "BRL", "0.15", there_and_back)
    assert effect_of(item) == {0: 1, 2: 3}


def test_every_asset_has_only_rails_that_exist_for_it() -> None:
    ledger = ledger_of(assetsPerLedger=8, accountsPerLedger=240, transactionsPerAccount=20)
    seen: dict[str, Counter[str]] = {}
    for item in ledger.transfers():
        seen.setdefault(item.asset, Counter())[body_of(item)["metadata"]["rail"]] += 1
        assert (item.movements[0].destination is None) is (body_of(item)["metadata"]["rail"] == "BOLETO")
    assert {code: set(rails) for code, rails in seen.items()} == {
        "BRL": {"PIX", "BOLETO", "TED"},
        "USD": {"WIRE"},
        "EUR": {"WIRE"},
        "BTC": {"ONCHAIN"},
        "ETH": {"ONCHAIN"},
        "XAU": {"TRANSFER"},
        "XAG": {"TRANSFER"},
        "MILES": {"REDEMPTION", "TRANSFER"},
    }
    assert seen["BRL"].most_common(1)[0][0] == "PIX"


def test_amounts_are_within_the_limits_of_their_asset_and_not_all_alike() -> None:
    ledger = ledger_of(assetsPerLedger=8, accountsPerLedger=160, transactionsPerAccount=20)
    limits = {"BRL": ("0.5", "50000"), "ETH": ("0.0001", "100"), "XAU": ("0.01", "500"), "MILES": ("10", "200000")}
    drawn: dict[str, list[Decimal]] = {}
    for item in ledger.transfers():
        drawn.setdefault(item.asset, []).append(Decimal(item.amount))
    for code, (least, most) in limits.items():
        assert Decimal(least) <= min(drawn[code])
        assert max(drawn[code]) <= Decimal(most)
        assert max(drawn[code]) > 20 * sorted(drawn[code])[len(drawn[code]) // 10], f"{code}: amounts are nearly equal"


def test_transfers_reach_every_other_account_of_the_asset() -> None:
    ledger = ledger_of(assetsPerLedger=2, accountsPerLedger=10, transactionsPerAccount=60)
    reached: dict[int | None, set[int]] = {}
    for item in ledger.transfers():
        for source, destination, _ in item.movements:
            if destination is not None:
                reached.setdefault(source, set()).add(destination)
    for account in range(10):
        assert reached[account] == set(range(account % 2, 10, 2)) - {account}


def test_assets_are_taken_in_turn_and_types_portfolios_and_segments_do_not_follow_from_them() -> None:
    volume = {"assetsPerLedger": 3, "portfoliosPerLedger": 3, "segmentsPerLedger": 6, "accountsPerLedger": 360}
    items = list(ledger_of(**volume).account_items())
    assert [item.payload["assetCode"] for item in items[:6]] == ["BRL", "USD", "EUR"] * 2
    for field, count in (("portfolioId", 3), ("segmentId", 6)):
        assert len({(item.references[field], item.payload["assetCode"]) for item in items}) == 3 * count
    assert len({(item.payload["type"], item.payload["assetCode"]) for item in items}) == 9
    types = Counter(item.payload["type"] for item in items)
    assert types.most_common() == sorted(types.items(), key=lambda one: -one[1])
    assert types["deposit"] > types["savings"] > types["marketplace"]


def test_companies_are_not_in_portfolios_and_segments_for_people() -> None:
    plan = plan_of(portfoliosPerLedger=8, segmentsPerLedger=9, accountsPerLedger=400)
    found: dict[str, set[str]] = {}
    for item in plan.ledgers[0].account_items():
        for key in item.references.values():
            metadata = item.payload["metadata"]
            referred = plan.find(key)
            assert isinstance(referred, EntityItem)
            assert isinstance(metadata, dict)
            found.setdefault(str(referred.payload["name"]), set()).add(str(metadata["holderKind"]))
    assert found["Alta Renda"] == found["Private"] == {"PF"}
    assert found["Middle Market"] == found["MEI"] == found["Empresas"] == {"PJ"}
    assert found["Digital"] == {"PF", "PJ"}


def test_what_accounts_refer_to_is_part_of_the_plan() -> None:
    plan = plan_of(portfoliosPerLedger=3, segmentsPerLedger=4, accountsPerLedger=40)
    for item in plan.ledgers[0].account_items():
        found = [plan.find(key) for key in item.references.values()]
        assert [one.entity for one in found if isinstance(one, EntityItem)] == [Entity.PORTFOLIO, Entity.SEGMENT]


def test_accounts_without_portfolios_and_segments_refer_to_nothing() -> None:
    items = ledger_of(portfoliosPerLedger=0, segmentsPerLedger=0).account_items()
    assert all(item.references == {} for item in items)


@pytest.mark.parametrize(
    ("registered", "used"),
    [
        (0, {"deposit", "savings", "marketplace"}),
        (1, {"deposit"}),
        (2, {"deposit", "savings"}),
        (5, {"deposit", "savings", "marketplace"}),
    ],
)
def test_accounts_have_types_that_are_registered_where_any_are(registered: int, used: set[str]) -> None:
    ledger = ledger_of(accountTypesPerLedger=registered, accountsPerLedger=200)
    names = [item.payload["keyValue"] for item in ledger.items_of(Entity.ACCOUNT_TYPE)]
    assert names == ["deposit", "savings", "loans", "marketplace", "creditCard"][:registered]
    assert {item.payload["type"] for item in ledger.account_items()} == used


def test_assets_say_their_minor_units_and_symbol_in_plain_characters() -> None:
    items = list(ledger_of(assetsPerLedger=8, accountsPerLedger=16).items_of(Entity.ASSET))
    metadata = [item.payload["metadata"] for item in items]
    said = [(one.get("symbol"), one["minorUnits"]) for one in metadata if isinstance(one, dict)]
    assert said == [
        ("R$", "2"), ("$", "2"), (None, "2"), (None, "8"), (None, "18"), ("Au", "6"), ("Ag", "6"), ("mi", "0"),
    ]  # fmt: skip


def test_every_item_carries_the_run_and_its_own_key() -> None:
    plan = plan_of(organizations=2, ledgersPerOrganization=2)
    for key in ("o2", "o2.l2", "o2.l2.a-USD", "o2.l2.p1", "o2.l2.s1", "o2.l2.acc6", "o2.l2.d6", "o2.l2.t6.3"):
        item = plan.find(key)
        assert item is not None
        metadata = item.payload["metadata"] if isinstance(item, EntityItem) else body_of(item)["metadata"]
        assert isinstance(metadata, dict)
        assert (metadata["seedRun"], metadata["seedKey"]) == ("r", f"r/{key}")


def test_another_seed_makes_other_people_and_other_movements() -> None:
    one, other = ledger_of(seed=1), ledger_of(seed=2)
    assert [one.alias(account) for account in range(6)] != [other.alias(account) for account in range(6)]
    assert [item.movements for item in one.transfers()] != [item.movements for item in other.transfers()]


def test_ledgers_of_one_plan_are_not_copies_of_each_other() -> None:
    one, other = plan_of(ledgersPerOrganization=2).ledgers
    assert [item.movements for item in one.transfers()] != [item.movements for item in other.transfers()]
    assert one.alias(0) != other.alias(0)


def test_transactions_carry_the_marks_by_their_names() -> None:
    """The writer has the names as literals, because it runs once for each transaction."""
    for item in transactions(ledger_of()):
        metadata = json.loads(item.body)["metadata"]
        assert (metadata[RUN_MARK], metadata[KEY_MARK]) == ("r", item.tag)
        assert item.tag == f"r/{item.key}"


def test_lists_of_names_that_are_used_up_continue_with_numbers_and_never_repeat() -> None:
    names = [numbered(LEDGERS, index).lower() for index in range(500)]
    assert len(set(names)) == 500
    assert [numbered(LEDGERS, index) for index in (0, 6, 12)] == ["Principal", "Principal 2", "Principal 3"]
