"""`midaz-seed run --engine dask`: carry out a run on a cluster, and print its merged report."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midaz_seed.errors import UsageError

if TYPE_CHECKING:
    from midaz_seed.engines.slice_task import Progress
    from midaz_seed.settings.model import Settings


def run_on_engine(settings: "Settings", *, scheduler: str, as_json: bool, quiet: bool) -> None:
    """Carry out a run on Dask and exit the process with the exit code of its report.

    Args:
        settings: the effective settings.
        scheduler: address of a Dask scheduler; "": a cluster on this machine.
        as_json: print the report as JSON instead of text.
        quiet: show no progress.

    Raises:
        SeedError: as `midaz_seed.engines.dask_engine.run_on_dask`, and PlanError.
    """
    from midaz_seed.clock import SystemClock
    from midaz_seed.engines.dask_engine import load_dask, run_on_dask
    from midaz_seed.engines.slice_task import slice_task
    from midaz_seed.plan.plan import build_plan
    from midaz_seed.process import usable_cores
    from midaz_seed.reporting.report_file import write_json
    from midaz_seed.reporting.terminal import text_width
    from midaz_seed.reporting.text_report import WIDTH, render_text
    from midaz_seed.runner import check_can_be_divided
    from midaz_seed.runs.identity import target_name
    from midaz_seed.runs.record import new_record
    from midaz_seed.runs.slices import record_merged
    from midaz_seed.settings.target import resolve_target

    load_dask()
    limits = settings.generation.limits
    if limits.slice:
        raise UsageError("--slice and --engine both divide the run", hint="give one of them")
    check_can_be_divided(settings)
    target = resolve_target(settings.target)
    plan = build_plan(settings)
    wanted = usable_cores() if limits.shards == "auto" else limits.shards
    slices = max(min(wanted, len(plan.ledgers)), 1)
    runs_dir = str(Path(settings.journal.directory).resolve()) if settings.journal.enabled else ""
    if runs_dir and not scheduler:
        Path(runs_dir).mkdir(parents=True, exist_ok=True)
    report = run_on_dask(
        slice_task(settings, plan, runs_dir=runs_dir),
        scheduler=scheduler,
        slices=slices,
        grace_s=limits.grace_s,
        on_progress=_show_nothing if quiet else _show,
    )
    if settings.journal.enabled:
        record = new_record(settings, plan, target=target_name(target), clock=SystemClock())
        record_merged(report, record, settings.journal.directory, SystemClock())
    if settings.report is not None:
        write_json(report, settings.report)
    click.echo(report.as_json() if as_json else render_text(report, text_width(sys.stdout, WIDTH)), nl=False)
    sys.exit(report.exit_code)


def _show_nothing(_: "Mapping[str, Progress]") -> None:
    """Show nothing."""


def _show(progress: "Mapping[str, Progress]") -> None:
    """Print what all slices have done so far."""
    sums = {
        name: sum(each[name] for each in progress.values()) for name in ("done", "planned", "movements", "in_flight")
    }
    if sums["planned"]:
        share = 100 * sums["done"] / sums["planned"]
        click.echo(
            f"{share:5.1f} %  {sums['done']:,.0f}/{sums['planned']:,.0f} items  {sums['movements']:,.0f} movements  "
            f"in flight {sums['in_flight']:,.0f}  {len(progress)} slices",
            err=True,
        )
