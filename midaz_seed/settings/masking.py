"""Hide the user and password of a URL. Imports nothing heavy, because every command imports it."""

import re

EXAMPLE = "USER:PASSWORD@HOST:PORT"
_SCHEME = re.compile(r"(?i)^([\"'(]?)(?:[a-z][a-z0-9+.-]*://)?")
_AT = re.compile(r"(?i)@|%40")
_RUN_NAME = re.compile(r"[a-z0-9-]{1,40}@(?:sandbox_[A-Za-z0-9._-]+|[A-Za-z0-9.-]+_\d{1,5}(?:_[A-Za-z0-9._-]+)?)")
"""The name of a run's directory. Unlike a URL, it has no colon, and an underscore before the port."""
_AROUND = "\"'`(),.:;"


def mask_user_info(value: str) -> str:
    """Replace everything before the last @ of a value by `***`, except for a scheme; %40 is an encoded @."""
    ends = [found.end() for found in _AT.finditer(value)]
    if not ends:
        return value
    scheme = _SCHEME.match(value)
    kept = scheme[0] if scheme else ""
    return f"{kept}***@{value[ends[-1] :]}" if len(kept) < ends[-1] - 1 else value


def mask_message(text: str) -> str:
    """Apply `mask_user_info` to each word of a message, except to the name of a run and to `EXAMPLE`."""
    return re.sub(r"\S+", lambda word: word[0] if _is_ours(word[0]) else mask_user_info(word[0]), text)


def _is_ours(word: str) -> bool:
    folder, _, name = word.strip(_AROUND).rpartition("/")
    is_run = _RUN_NAME.fullmatch(name) is not None and not _AT.search(folder) and ":" not in folder
    return is_run or EXAMPLE in word
