"""The mark of a transaction: where it is written, and that an answer is believed only with its own."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from midaz_seed.midaz.evidence import (
    MADE,
    ODD,
    REPLAYED,
    Effect,
    Reading,
    is_plainly_ours,
    is_record,
    ledger_bytes,
    of_transaction,
)
from midaz_seed.model import payloads
from midaz_seed.plan.items import Phase, TransactionItem
from midaz_seed.plan.marks import DESCRIPTION_MAX, mark_of_transaction
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.settings.model import Settings
from tests.support.plans import shapes, transactions
from tests.support.transactions import LEDGER, ORGANIZATION, PLACE, own_answer, planned_items

OWN = ledger_bytes(ORGANIZATION, LEDGER)


def _changed(item: TransactionItem, **changes: Any) -> bytes:
    return orjson.dumps({**orjson.loads(own_answer(item)), **changes})


@pytest.mark.parametrize("metadata", ["full", "mark", "none"])
def test_only_the_answer_with_the_items_own_mark_is_its_own(metadata: str) -> None:
    item, other = planned_items(metadata)[4:6]
    body = own_answer(item)
    assert is_plainly_ours(body, item, OWN)
    assert of_transaction(201, {}, body, item, PLACE) == MADE
    assert not is_plainly_ours(own_answer(other), item, OWN)
    evidence = of_transaction(201, {REPLAYED: "true"}, own_answer(other), item, PLACE)
    assert (evidence.effect, evidence.reading) == (Effect.NOT_MADE, Reading.FOREIGN)
    assert of_transaction(201, {}, own_answer(other), item, PLACE) == ODD
    for changes in (
        {"description": "", "metadata": {}},
        {"description": f"[{item.tag}]", "metadata": None},  # no text and no blank before it: the tool writes none such
        {"description": f"paid [{item.tag}] again", "metadata": None},
        {"description": f"paid [{item.tag}", "metadata": None},
        {"description": 1, "metadata": {"seedKey": 1}},
    ):
        wrong = _changed(item, **changes)  # its operations still have the mark
        assert not is_plainly_ours(wrong, item, OWN)
        assert of_transaction(201, {REPLAYED: "true"}, wrong, item, PLACE) == ODD
        assert not is_record(orjson.loads(wrong), item)


def test_a_mark_in_the_metadata_counts_before_what_a_description_looks_like() -> None:
    row = {"description": "to [another/o1.l1.t1.1]", "metadata": {"seedKey": "r/o1.l1.t2.1"}}
    assert mark_of_transaction(row) == "r/o1.l1.t2.1"
    assert mark_of_transaction({"description": "a [b/c] [r/o1.l1.t2.1]"}) == "r/o1.l1.t2.1"


def _check_descriptions(chosen: Settings) -> None:
    """Compare the plan without metadata with the plan that has them."""
    less = chosen.model_copy(update={"data": chosen.data.model_copy(update={"metadata": "none"}), "run_id": "r" * 40})
    for usual, ledger in zip(build_plan(chosen).ledgers, build_plan(less).ledgers, strict=True):
        for full, item in zip(transactions(usual), transactions(ledger), strict=True):
            assert (item.key, item.movements, item.answer, item.tag) == (
                full.key, full.movements, full.answer, f"{'r' * 40}/{item.of or item.key}",
            )  # fmt: skip
            if not item.body:  # a follow-up
                continue
            body, with_metadata = json.loads(item.body), json.loads(full.body)
            if item.phase is not Phase.REFUSALS:
                payloads.Transaction.model_validate(body)
            assert body["metadata"] is None
            text, ending = with_metadata["description"], f" [{item.tag}]"
            assert body["description"] == text[: DESCRIPTION_MAX - len(ending)] + ending
            assert mark_of_transaction({"description": body["description"]}) == item.tag
            answer = f'{{"id":"1","description":{json.dumps(body["description"], ensure_ascii=False)},"status":{{'
            assert item.mark in answer.encode()


@settings(max_examples=15, deadline=None)
@given(shapes())
def test_without_metadata_every_transaction_ends_its_description_with_its_mark(chosen: Settings) -> None:
    _check_descriptions(chosen)


@pytest.mark.parametrize("says", ["é" * 250 + '] \\\\"', "[other/o1.l1.t1.1]", "a {amount} [x"])
def test_a_long_text_of_a_scenario_is_cut_and_never_its_mark(says: str) -> None:
    scenario = load_scenario("classic")
    mix = {name: entry.model_copy(update={"says": says}) for name, entry in scenario.mix.items()}
    small = {"preset": "tiny", "scenario": scenario.model_copy(update={"mix": mix})}
    _check_descriptions(Settings.model_validate(small))


@pytest.mark.parametrize("scenario", ["corner-cases", "fintech-wallet"])
def test_refusals_holds_and_histories_are_marked_without_metadata(scenario: str) -> None:
    volume = {"customers": 60, "movements": 100, "organizations": 1, "ledgersPerOrganization": 1}
    _check_descriptions(Settings.model_validate({"scenario": scenario, "volume": volume}))
