"""Read a file that holds one secret, as editors and shells of any system write it."""

import codecs
from pathlib import Path

_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
BYTES_MAX = 64 * 1024
"""Maximum size of such a file; more is not read, because it may be a device without an end."""


def read_secret(file: Path) -> str:
    """Return the text of a file, decoded by its byte-order mark, without one as UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or not text.
    """
    with file.open("rb") as opened:
        data = opened.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise ValueError("too large for a secret")
    encoding = next((name for mark, name in _ENCODINGS if data.startswith(mark)), "utf-8")
    return data.decode(encoding)
