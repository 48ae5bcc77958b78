"""Write docs/scenarios: a page for each built-in scenario, with its size, needs, assumptions and profile.

python tools/scenario_pages.py            write the pages
python tools/scenario_pages.py --check    exit 1 when a page is out of date
"""

import sys
from pathlib import Path

from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import build_plan
from midaz_seed.plan.profile import profile
from midaz_seed.plan.profile_text import render_profile
from midaz_seed.scenarios.extending import builtin_names
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.model import Scenario
from midaz_seed.scenarios.needs import needs_of
from midaz_seed.scenarios.render import size_text
from midaz_seed.settings.model import Settings
from midaz_seed.wording import counted

FOLDER = Path(__file__).parents[1] / "docs/scenarios"
WIDTH = 88
MEASURED_PER_S = 400
"""Transactions per second of a Midaz v3.8 on two cores, from docs/load.md: for the column `time`."""


def main() -> int:
    """Write or check the pages; return the exit code."""
    pages = {FOLDER / "README.md": _index()} | {FOLDER / f"{name}.md": _page(name) for name in builtin_names()}
    if "--check" not in sys.argv[1:]:
        FOLDER.mkdir(exist_ok=True)
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path.name for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        sys.stdout.write(f"docs/scenarios is out of date ({', '.join(stale)}): run python tools/scenario_pages.py\n")
    return bool(stale)


def _index() -> str:
    rows = []
    for name in builtin_names():
        scenario = load_scenario(name)
        rows.append(f"| [{name}]({name}.md) | {scenario.about} |")
    return "\n".join(
        [
            "# Built-in scenarios",
            "",
            "`midaz-seed run --scenario NAME` fills a server with one of them.",
            "Each page shows its size, what it needs of the server, which figures are assumptions, and its profile",
            "(`midaz-seed plan --scenario NAME --profile`). [scenarios.md](../scenarios.md) describes the files.",
            "",
            "| scenario | what it is |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _page(name: str) -> str:
    scenario = load_scenario(name)
    plan = build_plan(Settings(scenario=scenario))
    names = {phase: phase.value.replace("_", " ") for phase in plan.counts}
    counts = ", ".join(
        counted(count, names[phase].removesuffix("s"), names[phase]) for phase, count in plan.counts.items()
    )
    transactions = sum(plan.counts.get(phase, 0) for phase in (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS))
    minutes = plan.posts / MEASURED_PER_S / 60
    lines = [
        f"# Scenario {name}",
        "",
        scenario.about,
        "",
        "```sh",
        f"midaz-seed run --scenario {name} --target sandbox",
        f"midaz-seed scenario show {name} > mine.yaml    # a file of your own to change",
        "```",
        "",
        f"Size: {counts}; {plan.posts:,} requests, {transactions:,} transactions, about "
        + (f"{minutes:.0f} min" if minutes >= 2 else f"{minutes * 60:.0f} s")
        + f" at {MEASURED_PER_S} requests/s.",
    ]
    needs = needs_of(scenario)
    if needs:
        lines += ["", "| it uses | in the file | from version |", "|---|---|---|"]
        lines += [f"| {need.feature} | `{need.path}` | {need.versions} |" for need in needs]
    if scenario.assumptions:
        lines += ["", "Figures that are assumptions, without a source:", ""]
        lines += [f"- {assumption}" for assumption in scenario.assumptions]
    if scenario.personas:
        lines += ["", "| persona | name | kind | tags |", "|---|---|---|---|"]
        lines += [
            f"| `{each.alias}` | {each.name} | {each.kind} | {', '.join(each.tags)} |" for each in scenario.personas
        ]
    if scenario.cases:
        lines += [
            "",
            f"Cases, each as `{name}#CASE` (its profile: `midaz-seed plan --scenario {name}#CASE --profile`):",
            "",
        ]
        lines += [f"- `{case}`: {size_text(each)}{_uses(each)}" for case, each in scenario.cases.items()]
    text = render_profile(profile(plan), WIDTH)
    return "\n".join([*lines, "", "## Profile", "", "```text", text.rstrip(), "```", ""])


def _uses(scenario: Scenario) -> str:
    features = dict.fromkeys(need.feature for need in needs_of(scenario))
    return f"; it uses {', '.join(features)}" if features else ""


if __name__ == "__main__":
    sys.exit(main())
