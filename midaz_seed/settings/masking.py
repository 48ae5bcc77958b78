"""Hide the user and password of a URL. Imports nothing heavy, because every command imports it."""

import re

EXAMPLE = "USER:PASSWORD@HOST:PORT"
_SCHEME = re.compile(r"(?i)^([\"'(]?)(?:[a-z][a-z0-9+.-]*://)?")
_AT = re.compile(r"(?i)@|%40")


def mask_user_info(value: str) -> str:
    """Replace everything before the last @ of a value by `***`, except for a scheme; %40 is an encoded @."""
    ends = [found.end() for found in _AT.finditer(value)]
    if not ends:
        return value
    scheme = _SCHEME.match(value)
    kept = scheme[0] if scheme else ""
    return f"{kept}***@{value[ends[-1] :]}" if len(kept) < ends[-1] - 1 else value


def mask_message(text: str) -> str:
    """Apply `mask_user_info` to each word of a message, except where the message shows how to write a URL."""
    return re.sub(r"\S+", lambda word: word[0] if EXAMPLE in word[0] else mask_user_info(word[0]), text)
