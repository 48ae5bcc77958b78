"""The layers, put together: flags > environment > file > preset > defaults.

Whatever is wrong is reported at once, one line each.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from midaz_seed.errors import ConfigurationError
from midaz_seed.settings.environment import read_environment
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS, Setting
from midaz_seed.settings.sources import CONFIG_VARIABLE, Flag, LoadedSettings, Problem, RawValue
from midaz_seed.settings.suggestions import nearest
from midaz_seed.settings.yaml_source import read_file, read_value, unknown

DEFAULT_FILE = Path("midaz-seed.yaml")
_HINT = "`midaz-seed config init` prints every setting with its meaning and range"
__all__ = ["DEFAULT_FILE", "Flag", "LoadedSettings", "load_settings"]


def load_settings(
    *,
    config: Path | None = None,
    flags: Sequence[Flag] = (),
    environ: Mapping[str, str],
    stored: Sequence[RawValue] | None = None,
) -> LoadedSettings:
    """Read every layer and give the effective settings, each with its source.

    `config` is the file that was asked for; without one it is $MIDAZ_SEED_CONFIG, or `midaz-seed.yaml` where that
    exists. `stored` are the settings of an earlier run, which stand in the place of a file.
    Raises ConfigurationError with every problem that was found.
    """
    problems: list[Problem] = []
    layers = []
    file = _read_config(config, environ) if stored is None else (stored, [])
    for given, wrong in (_read_flags(flags), read_environment(environ), file):
        layer, mistyped = _typed(given)
        layers.append(layer)
        problems += sorted(wrong + mistyped, key=_line)
    for secret, source, name in _SECRET_FILES:
        _read_secret_file(layers, problems, secret, source, name)
    _refuse(problems)
    effective = {path: value for layer in reversed(layers) for path, value in layer.items()}
    settings = _build(effective, problems)
    _refuse(problems)
    return LoadedSettings(settings, {path: _source(path, effective, settings.preset) for path in SETTINGS})


Layer = dict[str, tuple[Any, str]]
"""Setting path -> (value as the model wants it, where it was found)."""


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
            problems.append(Problem(where, unknown(flag.path)))
            continue
        if flag.yaml:
            try:
                value = read_value(str(flag.value))
            except ValueError as error:
                problems.append(Problem(where, f"the value of {flag.path} {error}"))
                continue
        earlier = given.get(flag.path)
        if earlier and str(earlier.value) != str(value):
            problems.append(Problem(where, f"{flag.path} has another value already, from {earlier.where}"))
            continue
        given[flag.path] = RawValue(flag.path, value, where, typed=flag.yaml)
    return list(given.values()), problems


def _line(problem: Problem) -> int:
    """The line in the file, so that problems are told in their order."""
    line = problem.where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _typed(given: Sequence[RawValue]) -> tuple[Layer, list[Problem]]:
    layer: Layer = {}
    problems = []
    for one in given:
        setting = SETTINGS[one.path]
        try:
            layer[one.path] = (setting.read(one.value, typed=one.typed), one.where)
        except ValidationError as error:
            at = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
            problems.append(_wrong(setting, one, next((step for step in at if isinstance(step, int)), None)))
        except ValueError:  # a number of thousands of digits, for one
            problems.append(_wrong(setting, one, None))
    return layer, problems


def _wrong(setting: Setting, given: RawValue, item: int | None) -> Problem:
    where, value = given.where, given.value
    if item is not None and isinstance(value, list | tuple) and item < len(value):
        value = value[item]
        where = given.items[item] if given.items else where
    text = f"{setting.path} must be {setting.expectation}"
    if not setting.is_secret:
        text += f", not {_shown(value, typed=given.typed)}"
        right = nearest(str(value), setting.choices) if setting.choices else None
        text += f"; did you mean {right}?" if right else ""
    return Problem(where, text)


def _shown(value: object, *, typed: bool) -> str:
    if isinstance(value, str) and not typed and value.lstrip("+-").replace(".", "").isdecimal():
        return value  # a number that was typed at a flag: quotes would look like the mistake
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return "a list" if not isinstance(value, dict) else "a group of settings"
    try:
        text = repr(value)
    except ValueError:  # Python does not write numbers of thousands of digits
        return "a number of that length"
    return text if len(text) <= 60 else f"{text[:57]}..."


_SECRET_FILES = (
    ("target.authToken", "target.authTokenFile", "token file"),
    ("target.clientSecret", "target.clientSecretFile", "secret file"),
)
"""A secret, the setting that names the file which may hold it, and what messages call that file."""


def _read_secret_file(layers: list[Layer], problems: list[Problem], secret: str, source: str, name: str) -> None:
    """The secret in the file that `source` names, unless one is given in the same layer or in a stronger one."""
    for layer in layers:
        if secret in layer:
            return
        if source in layer:
            file, where = layer[source]
            if file is None:
                return
            setting = SETTINGS[secret]
            try:
                text = file.read_text(encoding="utf-8").strip()
                layer[secret] = (setting.read(text, typed=False), f"file {file} ({where})")
            except OSError as error:
                problems.append(Problem(where, f"the {name} {file} cannot be read: {error.strerror or error}"))
            except ValueError:  # pydantic's refusals and undecodable bytes are both ValueErrors
                problems.append(Problem(where, f"the {name} {file} must hold {setting.expectation}, and nothing else"))
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


def _source(path: str, effective: Layer, preset: str) -> str:
    if path in effective:
        return effective[path][1]
    return f"preset {preset}" if path.startswith("volume.") else "default"


def _refuse(problems: list[Problem]) -> None:
    """Raise what was found, if anything."""
    if len(problems) == 1:
        raise ConfigurationError(problems[0].text, where=problems[0].where, hint=_HINT)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ConfigurationError(f"{len(problems)} problems in the configuration:{lines}", hint=_HINT)
