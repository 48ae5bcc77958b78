"""A group of commands that suggests the nearest name for an unknown one."""

from collections.abc import Iterable

import click

from midaz_seed.cli.documents import DocumentingCommand
from midaz_seed.errors import UsageError
from midaz_seed.wording import nearest


class SuggestingGroup(click.Group):
    """Without a command it runs the default one or prints its help; for an unknown one it suggests the nearest."""

    command_class = DocumentingCommand
    default_command = ""
    """The command that runs without a name, also with flags of its own; "": the help is printed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            is_named = bool(args) and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
            if self.default_command and not is_named:
                args = [self.default_command, *args]
            args = args or ["--help"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in self.list_commands(ctx):
            raise UsageError(f"unknown command {name!r}", hint=_hint(ctx, name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _hint(ctx: click.Context, name: str, known: Iterable[str]) -> str:
    suggestion = nearest(name, known)
    return f"did you mean {ctx.command_path} {suggestion}?" if suggestion else f"see {ctx.command_path} --help"
