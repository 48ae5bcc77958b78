"""Text for people: counted nouns, lines that fit, suggestions for unknown names, foreign text that is safe to print."""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence

TEXT_MAX = 1_000
"""Characters of one foreign text that are printed: more would hide the lines around it."""
_UNIT = re.compile(r"(?<=\d) (?=%|(?:ms|s|MB)\b)")
"""The space between a number and its unit."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 ledger", "2,000 ledgers".

    Args:
        count: how many.
        noun: the singular.
        plural: the plural, where it is not the singular with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def share_text(part: int, whole: int, noun: str) -> str:
    """Return how many of how many: "3 of 4 ledgers"; "4 ledgers" for all of them."""
    return counted(whole, noun) if part == whole else f"{part:,} of {counted(whole, noun)}"


def duration_text(seconds: float) -> str:
    """Format a duration: 1:05, or 2:01:05 from an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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


def printable_json(text: str) -> str:
    r"""Return JSON with everything unprintable in its strings as JSON escapes (`\u202e`): the same document."""
    if text.isascii() and "\x7f" not in text:  # JSON escapes the other control characters anyway
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else _as_json_escapes(sign) for sign in text)


def json_document(document: object) -> str:
    """Return a document as indented JSON that ends with a newline, as `printable_json` does.

    Args:
        document: what orjson can write, such as dictionaries, lists and dataclasses.
    """
    import orjson  # only commands that write a document need it

    return printable_json(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def aligned(rows: Sequence[Sequence[str]], to_the_left: Collection[int]) -> Iterator[str]:
    """Generate the rows of a table as lines, each column as wide as its widest cell.

    Args:
        rows: all with the same number of cells.
        to_the_left: indexes of the columns of words; the others hold numbers, which stand to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if index in to_the_left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def _as_json_escapes(sign: str) -> str:
    data = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[index : index + 2].hex()}" for index in range(0, len(data), 2))


def wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """Break lines that are wider than `width` at spaces; the rest of a line is indented by two more than the line.

    Words that are too long stay in one piece, so that they can be copied, and a number stays with its unit.
    """
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        joined = _UNIT.sub("\u00a0", line)
        pieces = textwrap.wrap(joined, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        yield from (piece.replace("\u00a0", " ") for piece in pieces)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most similar to this one, ignoring case, hyphens and underscores; None without one."""
    import difflib

    plain = {_plain(candidate): candidate for candidate in reversed(list(known))}
    close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def nearest_path(path: str, known: Iterable[str], separator: str) -> str | None:
    """Return the known path most similar to this one; None without one.

    Preferred in this order: the same path in another spelling, the same last part in another section, a similar last
    part in the same section, any similar path.
    """
    paths = list(known)
    parent, _, last = path.rpartition(separator)
    same = [candidate for candidate in paths if _plain(candidate) == _plain(path)]
    misplaced = [candidate for candidate in paths if _plain(candidate.rpartition(separator)[2]) == _plain(last)]
    if same or misplaced:
        return (same or misplaced)[0]
    siblings = {
        candidate.rpartition(separator)[2]: candidate
        for candidate in paths
        if _plain(candidate.rpartition(separator)[0]) == _plain(parent)
    }
    found = nearest(last, siblings)
    return siblings[found] if found else nearest(path, paths)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
