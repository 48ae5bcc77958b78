"""Where a page listens: `HOST:PORT`, parsed and bound before anything is sent to the target."""

import ipaddress
import re
import socket
from dataclasses import dataclass

from midaz_seed.errors import UsageError

DEFAULT_HOST = "127.0.0.1"
BACKLOG = 128
_PARTS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]/@\s]*))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens. Close it when it is not served."""

    socket: socket.socket
    url: str
    """Address of the page, with the port that was found for port 0."""
    is_loopback: bool
    """Whether only this machine can reach it."""


def listen(given: str, flag: str, *, default_port: int) -> Listening:
    """Listen on `HOST:PORT`, `HOST`, `:PORT` or `PORT`; port 0 finds a free one.

    Args:
        given: as the user wrote it; "" for the defaults.
        flag: names the flag or argument in messages.
        default_port: where the port is not given.

    Raises:
        UsageError: this is no address, it cannot be resolved, or it is in use.
    """
    host, port = _parse(given, flag, default_port)
    try:
        family, _, _, _, bound = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )[0]
    except (OSError, UnicodeError):
        raise UsageError(
            f"the host of {flag} cannot be resolved: {host}",
            hint=f"give an address of this machine, such as {DEFAULT_HOST}:{port}",
        ) from None
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(bound)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"{flag} cannot listen on {_joined(host, port)}: {error.strerror or error}",
            hint=f"choose another port, or let the system choose a free one: {flag} {_joined(host, 0)}",
        ) from None
    listening.setblocking(False)
    is_loopback = ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback
    return Listening(listening, f"http://{_joined(host, listening.getsockname()[1])}/", is_loopback)


def is_loopback_name(host: str) -> bool:
    """Return whether a `Host` header names this machine: `localhost`, or a loopback address, with any port."""
    found = _PARTS.fullmatch(host)
    if not found:
        return False
    name = found["v6"] or found["host"]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _parse(given: str, flag: str, default_port: int) -> tuple[str, int]:
    text = given.strip()
    if text.isascii() and text.isdecimal():
        text = f":{text}"
    elif text.count(":") > 1 and not text.startswith("["):  # an IPv6 address without brackets has no port
        text = f"[{text}]"
    found = _PARTS.fullmatch(text)
    port = int(found["port"] or default_port) if found else 0
    if not found or port > 65535:
        raise UsageError(
            f"{flag} must be HOST:PORT, not {given!r}", hint=f"for example {flag} {DEFAULT_HOST}:{default_port}"
        )
    return found["v6"] or found["host"] or DEFAULT_HOST, port


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
