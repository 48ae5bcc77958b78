"""The command line: one module per command that parses, calls the library and prints; no rule of a run.

`main` runs a command and turns every failure into a message and an exit code. Each command has a
module of its own, imported only when it is used: that keeps `--help` fast.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from midaz_seed.cli.help_text import HelpContext, wrap_help
from midaz_seed.cli.suggestions import SuggestingGroup
from midaz_seed.errors import ConfigurationError, ExitCode, SeedError
from midaz_seed.reporting.redaction import redact
from midaz_seed.settings.masking import mask_message
from midaz_seed.settings.sources import DEBUG_VARIABLE
from midaz_seed.wording import nearest, printable

BROKEN_PIPE = 141
"""128 + SIGPIPE, as a shell reports it when the reader of stdout closes early: `midaz-seed config show | head -1`."""

COMMANDS = {
    "run": "Fill a Midaz with the planned data and verify every balance.",
    "plan": "Show what a run would create; send nothing.",
    "retry": "Send the rejected items of a run again.",
    "runs": "List, show or delete the runs in a runs directory.",
    "doctor": "Check a Midaz before a run: go or no-go.",
    "verify": "Verify that a Midaz holds the planned data; write nothing.",
    "teardown": "Remove what a run created, and nothing else.",
    "sandbox": "Run the embedded Midaz.",
    "config": "Show the settings, their JSON Schema or a file to start from.",
}
"""Command -> its line in `midaz-seed --help`. The command is an object of that name in the module of that name."""


class _LazyCommands(SuggestingGroup):
    """The commands, each imported when it is used."""

    context_class = HelpContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"midaz_seed.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return wrap_help(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("midaz-seed")
        except PackageNotFoundError:
            number = "(not installed: run from its source folder)"
        click.echo(f"midaz-seed {number}")
        ctx.exit()


@click.group(
    cls=_LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Run a command with --help for its options. Exit codes: 0 done and verified; 1 over the error budget, a "
    "balance differs, or an internal error; 2 usage or configuration; 3 target; 4 settlement; 130/143 interrupted.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """Fill a Midaz ledger with realistic data, and verify that every balance is the planned one.

    \b
    midaz-seed run --target sandbox                    # fill the embedded server
    midaz-seed plan -v large                           # show what would be made
    midaz-seed run -v medium -u http://127.0.0.1:3002  # fill a Midaz of your own
    """


def main(arguments: Sequence[str] | None = None, commands: click.Group = cli) -> NoReturn:
    """Run the command line and exit the process with its exit code.

    Args:
        arguments: the command line without the program's name; by default that of the process.
        commands: the group to run. Another program can pass its own, to get the same error messages and exit codes.
    """
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(command_line, commands)
        sys.stdout.flush()
    except BrokenPipeError:
        # the interpreter flushes stdout once more when it exits, which must not raise again
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
        # only the problems of a configuration have lines of their own; a server must not be able to add one
        is_list = isinstance(error, ConfigurationError)
        _print_error(error.message if is_list else error.message.replace("\n", "\\n"), error.where, error.hint)
        return error.exit_code
    except click.NoSuchOption as error:
        suggestion = nearest(error.option_name, error.possibilities or ())
        hint = f"did you mean {suggestion}?" if suggestion else _see_help(error, arguments)
        _print_error(f"unknown option {error.option_name}", "", hint)
        return ExitCode.USAGE
    except click.ClickException as error:
        _print_error(error.format_message(), "", _see_help(error, arguments))
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        _print_error("interrupted", "", "run the same command again to continue")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: print one line, not a traceback
        return _internal_error(error, arguments)
    return ExitCode.DONE


def _internal_error(error: Exception, arguments: list[str]) -> int:
    if os.environ.get(DEBUG_VARIABLE) or {"--debug", "-d"} & set(arguments):
        import traceback

        click.echo(redact("".join(traceback.format_exception(error))), err=True, nl=False)
        next_step = "please report it with the traceback above"
    else:
        next_step = f"run again with --debug (or {DEBUG_VARIABLE}=1) for the traceback"
    text = printable(_without_secrets(" ".join(str(error).split())))
    click.echo(f"internal error: {type(error).__name__}{f': {text}' if text else ''}; {next_step}", err=True)
    return ExitCode.DIFFERENCES


def _see_help(error: click.ClickException, arguments: list[str]) -> str:
    ctx = getattr(error, "ctx", None)
    command = next((f"midaz-seed {name}" for name in arguments[:1] if name in COMMANDS), "midaz-seed")
    return f"see {ctx.command_path if ctx else command} --help"


def _without_secrets(text: str) -> str:
    return redact(mask_message(text))


def _print_error(message: str, where: str, hint: str) -> None:
    # any argument may be a URL with a password in the wrong place
    click.echo("\n".join(printable(line) for line in _without_secrets(f"error: {message}").split("\n")), err=True)
    if where:
        click.echo(f"  where: {printable(_without_secrets(where))}", err=True)
    if hint:
        click.echo(f"  hint: {printable(_without_secrets(hint))}", err=True)
