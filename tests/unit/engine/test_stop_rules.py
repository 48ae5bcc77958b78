"""When a stop rule ends a run: by the window that it looks at, and never on too little."""

from midaz_seed.engine.control.stop_rules import ATTEMPTS_MIN, Sample, StopRules
from midaz_seed.model.histogram import Histogram
from midaz_seed.settings.model import Stop

WINDOW_S = 10.0


def _rules(**rules: float) -> StopRules:
    return StopRules(Stop.model_validate({"windowS": WINDOW_S, **rules}))


def _latency(*values_ms: int) -> Histogram:
    histogram = Histogram()
    for value_ms in values_ms:
        histogram.record(1000 * value_ms)
    return histogram


def _after(rules: StopRules, *counts: tuple[int, int], latency: Histogram | None = None) -> list[str]:
    """What is said at looks a second apart, each with (attempts, failed) so far."""
    empty = latency or Histogram()
    return [rules.broken(Sample(float(second), *both, empty)) for second, both in enumerate(counts)]


def test_a_share_above_the_rule_within_the_window_ends_the_run_and_says_both_numbers() -> None:
    said = _after(_rules(errorRatePercent=20), *[(100 * second, 30 * second) for second in range(12)])
    assert not any(said[:9])
    assert said[9] == "30.0 % of the attempts in the last 9 s failed, and stop.errorRatePercent is 20"


def test_a_share_below_the_rule_does_not() -> None:
    assert not any(_after(_rules(errorRatePercent=31), *[(100 * second, 30 * second) for second in range(30)]))


def test_a_long_good_time_does_not_hide_a_bad_window() -> None:
    succeeded = [(1000 * second, 0) for second in range(60)]
    bad = [(59_000 + 100 * second, 50 * second) for second in range(1, 12)]
    assert any(_after(_rules(errorRatePercent=20), *succeeded, *bad))


def test_a_bad_beginning_is_forgotten_when_the_window_has_passed() -> None:
    rules = _rules(errorRatePercent=60)
    counts = [(0, 0), *[(1000, 500)] * 5, *[(1000 + 100 * second, 500) for second in range(1, 30)]]
    assert not any(_after(rules, *counts))


def test_a_few_attempts_say_nothing() -> None:
    few = ATTEMPTS_MIN - 1
    assert not any(_after(_rules(errorRatePercent=1), *[(few if second else 0, few) for second in range(30)]))


def test_the_percentile_is_that_of_the_window_and_not_of_the_run() -> None:
    rules = _rules(latencyMsP99=100)
    fast = _latency(*[5] * 1000)
    slow = _latency(*[5] * 1000, *[300] * 200)
    assert rules.broken(Sample(0, 1000, 0, fast)) == ""
    assert rules.broken(Sample(9.5, 1200, 0, slow)).startswith("the p99 of the latency in the last 10 s was 30")


def test_a_ledger_that_does_not_settle_ends_the_run_at_once() -> None:
    rules = _rules(settlementLagS=5)
    assert rules.broken(Sample(6, 0, 0, Histogram(), (("o1.l1", 2.0),))) == ""
    said = rules.broken(Sample(8, 0, 0, Histogram(), (("o1.l1", 2.0),)))
    assert said == "the deposits of ledger o1.l1 are not visible after 6.0 s, and stop.settlementLagS is 5"
