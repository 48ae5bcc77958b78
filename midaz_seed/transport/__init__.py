"""HTTP transports. Other programs import the protocol and its errors from here; this package's own code from `base`."""

from midaz_seed.transport.base import (
    AnswerTimeoutError,
    ConnectError,
    LostConnectionError,
    OutOfFileDescriptorsError,
    Request,
    Response,
    ReusedConnectionClosedError,
    Service,
    Transport,
    TransportError,
    UnreadableAnswerError,
)

__all__ = [
    "AnswerTimeoutError",
    "ConnectError",
    "LostConnectionError",
    "OutOfFileDescriptorsError",
    "Request",
    "Response",
    "ReusedConnectionClosedError",
    "Service",
    "Transport",
    "TransportError",
    "UnreadableAnswerError",
]
