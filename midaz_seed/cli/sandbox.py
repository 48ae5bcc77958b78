"""`midaz-seed sandbox`: run the embedded Midaz in the foreground."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from midaz_seed.cli.documents import DocumentingCommand
from midaz_seed.cli.unused import check_given

if TYPE_CHECKING:
    from midaz_seed.sandbox.faults.plan import FaultPlan


@click.command(cls=DocumentingCommand)
@click.option(
    "--port",
    default=None,
    show_default="3002, or 3000 with two services",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--dialect",
    default="v3.8",
    show_default=True,
    type=click.Choice(["v3.3", "v3.8", "v4"]),
    help="Midaz version to imitate.",
)
@click.option(
    "--transaction-port",
    default=None,
    show_default="--port plus 1, or a free one",
    type=click.IntRange(0, 65535),
    help="With --dialect v3.3: port of the transaction service.",
)
@click.option("--one-port", is_flag=True, help="With --dialect v3.3: serve both services on one port.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; must be a loopback address.",
)
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="SQLite file to keep the data in; without it, data is kept in memory.",
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fault plan (YAML): which faults to inject, and when.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Seed of the random parts of ids, and of the faults unless the fault plan has its own.",
)
@click.option("--auth-token", envvar="MIDAZ_SEED_SANDBOX_TOKEN", help="Require this bearer token.")
@click.option("--async", "asynchronous", is_flag=True, help="Asynchronous mode: lists and counts lag behind responses.")
@click.option(
    "--async-delay-ms",
    default=50.0,
    show_default=True,
    type=click.FloatRange(0),
    help="With --async: minimum time of a record in the queue.",
)
@click.option(
    "--async-per-s",
    default=460.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="With --async: records that leave the queue per second.",
)
@click.option(
    "--crash-like-midaz",
    is_flag=True,
    help="Take as long over a transaction as a real server, so that a kill leaves the same partial state.",
)
@click.option(
    "--recovery-age-s",
    default=1800.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Minimum age of the partial state of a killed process before it is recovered.",
)
@click.option(
    "--recovery-period-s",
    default=1800.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Interval between two recovery scans.",
)
@click.option(
    "--answer-first",
    is_flag=True,
    help="Answer before the commit: faster with one request in flight; a kill loses up to 20 ms of data.",
)
@click.option("--control", is_flag=True, help="Serve /sandbox/clock, which lets a test advance the server's clock.")
@click.option("--until-eof", is_flag=True, help="Exit when standard input closes; for a parent process.")
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
    """Run the embedded Midaz: a server that imitates a Midaz of the chosen version.

    Prints one line, `sandbox listening on URL`, once it accepts connections (two URLs for a version with two services).
    Ctrl-C or SIGTERM ends it; no acknowledged write is lost.
    """
    from midaz_seed.sandbox.core.dialect import DIALECTS
    from midaz_seed.sandbox.main import run
    from midaz_seed.sandbox.server import RecordQueue, Recovery, SandboxConfig, Stages

    of_crash = "--crash-like-midaz or --data"
    check_given(
        click.get_current_context(),
        {
            "one_port": (DIALECTS[dialect].separate_services, "--dialect v3.3"),
            "transaction_port": (DIALECTS[dialect].separate_services, "--dialect v3.3"),
            "async_delay_ms": (asynchronous, "--async"),
            "async_per_s": (asynchronous, "--async"),
            "answer_first": (data is not None, "--data"),
            "recovery_age_s": (crash_like_midaz or data is not None, of_crash),
            "recovery_period_s": (crash_like_midaz or data is not None, of_crash),
        },
    )
    split = DIALECTS[dialect].separate_services and not one_port
    if port is None:
        port = 3000 if split else 3002
    if transaction_port is None:
        transaction_port = port + 1 if split and 0 < port < 65535 else 0
    config = SandboxConfig(
        host=host,
        port=port,
        data=data,
        seed=seed,
        faults=_read_faults(faults) if faults is not None else None,
        auth_token=_bare_token(auth_token),
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


def _read_faults(file: Path) -> "FaultPlan":
    from midaz_seed.sandbox.faults.plan import FaultPlan

    return FaultPlan.read(file)


def _bare_token(given: str | None) -> str | None:
    """Read the required token as a client reads its own: without spaces, line ends and `Bearer`."""
    if given is None:
        return None
    from midaz_seed.settings.schema import SETTINGS

    setting = SETTINGS["target.authToken"]
    try:
        token: str = setting.read(given, typed=False).get_secret_value()
    except ValueError:
        raise click.BadParameter(f"it must be {setting.expectation}", param_hint="--auth-token") from None
    return token
