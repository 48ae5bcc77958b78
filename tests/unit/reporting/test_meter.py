"""The counters of a run."""

from midaz_seed.model.outcomes import Outcome
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.meter import Meter


def test_every_outcome_is_counted_in_its_phase_and_nowhere_else() -> None:
    meter = Meter({Phase.ACCOUNTS: 10, Phase.DEPOSITS: 10})
    for count, outcome in enumerate(Outcome, 1):
        meter.recorder(Phase.ACCOUNTS, "", 0).count(outcome, count)
    accounts = meter.phases[Phase.ACCOUNTS]
    assert (accounts.created, accounts.existing, accounts.refused, accounts.failed) == (1, 2, 3, 4)
    assert accounts.skipped == 5
    assert accounts.finished == 15
    assert meter.phases[Phase.DEPOSITS].finished == 0
    assert (meter.planned, meter.finished, meter.failed) == (20, 15, 4)


def test_requests_are_attempts_over_all_phases() -> None:
    meter = Meter({})
    meter.phases[Phase.ASSETS].requests += 2
    meter.phases[Phase.TRANSFERS].requests += 40
    assert meter.requests == 42


def test_what_is_not_planned_does_not_count_as_progress() -> None:
    """Settlement and proof ask the server, but create nothing."""
    meter = Meter({Phase.ASSETS: 3})
    meter.recorder(Phase.VERIFY, "", 0).count(Outcome.CREATED, 100)
    assert (meter.finished, meter.planned) == (0, 3)


def test_a_phase_is_busy_while_any_ledger_is_in_it_and_time_is_not_counted_twice() -> None:
    meter = Meter({})
    meter.begin(meter.recorder(Phase.ACCOUNTS, "o1.l1", 5), now_s=100.0)
    meter.begin(meter.recorder(Phase.ACCOUNTS, "o1.l2", 5), now_s=101.0)
    meter.end(meter.recorder(Phase.ACCOUNTS, "o1.l1", 0), now_s=103.0)
    meter.end(meter.recorder(Phase.ACCOUNTS, "o1.l2", 0), now_s=104.0)
    meter.begin(meter.recorder(Phase.ACCOUNTS, "o1.l3", 5), now_s=110.0)
    meter.end(meter.recorder(Phase.ACCOUNTS, "o1.l3", 0), now_s=111.0)
    assert meter.phases[Phase.ACCOUNTS].busy_s == 5.0


def test_money_moves_while_any_ledger_is_in_deposits_or_transfers() -> None:
    meter = Meter({})
    meter.begin(meter.recorder(Phase.DEPOSITS, "o1.l1", 5), now_s=0.0)
    meter.begin(meter.recorder(Phase.TRANSFERS, "o1.l2", 5), now_s=1.0)
    meter.end(meter.recorder(Phase.DEPOSITS, "o1.l1", 0), now_s=2.0)
    meter.begin(meter.recorder(Phase.SETTLEMENT, "o1.l1", 5), now_s=2.0)
    meter.end(meter.recorder(Phase.TRANSFERS, "o1.l2", 0), now_s=3.0)
    meter.end(meter.recorder(Phase.SETTLEMENT, "o1.l1", 0), now_s=9.0)
    assert meter.money.busy_s == 3.0


def test_a_ledger_shows_the_phase_it_is_in_and_is_inactive_between_phases() -> None:
    meter = Meter({})
    meter.begin(meter.recorder(Phase.ASSETS, "o1.l1", 2), now_s=0.0)
    meter.end(meter.recorder(Phase.ASSETS, "o1.l1", 0), now_s=1.0)
    assert not meter.ledgers["o1.l1"].active
    recorder = meter.recorder(Phase.ACCOUNTS, "o1.l1", 7)
    meter.begin(recorder, now_s=1.0)
    for outcome in Outcome:
        recorder.count(outcome)
    progress = meter.ledgers["o1.l1"]
    assert progress is recorder.progress
    assert (progress.phase, progress.planned, progress.done, progress.active) == (Phase.ACCOUNTS, 7, 5, True)


def test_an_outcome_is_counted_in_the_run_and_in_the_ledger_at_once() -> None:
    meter = Meter({Phase.TRANSFERS: 20})
    one, other = meter.recorder(Phase.TRANSFERS, "o1.l1", 10), meter.recorder(Phase.TRANSFERS, "o1.l2", 10)
    for outcome in (Outcome.CREATED, Outcome.EXISTING, Outcome.FAILED, Outcome.SKIPPED):
        one.count(outcome)
    one.count_created(3)
    other.count_recovered(2)
    run, first, second = meter.phases[Phase.TRANSFERS], one.progress, other.progress
    assert (first.created, first.existing, first.failed, first.skipped) == (2, 1, 1, 1)
    assert (second.created, run.created, run.recovered, run.movements) == (1, 3, 1, 5)
    assert (run.existing, run.failed, run.skipped) == (1, 1, 1)
    assert meter.recorder(Phase.TRANSFERS, "o1.l1", 10) is one
