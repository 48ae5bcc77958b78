"""`midaz-seed sandbox`: the embedded Midaz as a process of its own."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--port",
    default=3002,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes any free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; only this machine's own are accepted.",
)
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep everything in this file; without it, in memory.",
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A fault plan (YAML): what goes wrong, and when.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Of the random parts of ids, and of the faults unless their plan has its own.",
)
@click.option("--auth-token", envvar="MIDAZ_SEED_SANDBOX_TOKEN", help="Ask for this bearer token.")
@click.option("--until-eof", is_flag=True, help="End when standard input ends: for a program that starts this one.")
def sandbox(
    port: int, host: str, data: Path | None, faults: Path | None, seed: int, auth_token: str | None, until_eof: bool
) -> None:
    """Run the embedded Midaz: a ledger that answers as a Midaz v3.8 does.

    Prints one line, `sandbox listening on URL`, once it accepts connections. Ends with Ctrl-C or SIGTERM; nothing
    that was
    acknowledged is lost.
    """
    from midaz_seed.errors import SeedError
    from midaz_seed.sandbox.process_main import run

    try:
        run(port=port, host=host, data=data, faults=faults, seed=seed, auth_token=auth_token, until_eof=until_eof)
    except SeedError as error:
        click.echo(f"error: {error}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        raise SystemExit(int(error.exit_code)) from None
