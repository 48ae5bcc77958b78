"""The data of every built-in scenario is the same with every version of Python, at any concurrency, in any number of
processes. The values are those of `python tools/digests.py`; a run of the tests compares the Python that runs them.
"""

import pytest

from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.loader import builtin_names, load_scenario
from midaz_seed.settings.model import Settings
from tests.support.plans import transactions
from tools.digests import bodies_digest, small_plan

DIGESTS = {
    "bank-base": ("843ce159ed1b08e7370dfe4d43e3c24c779729a8d4d952252ce4901c6bfe969a", "764ee7b0afd575b3"),
    "classic": ("07fcfed6213544121a13973a72b6bc0792d74d3a7acb08eab0711bc69a087f5a", "051709ce58f54bd0"),
    "contention": ("b9e8458a47b681e6ab8f42498b4bbe4146f17b598f5a36c3f6964a5760d1d39d", "6b8fa76ee679f0b0"),
    "corner-cases": ("2fa50f90955bea4755c14c5c83a3ecb23ea84d2ebe0d0469bb80651fa77a7942", "24d4d1971e2222bc"),
    "demo": ("1c2147440945db3f239c00f178f1f7a430dc6a759ba60dbee592b2b4dfed549b", "44bcf8cb66738050"),
    "fintech-wallet": ("8152ecdea07bd9e2bd99d6fc9394371073d80dcaa18e136a68ef20df324a3848", "650fe5b6ca7cc96d"),
    "fx-desk": ("8c1dcb86b495f1047d1b631ee4cd5c0212d557b08ebd1142125ac0222f296c4b", "81954e3003e6dbac"),
    "lifecycle": ("4b6aeb0a8950dc924a2214535147bf1b08a2c09c152f59b2412f3768c33f419b", "7c27694b15e61333"),
    "marketplace-payouts": ("9b0d53ed4d81a19b222e78af2798a966892c6e5d69385697e54229d04fc8d0a9", "07a164fdd4fd3a53"),
    "month-of-history": ("fa1e1e038ead708b8b7181eab91a614abbd5e372851712e2a7198cf0186ebb0c", "988977199259f0ed"),
    "payroll": ("b7d74d025da57ee4b985fc7481d2f0baf6a6eb225cf647ef77ab304359f8f245", "86e090bf58db334a"),
    "retail-bank": ("01caf134cb73387db8d554675221d1a64d12a0bb8009af788fd2c680bcda1110", "d8f62affc6aee3d5"),
    "year-of-history": ("c946ceb0686795ed892dce5c131747d5a0523b4703e36018fc8bfb1b9c5cbade", "900b72d3629a48df"),
}
"""Name -> digest of the plan, and of the bodies of its transactions."""


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_scenario_has_the_same_data_with_every_python(name: str) -> None:
    plan = small_plan(name)
    assert (plan.digest, bodies_digest(plan)) == DIGESTS[name], "see tools/digests.py"


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
    assert small_plan("demo", seed=2).digest != DIGESTS["demo"][0]
