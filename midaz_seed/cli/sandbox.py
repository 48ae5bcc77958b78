"""`midaz-seed sandbox`: the embedded Midaz as a process of its own."""

from pathlib import Path
from typing import Literal

import click


@click.command()
@click.option(
    "--port",
    default=None,
    show_default="3002, or 3000 where there are two services",
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes any free one.",
)
@click.option(
    "--dialect",
    default="v3.8",
    show_default=True,
    type=click.Choice(["v3.3", "v3.8", "v4"]),
    help="The Midaz version to answer as.",
)
@click.option(
    "--transaction-port",
    default=None,
    show_default="the one after --port, or any",
    type=click.IntRange(0, 65535),
    help="With --dialect v3.3: the port of the transaction service.",
)
@click.option("--one-port", is_flag=True, help="With --dialect v3.3: serve both services on one port.")
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
@click.option(
    "--async", "asynchronous", is_flag=True, help="Asynchronous mode: lists and counts lag behind the answers."
)
@click.option(
    "--async-delay-ms",
    default=50.0,
    show_default=True,
    type=click.FloatRange(0),
    help="With --async: how long a record is in the queue at least.",
)
@click.option(
    "--async-per-s",
    default=460.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="With --async: how many records leave the queue in a second.",
)
@click.option(
    "--crash-like-midaz",
    is_flag=True,
    help="Take a real server's time over transactions: a killed process then leaves behind what a real one does.",
)
@click.option(
    "--recovery-age-s",
    default=1800.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How old must be what a killed process left behind before it is recovered.",
)
@click.option(
    "--recovery-period-s",
    default=1800.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="How often that is looked for.",
)
@click.option(
    "--answer-first", is_flag=True, help="Answer before the commit: faster one request at a time; a kill loses 20 ms."
)
@click.option("--control", is_flag=True, help="Serve /sandbox/clock, by which a test moves the time on.")
@click.option("--until-eof", is_flag=True, help="End when standard input ends: for a program that starts this one.")
def sandbox(
    port: int | None,
    dialect: Literal["v3.3", "v3.8", "v4"],
    transaction_port: int | None,
    one_port: bool,
    host: str,
    data: Path | None,
    faults: Path | None,
    seed: int,
    auth_token: str | None,
    asynchronous: bool,
    async_delay_ms: float,
    async_per_s: float,
    crash_like_midaz: bool,
    recovery_age_s: float,
    recovery_period_s: float,
    answer_first: bool,
    control: bool,
    until_eof: bool,
) -> None:
    """Run the embedded Midaz: a ledger that answers as a Midaz of that version does.

    Prints one line, `sandbox listening on URL` (with two URLs where the version has two services), once it accepts
    connections. Ends with Ctrl-C or SIGTERM; nothing that was acknowledged is lost.
    """
    from midaz_seed.errors import SeedError
    from midaz_seed.sandbox.core.dialect import DIALECTS
    from midaz_seed.sandbox.faults.plan import FaultPlan
    from midaz_seed.sandbox.main import run
    from midaz_seed.sandbox.server import RecordQueue, Recovery, SandboxConfig, Stages

    split = DIALECTS[dialect].separate_services and not one_port
    if port is None:
        port = 3000 if split else 3002
    if transaction_port is None:
        transaction_port = port + 1 if split and 0 < port < 65535 else 0
    try:
        config = SandboxConfig(
            host=host,
            port=port,
            data=data,
            seed=seed,
            faults=FaultPlan.read(faults) if faults is not None else None,
            auth_token=auth_token,
            dialect=dialect,
            transaction_port=transaction_port,
            one_port=one_port,
            answer_first=answer_first,
            control=control,
            queue=RecordQueue(async_delay_ms, async_per_s) if asynchronous else None,
            stages=Stages() if crash_like_midaz else None,
            recovery=Recovery(recovery_age_s, recovery_period_s),
        )
        run(config, until_eof=until_eof)
    except SeedError as error:
        click.echo(f"error: {error}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        raise SystemExit(int(error.exit_code)) from None
