"""The errors to raise about answers that are not those of a Midaz, and about connections that end."""

from midaz_seed.transport.base import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    LostConnectionError,
    UnreadableAnswerError,
)

_TLS_ALERT = b"\x15\x03"
"""The first bytes of what a TLS server sends when it cannot understand a client."""


class NoAnswerError(LostConnectionError):
    """The connection ended before the first byte of an answer."""


class NotHttpError(UnreadableAnswerError):
    """The first bytes of an answer are not those of HTTP."""


def head_too_large() -> UnreadableAnswerError:
    """The headers exceed their maximum size."""
    return UnreadableAnswerError(f"not a Midaz: the answer has more than {HEAD_BYTES_MAX // 1024} KiB of headers")


def too_many_headers() -> UnreadableAnswerError:
    """The headers exceed their maximum number."""
    return UnreadableAnswerError(f"not a Midaz: the answer has more than {HEADERS_MAX} headers")


def body_too_large() -> UnreadableAnswerError:
    """The body exceeds its maximum size."""
    return UnreadableAnswerError(f"not a Midaz: the answer is larger than {BODY_BYTES_MAX // 1024**2} MiB")


def wrong_protocol(status: int) -> UnreadableAnswerError:
    """The server changes the protocol."""
    return UnreadableAnswerError(f"not a Midaz: the server changes to another protocol (status {status})")


def not_http(data: bytes, reason: str) -> UnreadableAnswerError:
    """Bytes that cannot be parsed.

    Args:
        data: what was received.
        reason: the message of the parser.
    """
    if data.startswith(_TLS_ALERT):
        return https_expected()
    return UnreadableAnswerError(f"not a Midaz: the answer is not valid HTTP ({reason})")


def https_expected() -> UnreadableAnswerError:
    """A port with TLS was asked without."""
    return UnreadableAnswerError(
        "the server expects https on this port", hint="write https:// instead of http:// in the target's URL"
    )


def closed(error: Exception | None, *, received: bool) -> LostConnectionError:
    """The connection ended while an answer was expected.

    Args:
        error: the reason, if there is one.
        received: a part of the answer was received.
    """
    reason = f" ({error})" if error else ""
    if received:
        return LostConnectionError(f"the server closed the connection in the middle of an answer{reason}")
    return NoAnswerError(f"the server closed the connection without an answer{reason}")
