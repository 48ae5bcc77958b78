"""The generated parts of documents, between a pair of markers each."""

import sys


def filled(text: str, parts: dict[str, str]) -> str:
    """The document with the text between each pair of markers replaced."""
    for name, body in parts.items():
        begin, end = f"<!-- begin generated: {name} -->\n", f"<!-- end generated: {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            sys.exit(f"the markers of {name} are missing")
        text = f"{before}{begin}\n{body}\n{end}{after}"
    return text
