"""`midaz-seed plan`: what a run would create and what it would cost the server. Sends nothing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midaz_seed.cli.options import LoadedSettings, SectionedCommand, settings_options
from midaz_seed.errors import UsageError
from midaz_seed.process import write_utf8_to_stdout
from midaz_seed.wording import counted

COMMANDLINE = click.core.ParameterSource.COMMANDLINE

if TYPE_CHECKING:
    from midaz_seed.plan.plan import Plan
    from midaz_seed.plan.summary import PlanSummary
    from midaz_seed.settings.model import Settings


def _rate(ctx: click.Context, parameter: click.Parameter, value: float) -> float:
    """Check the rate. click's float range does not help: it accepts `nan`."""
    if not 0.001 <= value <= 1_000_000:
        raise click.BadParameter(f"{value:g} is not between 0.001 and 1000000 requests a second.")
    return value


@click.command(cls=SectionedCommand)
@settings_options
@click.option(
    "--rate",
    "rate_per_s",
    metavar="N",
    type=float,
    callback=_rate,
    default=400.0,
    show_default=True,
    help="Requests per second to assume for the estimate",
)
@click.option(
    "--show", "key", metavar="KEY", help="Print the request body of one item, such as o1.l1.acc7 or o1.l1.t7.1"
)
@click.option(
    "--for", "version", metavar="VERSION", help="Also check that a Midaz of this version has what the scenario needs"
)
@click.option(
    "--profile",
    "with_profile",
    is_flag=True,
    help="Show what the data looks like instead: amounts, balances, customers, days, hours, rails",
)
@click.option(
    "--export",
    "export_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every transaction as a row to this file: .csv, or .parquet with the extra `parquet`",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
def plan(
    loaded: LoadedSettings,
    rate_per_s: float,
    key: str | None,
    version: str | None,
    with_profile: bool,
    export_file: Path | None,
    as_json: bool,
) -> None:
    """Show what a run would create: counts, amounts, requests, bytes, duration, and memory in the server's Redis.

    \b
    midaz-seed plan --preset large --rate 2000
    midaz-seed plan --preset tiny --show o1.l1.t3.2
    midaz-seed plan --scenario demo --profile
    midaz-seed plan --scenario demo --export movements.csv
    """
    from midaz_seed.plan.last_day import is_open, with_last_day
    from midaz_seed.plan.plan import build_plan

    _check_together(key, with_profile, export_file)
    if export_file is not None:
        from midaz_seed.cli.export import check_exportable

        check_exportable(export_file)
    if version is not None:
        _check_version(loaded, version)
    settings = loaded.settings
    if is_open(settings):  # as a run that begins today would resolve it
        from midaz_seed.clock import SystemClock
        from midaz_seed.probe.last_day import yesterday

        settings = with_last_day(settings, yesterday(settings, SystemClock()))
    planned = build_plan(settings, keep_balances=key is not None or with_profile or export_file is not None)
    if key is not None:
        click.echo(_body(planned, key))
        return
    if export_file is not None:
        from midaz_seed.cli.export import export

        export(planned, export_file)
    if with_profile:
        if as_json:
            write_utf8_to_stdout()
        click.echo(_profile(planned, as_json=as_json), nl=False)
        return
    from midaz_seed.plan.summary import summarize_plan

    summary = summarize_plan(planned, rate_per_s=rate_per_s, ttl_s=loaded.settings.idempotency.ttl_s)
    if as_json:
        write_utf8_to_stdout()
    click.echo(_document(summary) if as_json else _text(summary, loaded.settings))


def _check_together(key: str | None, with_profile: bool, export_file: Path | None) -> None:
    """Raise UsageError for flags that have no effect on one another."""
    has_rate = click.get_current_context().get_parameter_source("rate_per_s") is COMMANDLINE
    other = "--show" if key is not None else "--profile" if with_profile else ""
    useless = "--rate" if has_rate else ""
    if key is not None:
        useless = useless or ("--profile" if with_profile else "--export" if export_file is not None else "")
    if other and useless:
        raise UsageError(f"{useless} has no effect on {other}", hint="leave one of them out")


def _profile(planned: "Plan", *, as_json: bool) -> str:
    """Return the profile as a JSON document, or as text in characters that standard output has."""
    from midaz_seed.plan.profile import profile
    from midaz_seed.plan.profile_text import ASCII, BLOCKS, WIDTH, profile_document, render_profile
    from midaz_seed.reporting.terminal import can_encode, text_width

    described = profile(planned)
    if as_json:
        return profile_document(described)
    signs = BLOCKS if can_encode(sys.stdout, BLOCKS.levels) else ASCII
    return render_profile(described, text_width(sys.stdout, WIDTH), signs=signs)


def _check_version(loaded: LoadedSettings, version: str) -> None:
    from midaz_seed.scenarios.needs import check_supported, parse_version

    try:
        parse_version(version)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from error
    check_supported(loaded.settings.scenario, version)


def _body(planned: "Plan", key: str) -> str:
    """Return the request body of one item, indented."""
    import orjson

    from midaz_seed.plan.items import EntityItem

    item = planned.find(key)
    if item is None:
        raise UsageError(
            f"the plan has no item {key!r}",
            hint="keys are o1 (organization), o1.l2 (ledger), o1.l2.a-BRL, o1.l2.at1 (account type), o1.l2.p1 "
            "(portfolio), o1.l2.s1 (segment), o1.l2.acc17, o1.l2.d17 (deposit of account 17), o1.l2.t17.3 (its third "
            "transfer); transactions with several movements end in x and the batch size: o1.l2.t17.1x10",
        )
    if isinstance(item, EntityItem):
        # server ids are unknown here: show the key of the item that the id will belong to
        body = {**item.payload, **item.ids(lambda other: f"<id of {other}>")}
        return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    return orjson.dumps(orjson.loads(item.body), option=orjson.OPT_INDENT_2).decode()


def _document(summary: "PlanSummary") -> str:
    import dataclasses

    import orjson

    document = {"schema_version": 1, **dataclasses.asdict(summary)}
    document["counts"] = {phase.value: count for phase, count in summary.counts.items()}
    return orjson.dumps(document, default=lambda amount: format(amount, "f"), option=orjson.OPT_INDENT_2).decode()


def _text(summary: "PlanSummary", settings: "Settings") -> str:
    scenario = settings.scenario
    what = f"preset {settings.preset}" if scenario.volume.from_settings else f"scenario {scenario.scenario}"
    lines = [
        f"plan {summary.digest[:12]}  run id {summary.run_id}  seed {summary.seed}  {what}",
        *([f"{counted(summary.days, 'day')}, {summary.first_day} to {summary.last_day}"] if summary.days else []),
        "",
        *(f"  {phase.value:<18}{count:>12,}" for phase, count in summary.counts.items()),
        f"  {'requests':<18}{summary.posts:>12,}",
        f"  {'movements':<18}{summary.movements:>12,}  in {counted(summary.transactions, 'transaction')}",
        "",
        f"  {'asset':<8}{'accounts':>9}{'deposited, all ledgers':>32}",
        *(f"  {total.code:<8}{total.accounts:>9,}{total.deposits:>32,f}" for total in summary.totals),
        *_raised(summary),
        "",
        f"bodies    about {_size(summary.body_bytes)} "
        f"(estimated from {counted(summary.bodies_weighed, 'transaction')})",
        f"duration  about {_duration(summary.duration_s)} at {summary.rate_per_s:g} requests/s",
        f"redis     about {_size(summary.redis_bytes)} for {counted(summary.slots, 'idempotency key')} stored at once",
    ]
    return "\n".join(lines)


def _raised(summary: "PlanSummary") -> list[str]:
    if not summary.raised_accounts:
        return []
    code = summary.totals[0].code
    by = f" (median in {code}: by {summary.raised_median:,f})" if summary.raised_median else ""
    return [f"opening balances raised for {counted(summary.raised_accounts, 'account')}{by}: their movements need it"]


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
