"""Turn the flags that several commands share (`flags`) into settings.

Of the dependencies only click is imported at the top: that keeps `--help` fast.
"""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from midaz_seed.cli.documents import STDOUT, DocumentingCommand, begin_documents
from midaz_seed.cli.flags import (
    BENCH_OPTIONS,
    FILE_OPTIONS,
    OUTPUT,
    PLAN_OPTIONS,
    RUN_OPTIONS,
    SECTIONS,
    SERVER_OPTIONS,
    TARGET_OPTIONS,
    TIMEOUT_OPTION,
    Command,
    SettingOption,
)
from midaz_seed.cli.outputs import OUTPUTS
from midaz_seed.cli.runs_folder import RUNS_PATH, runs_directory
from midaz_seed.cli.unused import check_fits_run, check_used
from midaz_seed.errors import UsageError
from midaz_seed.settings.masking import mask_user_info
from midaz_seed.settings.sources import Flag, LoadedSettings

__all__ = [
    "LoadedSettings",
    "SectionedCommand",
    "bench_options",
    "server_options",
    "settings_options",
    "target_options",
]


class SectionedCommand(DocumentingCommand):
    """A command whose `--help` groups the options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):  # arguments are in the usage line
                rows[getattr(parameter, "section", OUTPUT)].append(record)
        for section, records in rows.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


INSECURE = (
    "target.insecure is on: certificates are not checked, so anyone on the network path can read the token and change "
    "answers"
)
LOCAL_FLAGS = {
    "report_file": ("--report", "report"),
    "manifest_file": ("--manifest", "manifest"),
    "url": ("TARGET", "target.baseUrl"),
}
"""Flags and arguments that set a setting but are declared by single commands: parameter -> (spelling, path)."""


def target_options(command: Command) -> Command:
    """Add the flags about target and load. Apply it below `settings_options`, which reads them."""
    return _decorated(command, TARGET_OPTIONS)


def bench_options(command: Command) -> Command:
    """Add the flags about target and load that runs of a benchmark have; else as `target_options`."""
    return _decorated(command, BENCH_OPTIONS)


def _decorated(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def server_options(command: Command) -> Command:
    """Add the flags about target and configuration, not those about plan and load; else as `settings_options`."""
    options = (*SERVER_OPTIONS, TIMEOUT_OPTION, *RUN_OPTIONS, *FILE_OPTIONS)
    return _decorated(_with_settings(command), options)


def settings_options(command: Command) -> Command:
    """Add the flags about plan and configuration, and call the command with `loaded: LoadedSettings`.

    Flags that set a setting are removed from the command's arguments. A command with a parameter `run_name` is also
    called with `directory: RunDirectory | None`: when a run is named, its stored settings replace the file's.

    Raises:
        ConfigurationError: when the command is called with invalid settings.
        RunError: when the named run cannot be resumed.
    """
    return _decorated(_with_settings(command), PLAN_OPTIONS)


def _with_settings(command: Command) -> Command:
    """Call a command with settings instead of the flags that set them."""

    @functools.wraps(command)
    def with_settings(**arguments: Any) -> Any:
        from midaz_seed.settings.loader import load_settings

        flags, rest = _split(click.get_current_context().command.params, arguments)
        config = rest.pop("config_file")
        stored = None
        name = rest.pop("run_name", None)
        if name is not None:
            from midaz_seed.runs.directory import find_run

            given = next((str(flag.value) for flag in flags if flag.path == RUNS_PATH), None)
            rest["directory"] = directory = find_run(runs_directory(given), name)
            check_fits_run(flags, config, directory)
            stored = directory.settings()
        elif "run_name" in arguments:
            rest["directory"] = None
        loaded = load_settings(
            config=Path(config) if config is not None else None,
            flags=flags,
            environ=os.environ,
            stored=stored,
            now=datetime.now(UTC),
        )
        rest["loaded"] = loaded = _with_default_target(loaded)
        if "variants" in arguments:
            rest["variants"] = _load_variants(rest["variants"], flags, config)
        check_used(str(click.get_current_context().info_name), loaded)
        if loaded.settings.target.insecure:
            click.echo(f"WARNING: {INSECURE}", err=True)
        for parameter in OUTPUTS:
            rest.pop(parameter, None)
        if "report_file" in arguments:
            on_stdout = str(loaded.settings.report) in STDOUT
            rest = _with_report_on_stdout(rest) if on_stdout else rest
            begin_documents(None if on_stdout else loaded.settings.report)
        elif OUTPUTS.keys() & arguments.keys():
            begin_documents(None)
        return command(**rest)

    return with_settings


def _load_variants(texts: Sequence[str], flags: list[Flag], config: str | None) -> dict[str, LoadedSettings]:
    """Return the settings of each variant of a benchmark, by its text: the flags, with its own instead of some."""
    from midaz_seed.cli.variants import read_variant
    from midaz_seed.settings.loader import load_settings

    parameters, found = click.get_current_context().command.params, dict[str, LoadedSettings]()
    for text in texts:
        if text in found:
            raise UsageError(f"--variant {text[:60]!r} is given twice", hint="leave one of them out")
        own = read_variant(text, parameters)
        paths = {flag.path for flag in own}
        loaded = load_settings(
            config=Path(config) if config is not None else None,
            flags=[flag for flag in flags if flag.path not in paths] + own,
            environ=os.environ,
            now=datetime.now(UTC),
        )
        found[text] = _with_default_target(loaded)
    return found


def _with_default_target(loaded: LoadedSettings) -> LoadedSettings:
    """Return the settings with this machine as the target, where none is given."""
    from midaz_seed.settings.target import DEFAULT_URL

    target = loaded.settings.target
    if target.base_url or target.onboarding_url or target.transaction_url:
        return loaded
    target = target.model_copy(update={"base_url": DEFAULT_URL})
    return replace(loaded, settings=loaded.settings.model_copy(update={"target": target}))


def _with_report_on_stdout(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command whose report goes to stdout instead of a file: the same as --json."""
    if arguments["as_json"]:
        raise UsageError("--report - and --json both print the report on stdout", hint="give one of them")
    loaded = arguments["loaded"]
    settings = loaded.settings.model_copy(update={"report": None})
    click.get_current_context().params.update(as_json=True, report_file=None)
    return {**arguments, "as_json": True, "loaded": replace(loaded, settings=settings)}


