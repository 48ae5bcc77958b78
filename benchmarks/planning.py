"""The client CPU of a plan: building it, and making its bodies, in microseconds for each movement.

    python benchmarks/planning.py [--rounds 5] [--ledgers 4] [--preset large]

The last column counts iterations of a fixed loop of Python, measured in the same rounds, so that figures of a busy
machine can be compared too.
"""

import argparse
import time
from collections.abc import Callable

from measuring import print_machine, print_table

from midaz_seed.plan.plan import build_plan
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


def main(options: argparse.Namespace) -> None:
    print_machine("orjson", "pydantic")
    volume = {"organizations": 1, "ledgersPerOrganization": options.ledgers}
    settings = Settings.model_validate({"preset": options.preset, "volume": volume})
    plan = build_plan(settings)

    def make_bodies() -> None:
        for ledger in plan.ledgers:
            for items in (ledger.deposits(), ledger.transfers()):
                for item in items:
                    assert item.body

    make_bodies()  # what is made once, such as names, is not part of a movement
    work: dict[str, Callable[[], object]] = {
        "plan": lambda: build_plan(settings),
        "bodies": make_bodies,
        "fixed loop": _fixed_loop,
    }
    least = dict.fromkeys(work, float("inf"))
    for _ in range(options.rounds):
        for name, each in work.items():
            least[name] = min(least[name], _cpu_s(each))
    unit = least["fixed loop"] / _ITERATIONS * 1000
    rows = [
        [name, f"{least[name] / plan.movements * 1e6:.2f}", f"{1000 * least[name] / plan.movements / unit:.1f}"]
        for name in ("plan", "bodies")
    ]
    print_table([f"{plan.movements:,} movements", "us of CPU a movement", "iterations of the fixed loop"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ledgers", type=int, default=4)
    parser.add_argument("--preset", default="large")
    main(parser.parse_args())
