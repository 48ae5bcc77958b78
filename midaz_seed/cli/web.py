"""The flags of the pages, and the live page of `midaz-seed run --web`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midaz_seed.cli.option_kinds import Command
from midaz_seed.cli.unused import check_given

if TYPE_CHECKING:
    from midaz_seed.listening import Listening
    from midaz_seed.web.live_page import LivePage

DEFAULT_PORT = 8400
DEFAULT_ADDRESS = f"127.0.0.1:{DEFAULT_PORT}"
LINGER_S_MAX = 86_400

token_file_option = click.option(
    "--web-token-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token that the page requires  [default: MIDAZ_SEED_WEB_TOKEN; outside of loopback a new one]",
)


def web_options(command: Command) -> Command:
    """Add the flags of the live page."""
    address = click.option(
        "--web",
        is_flag=False,
        flag_value=DEFAULT_ADDRESS,
        default=None,
        metavar="[HOST:PORT]",
        help=f"Serve a live page of the run, by default on {DEFAULT_ADDRESS}; port 0 picks a free one.",
    )
    linger = click.option(
        "--web-linger",
        "web_linger_s",
        metavar="SECONDS",
        type=click.FloatRange(0, LINGER_S_MAX),
        default=0.0,
        help="Serve the live page, with the report, for this time after the run.",
    )
    return address(token_file_option(linger(command)))


@contextmanager
def open_live_page(address: str | None, token_file: Path | None, linger_s: float) -> "Iterator[Sequence[LivePage]]":
    """Serve the live page for the duration of the block, and print its address. Yield what observes the run.

    Args:
        address: as given; None for no page.
        token_file: has the token that it requires.
        linger_s: how long to serve it after the run.

    Raises:
        UsageError: it cannot listen there, or a flag needs `--web`.
        ConfigurationError: the token cannot be read.
    """
    needs = (address is not None, "--web")
    check_given(click.get_current_context(), {"web_token_file": needs, "web_linger_s": needs})
    if address is None:
        yield ()
        return
    from midaz_seed.web.live_page import LivePage

    listening, token = open_address(address, token_file, "--web")
    click.echo(f"live page: {listening.url}", err=True)
    with LivePage(listening, token, linger_s=linger_s) as page:
        yield (page,)


def open_address(
    address: str, token_file: Path | None, flag: str, *, default_port: int = DEFAULT_PORT
) -> "tuple[Listening, str]":
    """Listen on an address. Return the socket, and the token that it requires, which is printed if it is a new one.

    Args:
        address: as given.
        token_file: has the token.
        flag: names the address in messages.
        default_port: where the address has none.

    Raises:
        UsageError: it cannot listen there.
        ConfigurationError: the token cannot be read.
    """
    from midaz_seed.listening import listen
    from midaz_seed.web.access import find_token

    listening = listen(address, flag, default_port=default_port)
    try:
        token, is_new = find_token(os.environ, token_file, is_loopback=listening.is_loopback)
    except BaseException:
        listening.socket.close()
        raise
    if is_new:  # the only place that shows it: neither logs nor reports have it
        click.echo(f"token of the page: {token}", err=True)
    return listening, token
