"""Read settings from environment variables: MIDAZ_SEED_SEED, MIDAZ_SEED_GENERATION__LIMITS__MAX_CONCURRENCY."""

from collections.abc import Mapping
from typing import Any

from midaz_seed.errors import Problem
from midaz_seed.settings.schema import SECTIONS, SETTINGS, VARIABLE_PREFIX
from midaz_seed.settings.sources import CONFIG_VARIABLE, DEBUG_VARIABLE, RawValue
from midaz_seed.wording import nearest_path

NOT_SETTINGS = {
    CONFIG_VARIABLE: "The configuration file; `--config` overrides it.",
    DEBUG_VARIABLE: "`1` shows the traceback of an internal error.",
    "MIDAZ_SEED_SANDBOX_TOKEN": "The bearer token that `midaz-seed sandbox` requires.",
    "MIDAZ_SEED_WEB_TOKEN": "The token that the pages of `run --web` and `runs serve` require.",
}
"""Variables with the prefix that set no setting -> their meaning."""
JOB_INDEX = "JOB_COMPLETION_INDEX"
JOB_SLICES = "JOB_SLICES"


def read_environment(environ: Mapping[str, str]) -> tuple[list[RawValue], list[Problem]]:
    """Return the settings in the environment, and a problem for each unknown variable with the prefix.

    An empty variable counts as not given: CI systems pass unset values as empty variables.
    """
    ours = {name: value for name, value in environ.items() if name.startswith(VARIABLE_PREFIX) and value}
    by_variable = {setting.variable: setting for setting in SETTINGS.values()}
    problems = [
        Problem(f"environment {name}", _unknown(name, list(by_variable)))
        for name in ours
        if name not in by_variable and name not in NOT_SETTINGS
    ]
    known = {name: value for name, value in ours.items() if name in by_variable}
    of_job, invalid = _slice_of_job(environ)
    problems += invalid
    if not known:
        return of_job, problems
    values = _from_pydantic(known)
    given = []
    for name in known:
        setting = by_variable[name]
        value: Any = values
        for attribute in setting.attributes:
            value = value[attribute]
        given.append(RawValue(setting.path, value, f"environment {name}"))
    return [*given, *of_job], problems


def _slice_of_job(environ: Mapping[str, str]) -> tuple[list[RawValue], list[Problem]]:
    """Return the slice of a pod of an Indexed Job of Kubernetes, unless a variable of ours names one.

    Kubernetes sets the index; the number of slices comes from the manifest, because a pod does not know it.
    """
    slices, index = environ.get(JOB_SLICES), environ.get(JOB_INDEX)
    path = "generation.limits.slice"
    if not slices or environ.get(SETTINGS[path].variable):
        return [], []
    where = f"environment {JOB_SLICES}"
    if not index:
        return [], [Problem(where, f"{JOB_INDEX} is not set: it is for the pods of a Job with completionMode Indexed")]
    if not (index.isdecimal() and index.isascii() and len(index) < 5):
        return [], [Problem(f"environment {JOB_INDEX}", "must be a whole number from 0")]
    return [RawValue(path, f"{int(index) + 1}/{slices}", where)], []


def _from_pydantic(variables: Mapping[str, str]) -> dict[str, Any]:
    """Parse the variables with pydantic-settings: nested values by field name, still as text.

    It gets only the variables with the prefix, because it also reads others whose name equals that of a field.
    """
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

    from midaz_seed.settings.model import Settings

    class Environment(Settings, BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=VARIABLE_PREFIX, env_nested_delimiter="__", enable_decoding=False, case_sensitive=False
        )

    source = EnvSettingsSource(Environment)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    return source()


def _unknown(name: str, known: list[str]) -> str:
    sections = {VARIABLE_PREFIX + _snake(path).replace(".", "__").upper(): path for path in SECTIONS if path}
    if name in sections:
        first = next(variable for variable in known if variable.startswith(f"{name}__"))
        return f"{sections[name]} is a section: set its settings one by one, such as {first}"
    # compare without the prefix: shared by all names, it would make any two of them similar
    endings = [variable.removeprefix(VARIABLE_PREFIX) for variable in (*known, *NOT_SETTINGS)]
    suggestion = nearest_path(name.removeprefix(VARIABLE_PREFIX), endings, "__")
    return "unknown setting; " + (
        f"did you mean {VARIABLE_PREFIX}{suggestion}?" if suggestion else "`midaz-seed config show` lists them all"
    )


def _snake(path: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in path)
