"""Opening connections: names to addresses, happy eyeballs (RFC 8305), and what a failed attempt means."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Mapping

import aiohappyeyeballs

from midaz_seed.transport.base import ConnectError, OutOfFileDescriptorsError, TransportError

Addresses = Mapping[tuple[str, int], tuple[str, ...]]
"""(host, port) -> the IP addresses to use instead of those that the resolver of the system gives."""
NEXT_ADDRESS_AFTER_S = 0.25
"""Time without a connection after which the next address of a name is tried as well (RFC 8305, section 5)."""
TRY_WITHIN_S = 1.0
"""Time for a connection that is only tried, such as to explain a failure."""
_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})


async def open_socket(host: str, port: int, addresses: Addresses) -> socket.socket:
    """Connect to the first address of a host that answers.

    Raises:
        OSError: no address answers, or the name is unknown.
    """
    loop = asyncio.get_running_loop()
    found = []
    for name in addresses.get((host, port), (host,)):
        try:
            found += await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:  # such as a label of more than 63 characters
            raise invalid_name() from error
    return await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=NEXT_ADDRESS_AFTER_S, interleave=1, loop=loop
    )


def invalid_name() -> socket.gaierror:
    """Return the resolver's error for what is not a host name."""
    return socket.gaierror(socket.EAI_NONAME, "it is not a valid host name")


def connect_error(error: OSError, host: str, port: int) -> TransportError:
    """Return the error to raise when no connection could be made.

    Args:
        error: the failure of the socket, the resolver or TLS.
        host: the host, without brackets.
        port: the port.
    """
    where = _address(host, port)
    is_resolvers = isinstance(error, socket.gaierror) or error.errno == errno.EINVAL  # as some of its modules report it
    if error.errno in _NO_DESCRIPTOR or (is_resolvers and not _has_descriptor()):
        return OutOfFileDescriptorsError(
            f"no file descriptor is left for a connection to {where}",
            hint="raise the limit with `ulimit -n 4096`, or lower --concurrency",
        )
    if isinstance(error, ssl.SSLError):
        message, hint = explain_tls(error)
        return ConnectError(f"no TLS connection to {where}: {message}", hint=hint)
    if isinstance(error, socket.gaierror):
        hint = "check the spelling and the DNS, or give its address with --resolve NAME:PORT:ADDRESS"
        return ConnectError(f"no address for the name {host}: {error.strerror}", hint=hint)
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error) or type(error).__name__
    return ConnectError(f"no connection to {where}: {reason[:1].lower()}{reason[1:]}", hint=_UP)


def connect_timeout(host: str, port: int, timeout_s: float, *, handshake: bool = False) -> ConnectError:
    """Return the error to raise when a connection was not made in time; `handshake`: only TLS was missing."""
    if handshake:
        return ConnectError(
            f"no TLS connection to {_address(host, port)} in {timeout_s:g} s: the server does not answer the handshake",
            hint="if the server does not use TLS on this port, write http:// instead of https://",
        )
    return ConnectError(f"no connection to {_address(host, port)} in {timeout_s:g} s", hint=_UP)


_UP = "check the address, and that the server is up"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _has_descriptor() -> bool:
    """Return whether a file can be opened; without a descriptor the resolver reports an unknown name instead."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in _NO_DESCRIPTOR
    return True


_TRUST = "give the CA's certificate with --ca-file FILE; for a test, --insecure skips the check"
_CERTIFICATE = {
    18: ("its certificate is self-signed", f"{_TRUST} (the file may be that certificate itself)"),
    19: ("its certificate is from a private CA (self-signed certificate in the chain)", _TRUST),
    20: ("its certificate is from an unknown CA", _TRUST),
    21: ("its certificate is from an unknown CA, or the server leaves out intermediate certificates", _TRUST),
    10: ("its certificate has expired", "renew the server's certificate; for a test, --insecure skips the check"),
    9: (
        "its certificate is not valid yet",
        "check the clocks of both machines; for a test, --insecure skips the check",
    ),
    23: ("its certificate was revoked", "renew the server's certificate"),
}
"""OpenSSL's code of a refused certificate -> what is wrong, what to do."""
_OTHER_NAME = frozenset({62, 64})
"""OpenSSL's codes for a certificate of another host name or IP address."""


def explain_tls(error: ssl.SSLError) -> tuple[str, str]:
    """Return what is wrong with TLS, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _OTHER_NAME:
            return (
                f"its certificate is for another host ({error.verify_message.rstrip('.')})",
                "use the name in the certificate; `--resolve NAME:PORT:ADDRESS` connects to any address under that "
                "name; for a test, --insecure skips the check",
            )
        known = _CERTIFICATE.get(error.verify_code)
        return known or (f"its certificate is refused: {error.verify_message}", _TRUST)
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return "the server does not use TLS on this port", "write http:// instead of https://, or give the TLS port"
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason or "BAD_CERTIFICATE" in reason:
        return (
            f"the server ended the handshake ({reason.lower().replace('_', ' ')})",
            "it may require a client certificate: target.clientCertificate, target.clientKey",
        )
    return reason.lower().replace("_", " ") or str(error), "check the server's TLS settings"


_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""OpenSSL's reasons when the first bytes from the server are no TLS."""


async def accepts_connections(host: str, port: int, addresses: Addresses) -> bool:
    """Return whether a connection can be made, without TLS."""
    try:
        async with asyncio.timeout(TRY_WITHIN_S):
            opened = await open_socket(host, port, addresses)
    except (OSError, TimeoutError):
        return False
    opened.close()
    return True


async def accepts_tls(host: str, port: int, addresses: Addresses) -> bool:
    """Return whether a server accepts TLS, with any certificate: to explain why it does not answer plain HTTP."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(TRY_WITHIN_S):
            opened = await open_socket(host, port, addresses)
            try:
                transport, _ = await loop.create_connection(
                    asyncio.Protocol, sock=opened, ssl=unverified_context(), server_hostname=host
                )
            except BaseException:
                opened.close()
                raise
    except (OSError, TimeoutError):
        return False
    transport.abort()
    return True


def unverified_context() -> ssl.SSLContext:
    """Return a TLS context that accepts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loads no CA certificates, which takes a tenth of a second
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
