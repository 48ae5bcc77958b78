"""The data of every built-in scenario is the same with every version of Python, at any concurrency, in any number of
processes. The values are those of `python tools/digests.py`; a run of the tests compares the Python that runs them.
"""

import pytest

from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.loader import builtin_names, load_scenario
from midaz_seed.settings.model import Settings
from tests.support.plans import transactions
from tools.digests import small_plan

DIGESTS = {
    "bank-base": "843ce159ed1b08e7370dfe4d43e3c24c779729a8d4d952252ce4901c6bfe969a",
    "classic": "07fcfed6213544121a13973a72b6bc0792d74d3a7acb08eab0711bc69a087f5a",
    "corner-cases": "2fa50f90955bea4755c14c5c83a3ecb23ea84d2ebe0d0469bb80651fa77a7942",
    "demo": "1c2147440945db3f239c00f178f1f7a430dc6a759ba60dbee592b2b4dfed549b",
    "fintech-wallet": "8152ecdea07bd9e2bd99d6fc9394371073d80dcaa18e136a68ef20df324a3848",
    "fx-desk": "f252f3ac48d9cc1ca9cd019c9b1cf02a296b62b8bac183fd93df85fce8768c93",
    "lifecycle": "4b6aeb0a8950dc924a2214535147bf1b08a2c09c152f59b2412f3768c33f419b",
    "marketplace-payouts": "9b0d53ed4d81a19b222e78af2798a966892c6e5d69385697e54229d04fc8d0a9",
    "month-of-history": "e4233ff604225abb3e8cfa790a26c8ef130b22cd475090ada3ca87233aed900b",
    "payroll": "b7d74d025da57ee4b985fc7481d2f0baf6a6eb225cf647ef77ab304359f8f245",
    "retail-bank": "db89f44e49ff023d125309a4a11b2a603bcd13527a38a29d069a9c38d8f550d6",
    "year-of-history": "96b5ea45ee12915de8ab6fa1a307cf22ac434bac3a13cfd1f06a56d86f1d9d97",
}


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_scenario_has_the_same_data_with_every_python(name: str) -> None:
    assert small_plan(name).digest == DIGESTS[name], "see tools/digests.py"


def test_load_and_processes_change_no_data() -> None:
    scenario = load_scenario("demo")
    volume = {"customers": 60, "movements": 30}
    limits = [{"maxConcurrency": 1}, {"maxConcurrency": 64, "requestsPerSecond": 7}, {"shards": 2}]
    plans = [
        build_plan(Settings.model_validate({"scenario": scenario, "volume": volume, "generation": {"limits": each}}))
        for each in limits
    ]
    assert len({plan.digest for plan in plans}) == 1
    items = [[list(transactions(ledger)) for ledger in plan.ledgers] for plan in plans]
    assert items[0] == items[1] == items[2]


def test_another_seed_gives_other_data() -> None:
    assert small_plan("demo", seed=2).digest != DIGESTS["demo"]
