"""The fixtures for other projects' tests, in a pytest of its own, as such a project runs them."""

from importlib.metadata import entry_points

import pytest

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

TESTS = """
import asyncio
import json
from urllib.request import Request, urlopen

import pytest


def get(url):
    with urlopen(url) as answer:
        return json.load(answer)


def test_accounts_are_on_the_server(midaz_sandbox, midaz_seeded):
    data = midaz_seeded(volume={"accountsPerLedger": 7})
    account = next(iter(data.accounts.values()))
    path = f"/v1/organizations/{data.organization_id}/ledgers/{data.ledger_id}/accounts/{account.id}"
    found = get(midaz_sandbox.url + path)
    assert (found["alias"], found["assetCode"]) == (account.alias, account.asset)
    assert midaz_seeded(volume={"accountsPerLedger": 7}) is data


def test_async_tests_use_the_same_fixtures(midaz_seeded, midaz_verify):
    async def use():
        data = midaz_seeded(preset="tiny")
        return midaz_verify(data).proof.ok

    assert asyncio.run(use())


def test_a_scenario_has_personas(midaz_seeded):
    data = midaz_seeded("demo", volume={"customers": 30, "movements": 60})
    assert any(account.row["persona"] for account in data.accounts.values())


def test_a_change_is_found(midaz_sandbox, midaz_seeded, midaz_verify):
    data = midaz_seeded(volume={"accountsPerLedger": 6}, seed=7)
    first, second = list(data.accounts.values())[:2]
    asset = first.asset
    second = next(each for each in list(data.accounts.values())[1:] if each.asset == asset)
    body = {
        "send": {
            "asset": asset,
            "value": "0.01",
            "source": {"from": [{"accountAlias": first.alias, "amount": {"asset": asset, "value": "0.01"}}]},
            "distribute": {"to": [{"accountAlias": second.alias, "amount": {"asset": asset, "value": "0.01"}}]},
        }
    }
    url = f"{midaz_sandbox.transaction_url}/v1/organizations/{first.organization_id}/ledgers/{first.ledger_id}"
    request = Request(f"{url}/transactions/json", json.dumps(body).encode(), {"Content-Type": "application/json"})
    urlopen(request).close()
    with pytest.raises(AssertionError, match=first.alias):
        midaz_verify(data)


def test_the_dialect_can_be_chosen(midaz_sandbox):
    assert midaz_sandbox.dialect == "v4"
    assert midaz_sandbox.transaction_url == midaz_sandbox.url
"""


def test_another_project_seeds_and_verifies_in_its_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    options = ("midaz_dialect = v4", "filterwarnings = error", "asyncio_default_fixture_loop_scope = function")
    pytester.makeini("\n".join(["[pytest]", *options]))
    installed = any(each.value == "midaz_seed.pytest_plugin" for each in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "midaz_seed.pytest_plugin"]
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider", *plugin)
    result.assert_outcomes(passed=5)
