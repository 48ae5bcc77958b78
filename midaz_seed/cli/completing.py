"""What a shell completes beside commands and flags: scenarios and runs.

A shell waits for this at each press of Tab, so that nothing is imported that takes long.
"""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import midaz_seed
from midaz_seed.cli.runs_folder import runs_directory
from midaz_seed.runs.names import run_id_in

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]
"""A function that click asks for what begins with a text."""

_BUILTIN = Path(midaz_seed.__file__).parent / "scenarios" / "builtin"
_ENDED = ("finished", "removed")
"""Statuses of runs that cannot be resumed."""


def complete_scenario(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Offer the built-in scenarios and the YAML files of the folder; else the files that the shell finds."""
    from click.shell_completion import CompletionItem

    names = sorted(file.stem for file in _BUILTIN.glob("*.yaml"))
    if "/" not in incomplete:
        names += sorted(file.name for pattern in ("*.yaml", "*.yml") for file in Path().glob(pattern))
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def complete_run(*, without: Collection[str] = (), only_rejected: bool = False) -> Complete:
    """Return a function that offers the names of runs, the last updated one first.

    Args:
        without: statuses of runs that are not offered.
        only_rejected: offer only runs with rejected items.
    """

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=f"{record.get('status')}, {record.get('target')}")
            for name, record in _runs(runs_directory(ctx.params.get("runs_dir")))
            if name.startswith(incomplete)
            and record.get("status") not in without
            and (record.get("rejected") or not only_rejected)
        ]

    return complete


def complete_run_or_report(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Offer the names of runs; else the files that the shell finds."""
    from click.shell_completion import CompletionItem

    return complete_any_run(ctx, parameter, incomplete) or [CompletionItem(incomplete, type="file")]


complete_any_run = complete_run()
complete_unfinished_run = complete_run(without=_ENDED)
complete_run_with_data = complete_run(without=("removed",))
complete_rejected_run = complete_run(only_rejected=True)


def _runs(root: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return name and record of each run that can be read, the last updated one first."""
    found: list[tuple[int, Path, dict[str, Any]]] = []
    with suppress(OSError):
        for file in root.glob("*/run.json"):
            with suppress(OSError, ValueError, RecursionError):
                record = json.loads(file.read_bytes())
                if isinstance(record, dict):
                    found.append((file.stat().st_mtime_ns, file.parent, record))
    ids = [run_id_in(path.name) for _, path, _ in found]
    return [
        (path.name if ids.count(run_id_in(path.name)) > 1 else run_id_in(path.name), record)
        for _, path, record in sorted(found, key=lambda each: -each[0])
    ]
