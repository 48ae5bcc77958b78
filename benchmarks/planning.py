"""The client CPU of a plan: building it, and making its bodies, in microseconds for each movement.

    python benchmarks/planning.py [--rounds 5] [--movements 40000] [--scenarios classic retail-bank month-of-history]

The last column counts iterations of a fixed loop of Python, measured in the same rounds, so that figures of a busy
machine can be compared too.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

from measuring import print_machine, print_table

from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.settings.model import Settings

_ITERATIONS = 200_000


def _fixed_loop() -> None:
    table, text = dict.fromkeys(range(64), 1), ""
    for number in range(_ITERATIONS):
        table[number & 63] += number
        text = f'{{"n":"{number}","sum":"{table[number & 63]}"}}'
    assert text


def _cpu_s(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _settings(name: str, movements: int) -> Settings:
    """Return one ledger of a scenario; `classic` with all of its assets, as in the preset large."""
    volume = {"organizations": 1, "ledgersPerOrganization": 1}
    scenario = load_scenario(name)
    if scenario.volume.from_settings:
        volume |= {"accountsPerLedger": movements // 40, "transactionsPerAccount": 40}
        return Settings.model_validate({"preset": "large", "scenario": scenario, "volume": volume})
    volume |= {"customers": movements // 40, "movements": movements}
    return Settings.model_validate({"preset": "tiny", "scenario": scenario, "volume": volume})


def _make_bodies(plan: Plan) -> None:
    for ledger in plan.ledgers:
        for items in (ledger.deposits(), ledger.transfers()):
            for item in items:
                assert item.body


def main(options: argparse.Namespace) -> None:
    print_machine("orjson", "pydantic")
    work: dict[tuple[str, str], Callable[[], object]] = {("fixed loop", ""): _fixed_loop}
    plans = dict[str, Plan]()
    for name in options.scenarios:
        settings = _settings(name, options.movements)
        plan = plans[name] = build_plan(settings)
        _make_bodies(plan)  # what is made once, such as names, is not part of a movement
        work[name, "plan"] = partial(build_plan, settings)
        work[name, "bodies"] = partial(_make_bodies, plan)
    least = dict.fromkeys(work, float("inf"))
    for _ in range(options.rounds):
        for key, each in work.items():
            least[key] = min(least[key], _cpu_s(each))
    iteration_s = least.pop(("fixed loop", "")) / _ITERATIONS
    rows = []
    for (name, what), cpu_s in least.items():
        one_s = cpu_s / plans[name].movements
        rows.append([name, f"{plans[name].movements:,}", what, f"{one_s * 1e6:.2f}", f"{one_s / iteration_s:.1f}"])
    print_table(["scenario", "movements", "what", "us of CPU a movement", "iterations of the fixed loop"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--movements", type=int, default=40_000)
    parser.add_argument("--scenarios", nargs="+", default=["classic", "retail-bank", "month-of-history"])
    main(parser.parse_args())
