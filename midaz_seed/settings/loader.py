"""Merge the layers of settings: flags > environment > file > preset > defaults.

All problems are reported together, one line each.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from midaz_seed.errors import ConfigurationError, Problem
from midaz_seed.scenarios.loader import HINT as SCENARIO_HINT
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.model import DEFAULT_SCENARIO, Scenario
from midaz_seed.settings.environment import read_environment
from midaz_seed.settings.masking import mask_user_info
from midaz_seed.settings.model import Settings, unused_counts
from midaz_seed.settings.schema import SETTINGS, Setting
from midaz_seed.settings.secret_files import read_secret
from midaz_seed.settings.sources import CONFIG_VARIABLE, Flag, LoadedSettings, RawValue
from midaz_seed.settings.values import EXPLAINED, read_scenario
from midaz_seed.settings.yaml_source import read_file, read_value, unknown
from midaz_seed.wording import nearest

DEFAULT_FILE = Path("midaz-seed.yaml")
_MEASURE_HINT = "docs/thresholds.md has every measure with its unit"
_HINT = "`midaz-seed config init` prints every setting with its meaning and range"
__all__ = ["DEFAULT_FILE", "Flag", "LoadedSettings", "load_settings"]


def load_settings(
    *,
    config: Path | None = None,
    flags: Sequence[Flag] = (),
    environ: Mapping[str, str],
    stored: Sequence[RawValue] | None = None,
    now: datetime | None = None,
) -> LoadedSettings:
    """Read every layer and return the effective settings, each with its source.

    Args:
        config: the configuration file; by default $MIDAZ_SEED_CONFIG, else `midaz-seed.yaml` if it exists.
        flags: the flags of the command line.
        environ: the environment variables.
        stored: the settings of an earlier run, used instead of a file.
        now: the current time, with its zone; a scenario whose last day is not over is refused. None: not checked.

    Raises:
        ConfigurationError: with all problems that were found.
    """
    problems: list[Problem] = []
    layers = []
    given = _read_flags(flags), read_environment(environ)
    if stored is not None:  # a stored value may be incomplete, such as a URL without its password
        paths = {raw.path for values, _ in given for raw in values}
        file: tuple[Sequence[RawValue], list[Problem]] = [raw for raw in stored if raw.path not in paths], []
    else:
        file = _read_config(config, environ)
    for values, invalid in (*given, file):
        layer, mistyped = _typed(values, now)
        layers.append(layer)
        problems += sorted(invalid + mistyped, key=_line)
    for secret, source, name in _SECRET_FILES:
        _read_secret_file(layers, problems, secret, source, name)
    _raise_if_any(problems)
    effective = {path: value for layer in reversed(layers) for path, value in layer.items()}
    _check_counts(layers, effective, problems)
    settings = _build(effective, problems)
    _raise_if_any(problems)
    return LoadedSettings(settings, {path: _source(path, effective, settings) for path in SETTINGS})


Layer = dict[str, tuple[Any, str]]
"""Setting path -> (value of the model's type, where it was found)."""


def _read_config(config: Path | None, environ: Mapping[str, str]) -> tuple[Sequence[RawValue], list[Problem]]:
    if config is None and environ.get(CONFIG_VARIABLE):
        config = Path(environ[CONFIG_VARIABLE])
    if config is None:
        if not DEFAULT_FILE.exists():
            return [], []
        config = DEFAULT_FILE
    return read_file(config)


def _read_flags(flags: Sequence[Flag]) -> tuple[list[RawValue], list[Problem]]:
    given: dict[str, RawValue] = {}
    problems = []
    for flag in flags:
        where, value = f"flag {flag.spelling}", flag.value
        if flag.path not in SETTINGS:
            problems.append(Problem(where, unknown(flag.path, assigned=True)))
            continue
        if flag.yaml:
            try:
                value = read_value(str(flag.value))
            except ValueError as error:
                problems.append(Problem(where, f"the value of {flag.path} {error}"))
                continue
        earlier = given.get(flag.path)
        if earlier and str(earlier.value) != str(value):
            problems.append(Problem(where, f"{flag.path} was already given another value, by {earlier.where}"))
            continue
        given[flag.path] = RawValue(flag.path, value, where, typed=flag.yaml)
    return list(given.values()), problems


class _ScenarioProblem(Problem):
    """A problem of a scenario, which the reference of the settings does not explain."""


def _line(problem: Problem) -> int:
    """Return the line in the file, to sort problems by; 0 without one."""
    line = problem.where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _typed(given: Sequence[RawValue], now: datetime | None) -> tuple[Layer, list[Problem]]:
    layer: Layer = {}
    problems: list[Problem] = []
    for raw in given:
        setting = SETTINGS[raw.path]
        try:
            is_scenario = raw.path == "scenario"
            value = read_scenario(raw.value, now) if is_scenario else setting.read(raw.value, typed=raw.typed)
            layer[raw.path] = (value, raw.where)
        except ConfigurationError as error:  # of a scenario
            problems += [_ScenarioProblem(each.where or raw.where, each.text) for each in error.problems]
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            item = next((step for step in first["loc"] if isinstance(step, int)), None)
            reason = first["msg"] if first["type"] == EXPLAINED else ""
            problems.append(_wrong_value(setting, raw, item, reason))
        except ValueError:  # such as a number with thousands of digits
            problems.append(_wrong_value(setting, raw, None))
    return layer, problems


def _wrong_value(setting: Setting, given: RawValue, item: int | None, reason: str = "") -> Problem:
    where, value = given.where, given.value
    if item is not None and isinstance(value, list | tuple) and item < len(value):
        value = value[item]
        where = given.items[item] if given.items else where
    if reason:
        return Problem(where, f"{setting.path}: {reason}")
    text = f"{setting.path} must be {setting.expectation}"
    if not setting.is_secret:
        text += f", not {_shown(value, typed=given.typed)}"
        suggestion = nearest(value, setting.choices) if setting.choices and isinstance(value, str) else None
        text += f"; did you mean {suggestion}?" if suggestion else ""
    return Problem(where, text)


def _shown(value: object, *, typed: bool) -> str:
    if isinstance(value, str) and not typed and value.lstrip("+-").replace(".", "").isdecimal():
        return value  # a number given by a flag: quotes around it would look like the mistake
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return "a list" if not isinstance(value, dict) else "a group of settings"
    try:
        text = repr(mask_user_info(value) if isinstance(value, str) else value)
    except ValueError:  # Python refuses to format numbers with thousands of digits
        return "a number of that length"
    return text if len(text) <= 60 else f"{text[:57]}..."


_SECRET_FILES = (
    ("target.authToken", "target.authTokenFile", "token file"),
    ("target.clientSecret", "target.clientSecretFile", "secret file"),
)
"""(secret, the setting that names a file with it, the name of that file in messages)."""


def _read_secret_file(layers: list[Layer], problems: list[Problem], secret: str, source: str, name: str) -> None:
    """Read the secret from the file that `source` names, unless it is given in the same layer or a stronger one."""
    for number, layer in enumerate(layers):
        if secret in layer:
            for shadowed in layers[number:]:  # otherwise the file would be read again when this secret is rejected
                shadowed.pop(source, None)
            return
        if source in layer:
            file, where = layer[source]
            if file is None:
                return
            setting = SETTINGS[secret]
            try:
                layer[secret] = (setting.read(read_secret(file), typed=False), f"file {file} ({where})")
            except OSError as error:
                problems.append(Problem(where, f"the {name} {file} cannot be read: {error.strerror or error}"))
            except ValueError:  # pydantic's validation errors and undecodable bytes are both ValueErrors
                problems.append(
                    Problem(where, f"the {name} {file} must contain {setting.expectation}, and nothing else")
                )
            return


def _build(effective: Layer, problems: list[Problem]) -> Settings:
    nested: dict[str, Any] = {}
    for path, (value, _) in effective.items():
        *sections, name = SETTINGS[path].attributes
        inner = nested
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    try:
        return Settings.model_validate(nested)
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False):
            section = ".".join(str(step) for step in wrong["loc"])
            places = [where for path, (_, where) in effective.items() if path.rpartition(".")[0] == section]
            text = str(wrong.get("ctx", {}).get("error", wrong["msg"]))
            problems.append(Problem(" and ".join(places) or "defaults", f"{section}: {text}"))
        return Settings()


