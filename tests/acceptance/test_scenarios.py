"""Every built-in scenario, whole, on every version that has what it needs: `make scenarios`.

Too long for `make acceptance`, which runs the small ones.
"""

import os

import pytest

from midaz_seed.errors import UnsupportedScenarioError
from midaz_seed.runner import seed_async
from midaz_seed.scenarios.extending import builtin_names
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.needs import missing
from midaz_seed.settings.model import Settings

VERSIONS = {"v3.3": "v3.3.15", "v3.8": "v3.8.0", "v4": "v4.0.0"}
SMALL = ("bank-base", "corner-cases", "demo")
ALL = os.environ.get("MIDAZ_SEED_TEST_SCENARIOS") == "all"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("dialect", VERSIONS)
@pytest.mark.parametrize("name", [name for name in builtin_names() if ALL or name in SMALL])
async def test_a_built_in_scenario_is_proved_or_refused_with_what_it_needs(name: str, dialect: str) -> None:
    scenario = load_scenario(name)
    settings = Settings.model_validate(
        {"scenario": name, "target": {"baseUrl": "sandbox"}, "sandbox": {"dialect": dialect}}
    )
    lacking = missing(scenario, VERSIONS[dialect])
    if lacking:
        with pytest.raises(UnsupportedScenarioError) as caught:
            await seed_async(settings)
        assert all(need.feature in str(caught.value) for need in lacking)
        return
    report = await seed_async(settings)
    assert report.exit_code == 0, (report.verdict, report.errors)
    assert report.proof is not None
    assert report.proof.ok
    if scenario.proof.as_of:
        assert report.proof.history is not None
        assert report.proof.history.balances > 0
