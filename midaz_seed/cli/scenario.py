"""`midaz-seed scenario`: what data can consist of: the built-in scenarios, and files of the user."""

import json
import sys
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from midaz_seed.cli.completing import complete_scenario
from midaz_seed.cli.suggestions import SuggestingGroup
from midaz_seed.wording import printable, printable_json

if TYPE_CHECKING:
    from midaz_seed.scenarios.model import Scenario
    from midaz_seed.scenarios.needs import Need

WIDTH = 100
JSON_VERSION = 1
"""`schema_version` of the JSON that `scenario list --json` prints."""


@click.group(cls=SuggestingGroup)
def scenario() -> None:
    """List, show or check scenarios: the people, accounts and movements that data consists of.

    \b
    midaz-seed scenario list
    midaz-seed scenario show classic > mine.yaml
    midaz-seed scenario check mine.yaml
    midaz-seed run --scenario mine.yaml --target sandbox
    """


@scenario.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
def list_scenarios(as_json: bool) -> None:
    """List the built-in scenarios.

    With what each is, how much it makes in each ledger, and the Midaz version that it needs.
    """
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.scenarios.loader import builtin_names, load_scenario

    rows = [_row(load_scenario(f"builtin:{name}")) for name in builtin_names()]
    if as_json:
        click.echo(json.dumps({"schema_version": JSON_VERSION, "scenarios": rows}, indent=2, ensure_ascii=False))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        needs = f"; needs Midaz {row['needs']}" if row["needs"] else ""
        cases = f"; cases: {', '.join(row['cases'])}" if row["cases"] else ""
        columns, indent = text_width(sys.stdout, WIDTH), " " * (width + 2)
        for start, text in ((f"{row['name']:<{width}}  ", row["about"]), (indent, f"{row['size']}{needs}{cases}")):
            lines = textwrap.wrap(text, columns - len(indent), break_on_hyphens=False)
            click.echo(start + f"\n{indent}".join(lines))


@scenario.command()
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_scenario)
@click.option("--resolved", is_flag=True, help="Print it after `extends` was resolved, without its defaults")
def show(name: str, resolved: bool) -> None:
    """Print a scenario as YAML.

    By default its own text, with --resolved the whole that it stands for, such as a case: contention#zipf.
    """
    from midaz_seed.scenarios.loader import load_scenario, scenario_source, split_case

    if not resolved:
        click.echo(scenario_source(split_case(name)[0]).text, nl=False)
        return
    import yaml

    plain = load_scenario(name).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    click.echo(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=100), nl=False)


@scenario.command()
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_scenario)
def check(name: str) -> None:
    """Check a scenario file, and that its data can be planned.

    Prints every problem with its line, and ends with exit code 2; or what the scenario makes and needs.
    """
    from midaz_seed.clock import SystemClock
    from midaz_seed.plan.last_day import is_open, with_last_day
    from midaz_seed.plan.plan import build_plan
    from midaz_seed.probe.last_day import yesterday
    from midaz_seed.scenarios.loader import load_scenario
    from midaz_seed.scenarios.needs import needs_of
    from midaz_seed.settings.model import Settings

    whole = load_scenario(name, now=datetime.now(UTC))
    for loaded in (whole, *whole.cases.values()):
        settings = Settings(scenario=loaded)
        if is_open(settings):
            settings = with_last_day(settings, yesterday(settings, SystemClock()))
        build_plan(settings, keep_balances=False)  # some mistakes show in the numbers alone, such as too few customers
        row = _row(loaded)
        click.echo(printable(f"ok: {loaded.scenario}: {row['size']}"))
        for need in _strictest(needs_of(loaded)):
            click.echo(printable(f"  {need.feature} ({need.path}) needs Midaz {need.versions}"))


@scenario.command()
def schema() -> None:
    """Print the JSON Schema of scenario files.

    For editors and validators:

    \b
    midaz-seed scenario schema > scenario.schema.json
    # yaml-language-server: $schema=scenario.schema.json  (the first line of a scenario file)
    """
    from midaz_seed.scenarios.render import json_schema

    click.echo(printable_json(json.dumps(json_schema(), indent=2, ensure_ascii=False)))


def _row(loaded: "Scenario") -> dict[str, Any]:
    from midaz_seed.scenarios.needs import needs_of
    from midaz_seed.scenarios.render import size_text

    needs = needs_of(loaded)
    strictest = max(needs, key=lambda need: need.since[-1], default=None)
    volume = loaded.volume
    return {
        "name": loaded.scenario,
        "about": loaded.about,
        "needs": strictest.versions if strictest is not None else "",
        "size": size_text(loaded),
        "customers": volume.customers,
        "movements": volume.movements,
        "days": loaded.time.history if loaded.time is not None else 0,
        "cases": list(loaded.cases),
        "features": [{"feature": need.feature, "path": need.path, "needs": need.versions} for need in needs],
    }


def _strictest(needs: "list[Need]") -> "list[Need]":
    """Return one need for each feature, the one that is used first."""
    return list({need.feature: need for need in reversed(needs)}.values())[::-1]
