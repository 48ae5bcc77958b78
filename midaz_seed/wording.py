"""Text for people: counted nouns, lines that fit, and foreign text that is safe to print."""

import textwrap
from collections.abc import Iterable, Iterator

TEXT_MAX = 2_000
"""Characters of one foreign text that are printed: more would hide the lines around it."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 ledger", "2,000 ledgers".

    Args:
        count: how many.
        noun: the singular.
        plural: the plural, where it is not the singular with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def printable(text: str) -> str:
    r"""Return text from outside in one line that can be printed: from a server, a file or the command line.

    Everything that does not print is escaped as in Python (`\x1b`, `\n`, `\u202e`): control characters of both sets,
    which could change the terminal; line breaks, which could fake a line of ours; and the characters that change the
    direction of the text. The end of a very long text is left out.
    """
    if len(text) > TEXT_MAX:
        text = f"{text[:TEXT_MAX]}... ({counted(len(text) - TEXT_MAX, 'more character')})"
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """Break lines that are wider than `width` at spaces; the rest of a line is indented by two more than the line.

    Words that are too long stay in one piece, so that they can be copied.
    """
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
