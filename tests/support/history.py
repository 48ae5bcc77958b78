"""A small bank with a history, for runs whose movements have dates."""

from pathlib import Path
from typing import Any

from midaz_seed.settings.model import Settings
from tests.support.scenarios import write_scenario
from tests.support.settings import SHORT_PAUSES, merge

BANK = """\
scenario: small-bank
about: Some customers with salaries, purchases, fees and money that leaves.
extends: builtin:month-of-history
time: {{last_day: "2025-02-10", history: {days} days, order: {order}}}
volume: {{customers: {customers}, per_customer_per_day: "{per_day}"}}
proof: {{as_of: {as_of}, statements: 6}}
"""


def history_settings(
    url: str,
    folder: Path,
    *,
    days: int = 8,
    customers: int = 16,
    per_day: str = "2",
    order: str = "exact",
    as_of: str = "[4 random days, 2025-02-10]",
    runs: Path | None = None,
    **sections: Any,
) -> Settings:
    """Return settings of a bank whose history ends on 2025-02-10, the day of rents, after a pay day.

    Args:
        url: the server's base URL.
        folder: where the scenario file is written.
        days: days of the history.
        customers: customers in its only ledger.
        per_day: movements of a customer on a day.
        order: `exact` or `free`.
        as_of: days that are compared, as YAML.
        runs: the folder of the journals; without it there is no journal.
        **sections: sections of the settings by their YAML names.
    """
    text = BANK.format(days=days, customers=customers, per_day=per_day, order=order, as_of=as_of)
    file = write_scenario(folder, text)
    layers = {"scenario": str(file), "target": {"baseUrl": url}, "journal": {"enabled": runs is not None}}
    if runs is not None:
        layers["journal"] = {"enabled": True, "directory": str(runs)}
    return Settings.model_validate(merge(layers, SHORT_PAUSES, sections))
