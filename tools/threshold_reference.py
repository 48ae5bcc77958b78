"""The generated parts of docs/thresholds.md: the measures, and the thresholds of the plan."""

from collections.abc import Mapping

from midaz_seed.model.thresholds import (
    MONEY_MEASURES,
    MONEY_PHASES,
    OPEN_LOOP_MEASURES,
    PHASE_MEASURES,
    PHASES,
    RUN_MEASURES,
    STEADY_MEASURES,
    Measure,
    plan_thresholds,
)
from midaz_seed.settings.presets import PRESETS


def parts() -> dict[str, str]:
    """Return the generated parts by name."""
    phases = f"The phases are {', '.join(f'`{name}`' for name in PHASES)}."
    money = f"Further measures of {' and '.join(f'`{name}`' for name in MONEY_PHASES)}:"
    return {
        "plan": _plan(),
        "run": _table(RUN_MEASURES, with_verify=True),
        "phases": f"{_table(PHASE_MEASURES)}\n{money}\n\n{_table(MONEY_MEASURES)}\n{phases}\n",
        "steady": _table(STEADY_MEASURES),
        "open_loop": _table(OPEN_LOOP_MEASURES),
    }


def _table(measures: Mapping[str, Measure], *, with_verify: bool = False) -> str:
    head = ["| measure | unit | meaning |", "|---|---|---|"]
    if with_verify:
        head = ["| measure | unit | in `verify` | meaning |", "|---|---|---|---|"]
    rows = []
    for name, measure in measures.items():
        verify = f" {'' if measure.only_runs else 'yes'} |" if with_verify else ""
        rows.append(f"| `{name}` | {measure.unit.sign} |{verify} {measure.meaning} |")
    return "\n".join([*head, *rows]) + "\n"


def _plan() -> str:
    rows = []
    for preset, counts in PRESETS.items():
        movements = (
            counts["organizations"]
            * counts["ledgers_per_organization"]
            * counts["accounts_per_ledger"]
            * counts["transactions_per_account"]
        )
        expressions = ", ".join(f"`{threshold.expression}`" for threshold in plan_thresholds(movements))
        rows.append(f"| {preset} | {movements:,} | {expressions} |")
    return "\n".join(["| preset | movements | fails if |", "|---|---:|---|", *rows]) + "\n"
