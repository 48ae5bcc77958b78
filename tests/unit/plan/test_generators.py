"""What each generator makes: bodies a server takes, found again by what identifies them, no matter in which order."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.plan.generators import GENERATORS
from midaz_seed.plan.items import Entity, EntityItem, LookUp, Movement, Phase, TransactionItem, effect_of
from midaz_seed.plan.marks import KEY_MARK, RUN_MARK
from midaz_seed.plan.plan import LedgerPlan, Plan, build_plan
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM
from midaz_seed.plan.templates import ASSETS
from midaz_seed.settings.model import Settings


def plan_of(transactions_per_batch: int = 1, seed: int = 1, **volume: int) -> Plan:
    batches = {"transactionsPerBatch": transactions_per_batch}
    return build_plan(
        Settings.model_validate(
            {"preset": "tiny", "seed": seed, "runId": "r", "volume": volume, "generation": {"batches": batches}}
        )
    )


def ledger_of(transactions_per_batch: int = 1, seed: int = 1, **volume: int) -> LedgerPlan:
    (ledger,) = plan_of(transactions_per_batch, seed, **volume).ledgers
    return ledger


def transactions(ledger: LedgerPlan) -> Iterator[TransactionItem]:
    return chain(ledger.deposits(), ledger.transfers())


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
        ("o1.l1", Entity.LEDGER, LookUp("name", "Main", {"name": "Main"}, case_sensitive=False)),
        ("o1.l1.a-BRL", Entity.ASSET, LookUp("code", "BRL")),
        ("o1.l1.at3", Entity.ACCOUNT_TYPE, LookUp("keyValue", "loans", {"key_value": "loans"}, case_sensitive=False)),
        ("o1.l1.p1", Entity.PORTFOLIO, LookUp("metadata.seedKey", "r/o1.l1.p1")),
        ("o1.l1.s1", Entity.SEGMENT, LookUp("name", "Retail")),
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
    assert twice == {Entity.ORGANIZATION, Entity.PORTFOLIO}


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


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(0, 20), st.integers(1, 8), st.integers(1, 12), st.integers(0, 2**40))
def test_a_body_says_what_the_movements_do(
    assets: int, more: int, each: int, transactions_per_batch: int, seed: int
) -> None:
    volume = {"assetsPerLedger": assets, "accountsPerLedger": 2 * assets + more, "transactionsPerAccount": each}
    ledger = ledger_of(transactions_per_batch, seed, **volume)
    for item in transactions(ledger):
        send = body_of(item)["send"]
        asset = ledger.asset_of(item.movements[0].destination)
        effect = {ledger.alias(account): change for account, change in effect_of(item).items()}
        written = Counter[str]()
        for side, sign in ((send.get("source", {}).get("from", []), -1), (send["distribute"]["to"], 1)):
            aliases = [alias for alias, _ in legs(side)]
            assert len(aliases) == len(set(aliases)), "two legs of one account on one side"
            for alias, value in legs(side):
                assert len(value.partition(".")[2]) == asset.scale
                written[alias] += sign * int(value.replace(".", ""))
        assert effect == dict(written)
        assert {leg["amount"]["asset"] for leg in send["distribute"]["to"]} == {send["asset"], asset.code, item.asset}
        assert ("source" in send) is (item.phase is Phase.TRANSFERS)


def test_a_deposit_batch_reaches_accounts_of_one_asset_and_the_last_one_is_shorter() -> None:
    ledger = ledger_of(3, assetsPerLedger=2, accountsPerLedger=8, transactionsPerAccount=1)
    made = [(item.key, item.asset, item.amount, [leg.destination for leg in item.movements])
            for item in ledger.deposits()]  # fmt: skip
    assert made == [
        ("o1.l1.d1x3", "BRL", "30000.00", [0, 2, 4]),
        ("o1.l1.d7x1", "BRL", "10000.00", [6]),
        ("o1.l1.d2x3", "USD", "30000.00", [1, 3, 5]),
        ("o1.l1.d8x1", "USD", "10000.00", [7]),
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
        assert legs(send["distribute"]["to"]) == [(ledger.alias(1 - source), item.amount)]
        assert Decimal(item.amount) == Decimal(sum(movement.amount for movement in item.movements)) / 100


def test_an_account_that_gets_what_it_sends_is_not_changed() -> None:
    there_and_back = (Movement(0, 1, 5), Movement(1, 0, 5), Movement(2, 0, 1), Movement(None, 2, 4))
    item = TransactionItem("k", Phase.TRANSFERS, b"", b"", b"", "BRL", "0.15", there_and_back)
    assert effect_of(item) == {0: 1, 2: 3}


RAILS: dict[str, dict[str, str]] = {
    "PIX": {"pixType": "transfer|payment|withdrawal", "pixKey": "email|phone|document|randomKey"},
    "TED": {"bankCode": "001|104|341|237|033", "accountType": "checking|savings"},
    "BOLETO": {
        "barcode": r"\d{44}",
        "dueDate": r"20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])",
        "issuer": "bank|utility|government|retail",
    },
    "P2P": {"platform": "app|website|terminal", "category": "purchase|subscription|donation"},
}


def test_every_rail_has_its_own_details_and_all_of_their_values_occur() -> None:
    ledger = ledger_of(accountsPerLedger=100, transactionsPerAccount=20)
    seen: dict[tuple[str, str], set[str]] = {}
    for item in ledger.transfers():
        body = body_of(item)
        details = {name: value for name, value in body["metadata"].items() if name not in ("seedRun", "seedKey")}
        payment_rail = details.pop("rail")
        assert body["description"] == f"{payment_rail} transfer"
        assert set(details) == set(RAILS[payment_rail])
        for name, value in details.items():
            assert re.fullmatch(RAILS[payment_rail][name], value)
            seen.setdefault((payment_rail, name), set()).add(value)
    for payment_rail, details in RAILS.items():
        for name, pattern in details.items():
            if "\\" not in pattern:
                assert seen[payment_rail, name] == set(pattern.split("|"))


def test_amounts_are_drawn_from_the_whole_range_in_minor_units() -> None:
    ledger = ledger_of(assetsPerLedger=8, accountsPerLedger=400, transactionsPerAccount=10)
    drawn: dict[str, list[int]] = {}
    for item in ledger.transfers():
        drawn.setdefault(item.asset, []).extend(movement.amount for movement in item.movements)
    for asset in ASSETS:
        amounts, span = drawn[asset.code], asset.transfer_max - asset.transfer_min
        assert min(amounts) < asset.transfer_min + span * 0.05 + 1
        assert max(amounts) > asset.transfer_max - span * 0.05 - 1
        if asset.scale:
            assert any(amount % 10 for amount in amounts), "the last decimal is never used"
    assert set(drawn["MILES"]) == set(range(10, 51))


def test_deposits_and_ranges_are_the_published_ones() -> None:
    published = {
        "BRL": ("10000.00", "10.00", "50.00"),
        "USD": ("10000.00", "10.00", "50.00"),
        "EUR": ("10000.00", "10.00", "50.00"),
        "BTC": ("100", "0.01", "0.10"),
        "ETH": ("100", "0.01", "0.10"),
        "XAU": ("5000", "0.1", "1"),
        "XAG": ("5000", "0.1", "1"),
        "MILES": ("10000", "10", "50"),
    }
    for asset in ASSETS:
        amounts = (asset.deposit, asset.transfer_min, asset.transfer_max)
        assert [asset.decimal(minor) for minor in amounts] == [Decimal(text) for text in published[asset.code]]


def test_transfers_reach_every_other_account_of_the_asset() -> None:
    ledger = ledger_of(assetsPerLedger=2, accountsPerLedger=10, transactionsPerAccount=60)
    reached: dict[int | None, set[int]] = {}
    for item in ledger.transfers():
        for movement in item.movements:
            reached.setdefault(movement.source, set()).add(movement.destination)
    for account in range(10):
        assert reached[account] == set(range(account % 2, 10, 2)) - {account}


def test_accounts_are_spread_over_assets_types_portfolios_and_segments() -> None:
    volume = {"assetsPerLedger": 3, "portfoliosPerLedger": 2, "segmentsPerLedger": 5, "accountsPerLedger": 90}
    items = list(ledger_of(**volume).account_items())
    for field, shares in (("assetCode", 3), ("type", 3)):
        assert Counter(Counter(item.payload[field] for item in items).values()) == {90 // shares: shares}
    for field, shares in (("portfolioId", 2), ("segmentId", 5)):
        assert set(Counter(item.references[field] for item in items).values()) == {90 // shares}
        assert len({item.references[field] for item in items}) == shares


def test_every_segment_and_portfolio_has_accounts_of_every_asset() -> None:
    volume = {"assetsPerLedger": 3, "portfoliosPerLedger": 3, "segmentsPerLedger": 6, "accountsPerLedger": 90}
    items = list(ledger_of(**volume).account_items())
    for field, count in (("portfolioId", 3), ("segmentId", 6)):
        assert len({(item.references[field], item.payload["assetCode"]) for item in items}) == 3 * count


def test_what_accounts_refer_to_is_part_of_the_plan() -> None:
    plan = plan_of(portfoliosPerLedger=3, segmentsPerLedger=4, accountsPerLedger=40)
    for item in plan.ledgers[0].account_items():
        found = [plan.find(key) for key in item.references.values()]
        assert [one.entity for one in found if isinstance(one, EntityItem)] == [Entity.PORTFOLIO, Entity.SEGMENT]


def test_accounts_without_portfolios_and_segments_refer_to_nothing() -> None:
    items = ledger_of(portfoliosPerLedger=0, segmentsPerLedger=0).account_items()
    assert all(item.references == {} for item in items)


@pytest.mark.parametrize(("registered", "used"), [(0, 3), (1, 1), (5, 5)])
def test_accounts_have_the_registered_types_or_else_the_three_usual_ones(registered: int, used: int) -> None:
    ledger = ledger_of(accountTypesPerLedger=registered, accountsPerLedger=60)
    assert len(list(ledger.account_type_items())) == registered
    names = ["deposit", "savings", "loans", "marketplace", "creditCard"]
    assert {item.payload["type"] for item in ledger.account_items()} == set(names[:used])


def test_assets_say_their_minor_units_and_symbol_in_plain_characters() -> None:
    items = list(ledger_of(assetsPerLedger=8, accountsPerLedger=16).asset_items())
    metadata = [item.payload["metadata"] for item in items]
    said = [(one["symbol"], one["minorUnits"]) for one in metadata if isinstance(one, dict)]
    assert said == [
        ("R$", "2"), ("$", "2"), ("EUR", "2"), ("BTC", "8"), ("ETH", "18"), ("Au", "6"), ("Ag", "6"), ("mi", "0"),
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
    """The generators write the names as literals, because they run once for each transaction."""
    for item in transactions(ledger_of()):
        metadata = json.loads(item.body)["metadata"]
        assert (metadata[RUN_MARK], metadata[KEY_MARK]) == ("r", item.tag)
        assert item.tag == f"r/{item.key}"
