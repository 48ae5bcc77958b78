"""Types of the values of settings: counts, times, hosts, tokens, headers."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints


@dataclass(frozen=True)
class Expectation:
    """A description of the valid values, for messages and the reference, where the type does not give one."""

    text: str


def _split(value: object) -> object:
    """Accept a list as one text with commas, the only form for an environment variable."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


_UNITS = {"s": 1, "m": 60, "h": 3600}


def _duration(value: object) -> object:
    """Accept a time with its unit: 90s, 10m, 2h."""
    if isinstance(value, str) and value[-1:] in _UNITS:
        try:
            return float(value[:-1]) * _UNITS[value[-1]]
        except ValueError:
            return value
    return value


def _header_safe(token: SecretStr) -> SecretStr:
    """Refuse a token that is no valid header value: a line break in it would start another header."""
    value = token.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("not a token")
    return token


def _listed(value: object) -> object:
    """Accept a single header without a list."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _header_line(line: SecretStr) -> SecretStr:
    """Refuse text that is not exactly one header, because it becomes part of every request."""
    text = line.get_secret_value()
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+: ?[\x20-\x7e]*", text):
        raise ValueError("not a header")
    if text.partition(":")[0].lower() in ("content-length", "transfer-encoding", "host", "connection"):
        raise ValueError("this header is set by the transport")
    return line


Auto = Literal["auto"]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Positive = Annotated[int, Field(ge=1, le=10_000_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Field(ge=0, le=604_800),
    Expectation("a number of seconds up to 604,800, or a time such as 90s, 10m or 2h"),
]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\[\]-]+$")]
Hosts = Annotated[
    tuple[Host, ...], BeforeValidator(_split), Expectation("a list of host names, without http:// and port")
]
Token = Annotated[SecretStr, AfterValidator(_header_safe), Expectation("one word of printable ASCII characters")]
Header = Annotated[SecretStr, AfterValidator(_header_line)]
Headers = Annotated[tuple[Header, ...], BeforeValidator(_listed), Expectation("a list of headers, each as Name: value")]
RunId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"),
    Expectation("1 to 40 characters of a-z, 0-9 and -, no leading -"),
]
