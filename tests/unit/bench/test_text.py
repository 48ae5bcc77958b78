"""The text of a benchmark on terminals of several widths."""

import pytest

from midaz_seed.bench.report import BenchResult, PhaseSpread, Spread
from midaz_seed.bench.text import render_bench
from tests.support.small_bench import bench

RATE, LATENCY = Spread(1_234.0, 900.0, 1_900.0, 80.0), Spread(11.5, 9.0, 30.0, 1.0)
RESULT = BenchResult("fee-account", "c=8", 3, (PhaseSpread("transfers", RATE, RATE, LATENCY, LATENCY),), ())


@pytest.mark.parametrize(("columns", "has_ranges"), [(80, False), (200, True), (None, True)])
def test_a_table_that_is_too_wide_for_the_terminal_has_medians_alone(columns: int | None, has_ranges: bool) -> None:
    text = render_bench(bench(results=(RESULT,)), min(columns or 110, 110), columns=columns)
    assert "1,234" in text
    assert ("1,234 (900 to 1,900)" in text) is has_ranges
    assert max(map(len, text.splitlines())) <= (columns or 200)
