"""The command line: one module per verb that parses, calls the library and prints; no rule of a run.

`main` finds the verb, imports it when it is used (`--help` answers at once), and turns every failure into a message and
an exit code.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from midaz_seed.cli.suggestions import SuggestingGroup
from midaz_seed.errors import ExitCode, SeedError
from midaz_seed.settings.sources import DEBUG_VARIABLE
from midaz_seed.settings.suggestions import nearest

BROKEN_PIPE = 141
"""What a shell reports for a program whose reader went away (128 + SIGPIPE): `midaz-seed config show | head -1`."""

VERBS = {
    "run": "Fill a Midaz with the planned data and prove every balance.",
    "plan": "Show what a run would create; nothing is sent.",
    "retry": "Send again what the server refused in a run.",
    "runs": "List, show or delete the runs of this directory.",
    "doctor": "Look at a Midaz before a run: what it is, and whether to go.",
    "verify": "Prove that a Midaz holds the planned data; nothing is written.",
    "teardown": "Remove what a run created, and nothing else.",
    "sandbox": "Serve an embedded stand-in for Midaz.",
    "config": "Show, describe or start the configuration.",
}
"""Each verb is an object of this name in the module of this name, with what the list of commands says about it."""


class _Verbs(SuggestingGroup):
    """The verbs, imported one by one when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command = getattr(importlib.import_module(f"midaz_seed.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("midaz-seed")
        except PackageNotFoundError:
            number = "(from its source folder, not installed)"
        click.echo(f"midaz-seed {number}")
        ctx.exit()


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command has its own --help. Exit codes: 0 done and proved; 1 over the error budget, a balance "
    "differs, or an internal error; 2 usage or configuration; 3 target; 4 settlement; 130/143 interrupted.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Fill a Midaz ledger with realistic data, and prove that every balance is the planned one.

    \b
    midaz-seed run --target sandbox                    # the embedded server: nothing else needed
    midaz-seed plan -v large                           # what would be created
    midaz-seed run -v medium -u http://127.0.0.1:3002  # a Midaz of your own
    """


def main(arguments: Sequence[str] | None = None, commands: click.Group = cli) -> NoReturn:
    """Run the command line and leave with its exit code. `arguments` default to those of the process.

    `commands` may be a group of somebody else's, which then fails as ours does.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(given, commands)
        sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes once more at its end, and that must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    sys.exit(code)


def _run(arguments: list[str], commands: click.Group) -> int:
    try:
        with commands.make_context("midaz-seed", list(arguments)) as ctx:
            commands.invoke(ctx)
    except click.exceptions.Exit as request:
        return request.exit_code
    except SeedError as error:
        _complain(error.message, error.where, error.hint)
        return error.exit_code
    except click.NoSuchOption as error:
        right = nearest(error.option_name, error.possibilities or ())
        hint = f"did you mean {right}?" if right else _see_help(error, arguments)
        _complain(f"there is no option {error.option_name}", "", hint)
        return ExitCode.USAGE
    except click.ClickException as error:
        _complain(error.format_message(), "", _see_help(error, arguments))
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted", "", "run the same command again to go on")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: a user gets one line, never a bare traceback
        return _internal_error(error, arguments)
    return ExitCode.DONE


def _internal_error(error: Exception, arguments: list[str]) -> int:
    if os.environ.get(DEBUG_VARIABLE) or {"--debug", "-d"} & set(arguments):
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        advice = "please report it with the traceback above"
    else:
        advice = f"run again with --debug (or {DEBUG_VARIABLE}=1) for the traceback"
    text = " ".join(str(error).split())
    click.echo(f"internal error: {type(error).__name__}{f': {text}' if text else ''}; {advice}", err=True)
    return ExitCode.DIFFERENCES


def _see_help(error: click.ClickException, arguments: list[str]) -> str:
    ctx = getattr(error, "ctx", None)
    verb = next((f"midaz-seed {name}" for name in arguments[:1] if name in VERBS), "midaz-seed")
    return f"see {ctx.command_path if ctx else verb} --help"


def _complain(message: str, where: str, hint: str) -> None:
    click.echo(f"error: {message}", err=True)
    if where:
        click.echo(f"  where: {where}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)