def _split(parameters: list[click.Parameter], arguments: dict[str, Any]) -> tuple[list[Flag], dict[str, Any]]:
    """Return the flags that set a setting, and the arguments that remain for the command."""
    rest = dict(arguments)
    flags = []
    for parameter in parameters:
        if isinstance(parameter, SettingOption):
            flag = parameter.flag(rest.pop(str(parameter.name)))
            flags += [flag] if flag else []
    for name, (spelling, path) in LOCAL_FLAGS.items():
        value = rest.pop(name, None)
        flags += [Flag(spelling, path, value)] if value is not None else []
    if rest.pop("ask_token", False):
        if not sys.stdin.isatty():
            raise UsageError(
                "--ask-token needs a terminal to ask on, and standard input is not one",
                hint="give the token with --auth-token-file or MIDAZ_SEED_TARGET__AUTH_TOKEN",
            )
        token = click.prompt("Bearer token", hide_input=True, err=True)
        flags.append(Flag("--ask-token", "target.authToken", token))
    for assignment in rest.pop("assignments"):
        path, equals, value = assignment.partition("=")
        if not equals or not path:
            raise click.BadParameter(f"{mask_user_info(assignment)!r} must be written as KEY=VALUE", param_hint="--set")
        flags.append(Flag(f"--set {path}", path, value, yaml=True))
    return flags, rest
