"""Check comments, docstrings, messages and documents for words that CONTRIBUTING.md asks to avoid.

    python tools/style.py                       # midaz_seed, docs, README, CHANGELOG, CONTRIBUTING
    python tools/style.py midaz_seed/cli docs   # some files or directories
    python tools/style.py --words               # the words, with reason and replacement

In Python it checks comments and strings that contain a space, not identifiers. In Markdown it skips code, link targets
and generated parts, whose source is checked. `style: allow REASON` in a comment on the same line permits the words on
that line; `ALLOWED` permits a word in a file. Exit code 1 when a word was found.
"""

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKED = ("midaz_seed", "docs", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")


@dataclass(frozen=True, slots=True)
class Rule:
    """A word to avoid."""

    name: str
    pattern: re.Pattern[str]
    reason: str
    instead: str


def _rule(name: str, pattern: str, reason: str, instead: str) -> Rule:
    return Rule(name, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), reason, instead)


RULES = (
    _rule("so many", "so (?:many|much|few|long)", "leaves the amount unnamed", "name the number, time or amount"),
    _rule("go on", "go(?:es|ing|ne)? on|went on", "vague", "continue, run"),
    _rule("tell", "tells?|told|telling", "personifies the program", "report, log, print, return, distinguish"),
    _rule("speak", "speaks?|spoken|speaking|spoke", "personifies the program", "support, send"),
    _rule("in hand", "in hand", "has a standard term", "in flight, in progress"),
    _rule("on its way", "on (?:its|their|the) way", "has a standard term", "in flight"),
    _rule("somebody", "nobody|somebody|anybody|whoever", "hides who acts", "name the client, server, process or user"),
    _rule("knee", "knees?", "has a standard term", "saturation point"),
    _rule("pack", "packs?|packed|packing", "has a standard term", "batch, batch size"),
    _rule("open loop", "(?:open|closed) loops?", "has a standard term", "open model, closed model"),
    _rule("world", "worlds?", "means several things", "state, data, organization"),
    _rule("proof", "proofs?", "has a standard term", "verification"),
    _rule("cure", "cures?|cured|curing", "personifies the program", "fix"),
    _rule("ill", "is ill|are ill", "personifies the program", "fails"),
    _rule("manners", "manners", "personifies the program", "API behaviour"),
    _rule("last word", "last word", "personifies the program", "last updated"),
    _rule("for good", "for good", "vague", "rejected, permanently, in every attempt"),
    _rule("take up", "(?:take|takes|taken|taking|took) up", "has a standard term", "resume"),
    _rule("short way", "short way", "has a standard term", "fast path"),
    _rule(
        "a look",
        "(?:a|one|the|each|every|last|first|later|two|between|these|those) looks?(?![- ]ups?)",
        "has a standard term",
        "read (of the balances, of the list)",
    ),
    _rule("anew", "anew|as ever|beforehand", "archaic", "again, as usual, before"),
    _rule("beyond doubt", "beyond doubt", "vague beside 'in doubt', a term", "certainly"),
)

ALLOWED: dict[tuple[str, str], str] = {}
"""(file, name of a rule) -> why the word is permitted there."""

_ALLOW = re.compile(r"style: allow \S")
_CODE_SPAN = re.compile(r"`[^`]*`")
_LINK_TARGET = re.compile(r"\]\([^)]*\)|https?://\S+")
_REPLACEMENT_FIELD = re.compile(r"\{[^{}]*\}")
_F_STRING_PARTS = {getattr(tokenize, name, -1) for name in ("FSTRING_MIDDLE", "TSTRING_MIDDLE")}


@dataclass(frozen=True, slots=True)
class Hit:
    """A word that was found."""

    file: str
    line: int
    rule: Rule
    text: str


def prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) for each line of comments and of strings that contain a space."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string
        elif token.type in {tokenize.STRING, *_F_STRING_PARTS} and " " in token.string.strip():
            text = _REPLACEMENT_FIELD.sub("", token.string)
        else:
            continue
        for offset, line in enumerate(text.split("\n")):
            yield token.start[0] + offset, line


def prose_of_markdown(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) for each line outside of code blocks and generated parts."""
    in_code = generated = False
    for number, line in enumerate(source.split("\n"), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif line.startswith("<!-- begin generated"):
            generated = True
        elif line.startswith("<!-- end generated"):
            generated = False
        elif not in_code and not generated:
            yield number, _LINK_TARGET.sub("]", line)


def hits_in(name: str, source: str) -> Iterator[Hit]:
    """Yield the words found in a file; its name decides whether it is Python or Markdown."""
    prose = prose_of_python(source) if name.endswith(".py") else prose_of_markdown(source)
    permitted = {number for number, line in enumerate(source.split("\n"), 1) if _ALLOW.search(line)}
    for number, text in prose:
        if number in permitted:
            continue
        plain = _CODE_SPAN.sub("", text)
        for rule in RULES:
            if (name, rule.name) not in ALLOWED and (found := rule.pattern.search(plain)):
                yield Hit(name, number, rule, found[0])


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the Python and Markdown files among these paths, and in the directories among them."""
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.suffix in (".py", ".md") and file.is_file())


def main() -> None:
    """Print the words found, and their number by package."""
    arguments = sys.argv[1:]
    if arguments == ["--words"]:
        for rule in RULES:
            print(f"{rule.name:<14}{rule.reason}; instead: {rule.instead}")
        return
    paths = [Path(argument).resolve() for argument in arguments] or [ROOT / name for name in CHECKED]
    counts: Counter[str] = Counter()
    for file in files_in(paths):
        name = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
        for hit in hits_in(name, file.read_text(encoding="utf-8")):
            print(f"{hit.file}:{hit.line}: {hit.text!r} {hit.rule.reason}; instead: {hit.rule.instead}")
            counts["/".join(name.split("/")[:2])] += 1
    for package, count in sorted(counts.items()):
        print(f"{count:>5}  {package}", file=sys.stderr)
    sys.exit(1 if counts else 0)


if __name__ == "__main__":
    main()