def _check_counts(layers: Sequence[Layer], effective: Layer, problems: list[Problem]) -> None:
    """Report counts that have no effect on the scenario, and leave out those that are given in a weaker layer.

    A file can hold the counts of one scenario while a flag names another. A preset in a file is left out too: the file
    that `config init` prints has one.
    """
    scenario: Scenario = effective["scenario"][0] if "scenario" in effective else load_scenario(DEFAULT_SCENARIO)
    names = [number for number, layer in enumerate(layers) if "scenario" in layer]
    strength = min(names, default=len(layers))
    for path in sorted(unused_counts(scenario) & effective.keys()):
        number = next(number for number, layer in enumerate(layers) if path in layer)
        where = effective.pop(path)[1]
        if number > strength or (path == "preset" and number > 0):
            continue
        others = (
            "the preset and the flags of counts" if scenario.volume.from_settings else "--customers and --movements"
        )
        text = f"{path} has no effect on the scenario {scenario.scenario}; {others} set how much it makes"
        problems.append(Problem(where, text))


def _source(path: str, effective: Layer, settings: Settings) -> str:
    if path in effective:
        return effective[path][1]
    if path in settings.unused_counts:
        return f"not used by the scenario {settings.scenario.scenario}"
    if not path.startswith("volume."):
        return "default"
    if settings.scenario.volume.from_settings:
        return f"preset {settings.preset}"
    return f"scenario {settings.scenario.scenario}"


def _raise_if_any(problems: list[Problem]) -> None:
    """Raise ConfigurationError if there are problems."""
    if problems:
        of_scenario = all(isinstance(problem, _ScenarioProblem) for problem in problems)
        of_threshold = all("unknown measure" in problem.text for problem in problems)
        hint = SCENARIO_HINT if of_scenario else _MEASURE_HINT if of_threshold else _HINT
        raise ConfigurationError.of(problems, of="the configuration", hint=hint)
