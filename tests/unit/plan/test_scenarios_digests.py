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
    "bank-base": "1f85a41bd337a5280bf2cf0191ee32a84167aa596f7998ac3056530b5e4d4138",
    "classic": "07fcfed6213544121a13973a72b6bc0792d74d3a7acb08eab0711bc69a087f5a",
    "corner-cases": "2fa50f90955bea4755c14c5c83a3ecb23ea84d2ebe0d0469bb80651fa77a7942",
    "demo": "1f2e38b231554403f9fb36a12ff0cf748440f83bda4bba2ecc7c89353bb0ec40",
    "fintech-wallet": "579609f08830df75fe2082d3c71ae8b70a6b38695006f01f432582055f17e03a",
    "fx-desk": "7cf313860af2436acb0509d963ce1a0b57e58509ac16382d8247df29042defe2",
    "lifecycle": "4b6aeb0a8950dc924a2214535147bf1b08a2c09c152f59b2412f3768c33f419b",
    "marketplace-payouts": "b8afc859cb371f6858a212b9fc993f89546d94d1aa996843a0f249f8584734bd",
    "month-of-history": "8411a8d001931505feaa0d508075fa7a9e726e9b0b170c3dda15f60ed4c616b5",
    "payroll": "fb8f93c04af8985a9430c30eebfaad171f46bddc3e6879ec40119906e185bf7c",
    "retail-bank": "8c262deac784d8c7d606609530f772bf534ff7555ec505c96c74b1ae764fc6fb",
    "year-of-history": "dad3d93b4ffade3cae8b9daecb48bb094ca41d2b83da9e1b0a089425853f542f",
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
