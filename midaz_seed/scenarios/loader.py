"""Load a scenario by its name or file: read, merged with what it extends, and checked, before anything is sent.

All problems of a stage (reading, names and values, meaning) are reported together.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from midaz_seed.errors import ConfigurationError, Problem
from midaz_seed.scenarios.cases import read_cases
from midaz_seed.scenarios.checks import check
from midaz_seed.scenarios.document import PROBLEMS_MAX, Node, locate
from midaz_seed.scenarios.extending import BUILTIN, Source, builtin_names, find_source, resolve
from midaz_seed.scenarios.generators import installed_generators
from midaz_seed.scenarios.model import Scenario
from midaz_seed.scenarios.sentences import find_unknown_names, problems_of, without
from midaz_seed.scenarios.zones import OFFSETS_S
from midaz_seed.wording import nearest

HINT = "`midaz-seed scenario list` shows the built-in scenarios, docs/scenarios.md the format of a file"
__all__ = ["builtin_names", "find_case", "load_scenario", "scenario_source", "split_case"]


def load_scenario(reference: str, *, now: datetime | None = None, folder: Path | None = None) -> Scenario:
    """Load a scenario with everything that it extends.

    Args:
        reference: the name of a built-in scenario, with or without `builtin:`, or the path of a file: one that exists,
            has a folder in it, or ends in .yaml or .yml; `#CASE` after it is one of its cases.
        now: the current time, with its zone; a scenario whose last day is not over is refused. None: not checked.
        folder: where a relative path begins; by default the current directory.

    Raises:
        ConfigurationError: with all problems that were found, each with file and line.
    """
    whole, case = split_case(reference, folder)
    if not whole.endswith((".yaml", ".yml")) and whole.removeprefix(BUILTIN) in builtin_names():
        scenario = _builtin(whole.removeprefix(BUILTIN))
        _raise_if_any(_date_problems(scenario, now), whole)
    else:
        scenario = _load(scenario_source(whole, folder=folder), now)
    return scenario if not case else find_case(scenario, case)


def split_case(reference: str, folder: Path | None = None) -> tuple[str, str]:
    """Return a reference without the name of a case, and that name: `contention#zipf`; "" for the scenario itself."""
    whole, sign, case = reference.rpartition("#")
    try:
        is_file = not sign or ((folder or Path()) / reference).exists()
    except (OSError, ValueError):  # a name that is too long, or has a NUL
        is_file = False
    return (reference, "") if is_file else (whole, case)


def find_case(scenario: Scenario, name: str) -> Scenario:
    """Return a case of a scenario. Raises ConfigurationError, with the nearest name."""
    if name in scenario.cases:
        return scenario.case(name)
    if not scenario.cases:
        text = f"the scenario {scenario.scenario} has no cases, so there is no {name[:60]!r}; contention has some"
    else:
        near = nearest(name, list(scenario.cases))
        text = f"the scenario {scenario.scenario} has no case {name[:60]!r}; "
        text += f"did you mean {near}?" if near else f"there are {', '.join(scenario.cases)}"
    raise ConfigurationError.of([Problem("", text)], of="the scenario", hint=HINT)


def scenario_source(reference: str, *, folder: Path | None = None) -> Source:
    """Return the text of a scenario, and its name in messages. Raises ConfigurationError."""
    found = find_source(reference, folder or Path(), "")
    if isinstance(found, Problem):
        raise ConfigurationError.of([found], of="the scenario", hint=HINT)
    return found


@cache
def _builtin(name: str) -> Scenario:
    return _load(scenario_source(f"{BUILTIN}{name}"), None)


def _load(source: Source, now: datetime | None) -> Scenario:
    resolved = resolve(source)
    _raise_if_any(resolved.problems, source.name)
    root = resolved.root
    assert root is not None, "without a problem there is a root"
    cases = read_cases(root)
    _raise_if_any(cases.problems, source.name)
    scenario = _checked(cases.base, source.name, now)
    found = {name: _checked(node, source.name, now, case=name) for name, node in cases.roots.items()}
    return scenario.model_copy(update={"cases": found}) if found else scenario


def _checked(root: Node, name: str, now: datetime | None, *, case: str = "") -> Scenario:
    """Return the scenario that nodes hold. Raises ConfigurationError; its problems name the case, if it is one."""
    problems, unknown = find_unknown_names(root)
    known = without(root, unknown)
    try:
        scenario = Scenario.model_validate(known.plain(), strict=True)
    except ValidationError as error:
        problems += problems_of(error, known)
    _raise_if_any(problems, name, case)
    found = [(*locate(root, each.path), each.text) for each in check(scenario, generators=installed_generators())]
    problems = [Problem(where, f"{shown}: {text}" if shown else text) for where, shown, text in found]
    _raise_if_any(problems + _date_problems(scenario, now, root), name, case)
    return scenario


def _date_problems(scenario: Scenario, now: datetime | None, root: Node | None = None) -> list[Problem]:
    """Return the problem of a last day that is not over in the zone of the scenario: movements fill it to its end."""
    time = scenario.time
    if now is None or time is None or not isinstance(time.last_day, date):
        return []
    last_day, today = time.last_day, (now.astimezone(UTC) + timedelta(seconds=OFFSETS_S[time.zone])).date()
    if last_day < today:
        return []
    text = "is in the future" if last_day > today else f"is not over yet ({time.zone})"
    where = locate(root, ("time", "last_day"))[0] if root is not None else f"{BUILTIN}{scenario.scenario}"
    return [Problem(where, f"time.last_day: {last_day} {text}; the server refuses transactions in the future")]


def _raise_if_any(problems: list[Problem], name: str, case: str = "") -> None:
    if problems:
        problems = [Problem(each.where, f"in the case {case}: {each.text}") for each in problems] if case else problems
        ordered = sorted(problems, key=_place)[:PROBLEMS_MAX]
        raise ConfigurationError.of(ordered, of=f"the scenario {name}", hint=HINT)


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (problem.where, 0)
