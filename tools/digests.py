"""Print the digest of a small plan of every built-in scenario, and that of the bodies of its transactions.

    python tools/digests.py

They are the same on every platform and with every version of Python; `tests/unit/plan/test_scenarios_digests.py` has
them. Where data was meant to change, put the new lines there, and increment `plan.FORMAT`.
"""

import hashlib

from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.plan.rows import PHASES
from midaz_seed.scenarios.loader import builtin_names, load_scenario
from midaz_seed.settings.model import Settings

CUSTOMERS, MOVEMENTS = 60, 200
CUSTOMERS_OF = {"payroll": 420}
"""Scenarios that need more customers for one of each kind."""


def small_plan(name: str, seed: int = 1) -> Plan:
    """Return the plan of a built-in scenario with one small ledger, or of the preset `tiny`."""
    scenario = load_scenario(name)
    volume: dict[str, int] = {"organizations": 1, "ledgersPerOrganization": 1}
    if not scenario.volume.from_settings:
        volume |= {"customers": CUSTOMERS_OF.get(name, CUSTOMERS), "movements": MOVEMENTS}
    return build_plan(Settings.model_validate({"preset": "tiny", "seed": seed, "scenario": scenario, "volume": volume}))


def bodies_digest(plan: Plan) -> str:
    """Return a digest of the transactions as they are sent, and of what their answers must be."""
    digest = hashlib.sha256()
    for ledger in plan.ledgers:
        for phase in PHASES:
            if phase in ledger.counts:
                for item in ledger.transactions(phase):
                    digest.update(b"\n".join((item.key.encode(), item.body, item.mark, item.answer)))
    return digest.hexdigest()[:16]


def main() -> None:
    """Print a line for each scenario."""
    for name in builtin_names():
        plan = small_plan(name)
        print(f'    "{name}": ("{plan.digest}", "{bodies_digest(plan)}"),')


if __name__ == "__main__":
    main()
