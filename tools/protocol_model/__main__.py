"""Explore everything and print a table; `--traces` prints every counterexample too."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tools.protocol_model import movements, organizations  # noqa: E402 - found from any folder
from tools.protocol_model.configurations import LARGER, LARGER_WORLDS, LIMITS, NEEDED, OLD_RULES  # noqa: E402
from tools.protocol_model.search import Found  # noqa: E402

WIDTH = 84


def main(arguments: list[str]) -> int:
    """Explore all; 1 when something was found that should not be, or not found that should."""
    table = _Table(traces="--traces" in arguments)
    for title, cases in (("Rules of 0.1.0, put back", OLD_RULES), ("Parts of the policy, taken away", NEEDED)):
        table.head(title)
        for case in cases:
            table.row(case.name, case.broken(), expected=case.breaks)
            table.row("   the policy, same configuration", case.policy())
    table.head("Assumptions, broken")
    for limit in LIMITS:
        table.row(limit.name, limit.beyond(), expected=limit.breaks)
        table.row("   within it", limit.within())
    table.head("The policy, larger")
    for name, setup in LARGER.items():
        table.row(name, movements.explore(setup))
    for name, worlds in LARGER_WORLDS.items():
        table.row(name, organizations.explore(worlds))
    return table.surprises != 0


class _Table:
    def __init__(self, *, traces: bool) -> None:
        self._traces = traces
        self.surprises = 0

    def head(self, title: str) -> None:
        print(f"\n{title:{WIDTH}} {'states':>8} {'s':>6}  invariants")

    def row(self, name: str, found: Found, expected: str = "") -> None:
        as_expected = found.broken.partition(":")[0] == expected
        self.surprises += not as_expected
        told = f"{found.broken.partition(':')[0]} broken, {len(found.trace)} steps" if found.broken else "hold"
        print(
            f"{name:{WIDTH}} {found.states:>8,} {found.seconds:>6.1f}  {told}{'' if as_expected else '  UNEXPECTED'}",
            flush=True,
        )
        if found.broken and (self._traces or not as_expected):
            for number, what in enumerate(found.trace, 1):
                print(f"    {number:>2} {what}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
