"""Render the settings as JSON Schema and as a commented YAML file."""

from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SECTIONS, SETTINGS, Setting, as_plain
from midaz_seed.settings.yaml_source import OWN_PREFIX

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
OWN_PREFIX_PATTERN = f"^{OWN_PREFIX}"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration file."""
    schema = Settings.model_json_schema(by_alias=True, schema_generator=_Schema)
    for section in (schema, *schema["$defs"].values()):
        for setting in section["properties"].values():
            # a section's default follows from the defaults of its settings
            if "$ref" in setting:
                setting.pop("default", None)
    for count in schema["$defs"]["Volume"]["properties"].values():
        # the preset sets the counts; the defaults in the model are those of small
        del count["default"]
    own = {OWN_PREFIX_PATTERN: {"description": "The user's own: ignored, such as a place for anchors."}}
    return {"$schema": SCHEMA_DIALECT, **schema, "patternProperties": own}


def starter_yaml() -> str:
    """Return a YAML file with every setting, its default and its meaning. Loading it changes no setting."""
    defaults = Settings()
    lines = [
        "# Configuration of midaz-seed: every setting with its default. Remove the lines that you do not change.",
        "# Order of precedence: flags, environment variables, this file, the preset, the defaults.",
    ]
    depth_of: list[str] = []
    for path, setting in SETTINGS.items():
        sections = path.split(".")[:-1]
        for depth, name in enumerate(sections):
            if depth_of[: depth + 1] != sections[: depth + 1]:
                indent = "  " * depth
                lines += ["", f"{indent}# {_comment(SECTIONS['.'.join(sections[: depth + 1])])}", f"{indent}{name}:"]
                depth_of = sections[: depth + 1]
        lines += _starter_lines(setting, defaults, "  " * len(sections))
    return "\n".join(lines) + "\n"


def yaml_value(value: Any) -> str:
    """Format a plain value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _starter_lines(setting: Setting, defaults: Settings, indent: str) -> list[str]:
    value = as_plain(setting.value_of(defaults))
    name = setting.path.rpartition(".")[2]
    # the counts are commented out, because they would override the preset
    off = "# " if value is None or setting.path.startswith("volume.") else ""
    about = f"{indent}# {_comment(setting.info.description or '')} ({setting.expectation})"
    return [about, f"{indent}{off}{name}:{'' if value is None else f' {yaml_value(value)}'}"]


def _comment(text: str) -> str:
    return " ".join(text.split())


class _Schema(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out pydantic's titles, which only repeat the names ("Ttls")."""
        return False
