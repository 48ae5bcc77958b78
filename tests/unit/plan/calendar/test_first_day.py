"""A history that begins before the offset of its time zone is known is refused, however its last day is given."""

import re
from datetime import date

import pytest

from midaz_seed.errors import ConfigurationError, PlanError
from midaz_seed.plan.last_day import with_last_day
from midaz_seed.plan.plan import build_plan
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.settings.model import Settings
from tests.support.scenarios import SHOP, write_scenario

FIRST = "a history can begin on 2019-02-18"


def test_a_scenario_file_is_refused_with_file_and_line(tmp_path):
    file = write_scenario(tmp_path, f"{SHOP}time:\n  last_day: 2019-03-01\n  history: 30 days\n")
    with pytest.raises(ConfigurationError) as refused:
        load_scenario(str(file))
    line = SHOP.count("\n") + 3
    assert refused.value.where == f"{file}:{line}"
    assert refused.value.message.startswith("time.history: 30 days until 2019-03-01 begin too early")
    assert FIRST in refused.value.message
    assert "use at most 12 days of history" in refused.value.message


def test_the_longest_possible_history_is_planned_with_its_opening_balances(tmp_path):
    file = write_scenario(tmp_path, f"{SHOP}time: {{last_day: 2019-03-01, history: 12 days}}\n")
    plan = build_plan(Settings(scenario=load_scenario(str(file))))
    ledger = plan.organizations[0].ledgers[0]
    assert {item.moment for item in ledger.deposits()} == {"2019-02-17T12:00:00Z"}


def test_a_history_until_yesterday_is_refused_when_the_day_is_known(tmp_path):
    file = write_scenario(tmp_path, f"{SHOP}time: {{last_day: yesterday, history: 3660 days}}\n")
    settings = with_last_day(Settings(scenario=load_scenario(str(file))), date(2026, 11, 25))
    with pytest.raises(PlanError, match=re.escape(FIRST)):
        build_plan(settings)
