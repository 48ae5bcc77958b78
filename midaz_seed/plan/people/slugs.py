"""Slugs, for aliases."""

import re
import unicodedata


def slug(text: str) -> str:
    """Convert text to lower-case ASCII words joined by hyphens.

    Underscores are left out, because the server compares with LIKE, where they match any character.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
