"""`midaz-seed completion`: print the script with which a shell completes the command."""

import click

from midaz_seed.cli.documents import DocumentingCommand

SHELLS = ("bash", "zsh", "fish")


class _Shell(click.Choice[str]):
    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        return f"Choose from {', '.join(SHELLS)}."


@click.command(cls=DocumentingCommand)
@click.argument("shell", metavar="SHELL", type=_Shell(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes midaz-seed in a shell: bash, zsh or fish.

    It completes commands, flags, their values, scenarios and runs. To load it:

    \b
    eval "$(midaz-seed completion bash)"      # in ~/.bashrc
    eval "$(midaz-seed completion zsh)"       # in ~/.zshrc, after compinit
    midaz-seed completion fish > ~/.config/fish/completions/midaz-seed.fish
    """
    from click.shell_completion import get_completion_class

    from midaz_seed.cli import COMPLETION_VARIABLE, PROGRAM

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, PROGRAM, COMPLETION_VARIABLE).source())
