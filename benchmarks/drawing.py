"""Cost of one draw, side by side with what the standard library has for the same.

    python benchmarks/drawing.py [--rounds 200] [--count 1000]

The rows take turns in each round; the fastest round of each counts, because others wait for the machine. Ratios compare
with the row that each names. The costs of calling a function of no work are not in the times.
"""

import argparse
import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from measuring import print_machine, print_table

from midaz_seed.plan.calendar.hours import compile_hours
from midaz_seed.plan.calendar.stamps import Stamper
from midaz_seed.plan.drawing.amounts import compile_amount
from midaz_seed.plan.drawing.choices import compile_choice
from midaz_seed.plan.drawing.texts import Facts, compile_text
from midaz_seed.scenarios.model import AmountSpec, Choice

RNG = random.Random(1)  # one generator for all rows
BITS = RNG.getrandbits
LOGNORMAL = {"lognormal": {"median": "48", "sigma": "0.82"}}
MIXTURE = {"mix": [["96.5", LOGNORMAL], ["3.5", {"lognormal": {"median": "1500", "sigma": "1.6"}}]]}
AMOUNTS: dict[str, dict[str, Any]] = {
    "lognormal": LOGNORMAL,
    "lognormal, min and max": LOGNORMAL | {"min": "1", "max": "5000"},
    "lognormal, 18 decimals": LOGNORMAL,
    "mixture": MIXTURE,
    "mixture, rounded": MIXTURE | {"round": {"5": "30 %", "10": "25 %"}, "min": "0.50"},
    "pareto": {"pareto": {"min": "20", "alpha": "2.5"}},
    "uniform": {"uniform": ["10", "50"]},
    "choose": {"choose": {"21.90": 3, "34.90": 2, "55.90": 1}},
}
CHOICES: dict[str, tuple[dict[str, Any], int]] = {
    "uniform of 1,000": ({"uniform": True}, 1000),
    "zipf of 1,000": ({"zipf": "1.05"}, 1000),
    "zipf of 50,000": ({"zipf": "1.05"}, 50_000),
    "hot": ({"hot": {"count": 3, "share": "60 %"}}, 1000),
    "friends": ({"friends": {"mean": 6}}, 1000),
    "members": ({"members": True}, 1000),
}


def rows() -> dict[str, tuple[Callable[[], object], str]]:
    """Return the functions to measure, each with the name of the row to compare with."""
    found: dict[str, tuple[Callable[[], object], str]] = {
        "random.lognormvariate": (lambda: RNG.lognormvariate(3.87, 0.82), ""),
        "random.choice": (lambda: RNG.choice(GROUP), ""),
        "datetime.isoformat": (lambda: f"{(MIDNIGHT + timedelta(seconds=46_799)).isoformat()}", ""),
        "str.format": (lambda: "Pix enviado para {name}".format(name="Ana"), ""),
    }
    for name, spec in AMOUNTS.items():
        draw = compile_amount(AmountSpec.model_validate(spec), 18 if "18" in name else 2)
        found[f"amount: {name}"] = (lambda draw=draw: draw(BITS)), "random.lognormvariate"  # type: ignore[misc]
    for name, (way, size) in CHOICES.items():
        choose = compile_choice(Choice.model_validate(way), size, "benchmark", sources=30)
        found[f"account: {name}"] = (lambda choose=choose: choose(BITS, 7)), "random.choice"  # type: ignore[misc]
    second, stamper, ordinal = compile_hours("br-pix"), Stamper("America/Sao_Paulo"), DAY.toordinal()
    found["second of the day"] = (lambda: second(BITS)), "random.choice"
    found["time stamp"] = (lambda: stamper.text(ordinal, 46_799)), "datetime.isoformat"
    says, word = compile_text("Pix enviado para {to.first_name}"), compile_text("{choose:EVP 45|PHONE 19|CPF 19}")
    due = compile_text("vencimento {due:%d/%m/%Y}")
    found["text: one name"] = (lambda: says(FACTS)), "str.format"
    found["text: a date"] = (lambda: due(FACTS)), "str.format"
    found["text: a choice"] = (lambda: word(FACTS)), "str.format"
    return found


GROUP = range(1000)
DAY = date(2026, 3, 5)
MIDNIGHT = datetime(2026, 3, 5, tzinfo=UTC)
FACTS = Facts(
    "",
    "",
    "Ana Souza",
    "Ana",
    "1.00",
    "BRL",
    1,
    DAY.toordinal(),
    0,
    DAY.toordinal(),
    str,
    str,
    "pix",
    0x123456789ABCDEF,
)


def measure(function: Callable[[], object], count: int) -> float:
    """Return the time of one call in ns."""
    begin = time.perf_counter_ns()
    for _ in range(count):
        function()
    return (time.perf_counter_ns() - begin) / count


def main(options: argparse.Namespace) -> None:
    print_machine()
    functions = rows()
    best = dict.fromkeys((*functions, ""), float("inf"))
    for _ in range(options.rounds):
        for name in best:
            function = functions[name][0] if name else lambda: None
            best[name] = min(best[name], measure(function, options.count))
    nothing = best.pop("")
    table = []
    for name, fastest in best.items():
        other = functions[name][1]
        ratio = f"{(fastest - nothing) / (best[other] - nothing):.2f}" if other else ""
        table.append([name, f"{fastest - nothing:.0f}", ratio, other])
    print_table(["draw", "ns", "ratio", "to"], table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--count", type=int, default=1000)
    main(parser.parse_args())
