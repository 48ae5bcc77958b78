"""Runs with holds, follow-ups, refusals, frozen accounts and parents, against each dialect."""

import random
from pathlib import Path

import pytest

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.report import PhaseReport, Report
from tests.support.kills import run_until_killed
from tests.support.lifecycle import VOLUME, hand_made, seed_plan
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for

DIALECTS = ["v3.3", "v3.8", "v4"]


def phase_of(report: Report, phase: Phase) -> PhaseReport:
    return next(each for each in report.phases if each.name == phase)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_kind_of_transaction_is_made_as_planned_and_every_refusal_refused(
    dialect: str, tmp_path: Path
) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        settings = settings_for(server.url, runs=tmp_path, volume=VOLUME)
        plan = hand_made(settings, with_blocks=dialect != "v3.3")
        report = await seed_plan(settings, plan)
        assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
        assert phase_of(report, Phase.FOLLOW_UPS).created == plan.counts[Phase.FOLLOW_UPS]
        refusals = phase_of(report, Phase.REFUSALS)
        assert (refusals.refused, refusals.failed, refusals.requests) == (6, 0, 12)
        assert report.failed_items_total == 0
        again = await seed_plan(settings, plan)
        assert (again.exit_code, again.proof and again.proof.differences) == (0, ()), again.verdict
        assert phase_of(again, Phase.FOLLOW_UPS).existing == plan.counts[Phase.FOLLOW_UPS]
        assert phase_of(again, Phase.REFUSALS).requests == 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("reaches", [True, False])
async def test_a_run_that_is_killed_anywhere_is_finished_by_the_next_without_a_difference(
    dialect: str, reaches: bool, tmp_path: Path
) -> None:
    async with sandbox(dialect=dialect, one_port=True) as server:
        chance = random.Random(f"{dialect}{reaches}")
        for number in range(6):
            settings = settings_for(
                server.url, runs=tmp_path, volume=VOLUME, seed=number + 1, limits={"maxConcurrency": 4}
            )
            plan = hand_made(settings, number, rounds=1, with_blocks=dialect != "v3.3")
            # the 14 entities first; the last twelve requests are the refusals, each sent twice
            await run_until_killed(settings, chance.randint(15, 50), reaches=reaches, plan=plan)
            await run_until_killed(settings, chance.randint(1, 2), reaches=reaches, plan=plan)
            report = await seed_plan(settings, plan)
            assert (report.exit_code, report.proof and report.proof.differences) == (0, ()), report.verdict
