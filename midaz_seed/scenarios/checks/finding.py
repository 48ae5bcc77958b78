"""What a check finds, and how it looks names up."""

from collections.abc import Collection
from dataclasses import dataclass

from midaz_seed.scenarios.document import Step, show
from midaz_seed.wording import nearest, nearest_path

Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that makes a scenario impossible: where in it, and a sentence about it without the place."""

    path: Path
    text: str


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Return the sentence about a name that leads nowhere, with the nearest one: "there is no kind 'perso'; ..."."""
    # `checking` or `person` instead of `person.checking`
    part = next((each for each in known if name in each.split(".")), None)
    suggestion = part or (nearest_path(name, known, ".") if "." in name else nearest(name, known))
    if suggestion:
        return f"there is no {what} {show(name)}; did you mean {suggestion}?"
    listed = ", ".join(sorted(known)[:20])
    return f"there is no {what} {show(name)}; " + (f"there are {listed}" if listed else "the scenario has none")


def percent(share: int) -> str:
    """Return a share of a million as a percentage: 862,500 is "86.25 %"."""
    whole, rest = divmod(share, 10_000)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".") + " %"
