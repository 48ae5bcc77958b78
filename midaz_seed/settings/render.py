"""The settings as text: the JSON Schema, a commented YAML file to start from."""

from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SECTIONS, SETTINGS, Setting, as_plain

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the configuration file."""
    schema = Settings.model_json_schema(by_alias=True, schema_generator=_Schema)
    for section in (schema, *schema["$defs"].values()):
        for setting in section["properties"].values():
            # a section's default is the sum of its settings' defaults
            if "$ref" in setting:
                setting.pop("default", None)
    for count in schema["$defs"]["Volume"]["properties"].values():
        # the preset decides; the model's own numbers are those of small
        del count["default"]
    return {"$schema": SCHEMA_DIALECT, **schema}


def starter_yaml() -> str:
    """A file with every setting at its default and what it means. Read back, it changes nothing."""
    defaults = Settings()
    lines = [
        "# The configuration of midaz-seed: every setting with its default. Remove what you do not change.",
        "# Flags beat environment variables, those beat this file, and this file beats the preset.",
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
    """A plain value on one line, as YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _starter_lines(setting: Setting, defaults: Settings, indent: str) -> list[str]:
    value = as_plain(setting.value_of(defaults))
    name = setting.path.rpartition(".")[2]
    # the counts stay commented out: given, they would beat the preset
    off = "# " if value is None or setting.path.startswith("volume.") else ""
    about = f"{indent}# {_comment(setting.info.description or '')} ({setting.expectation})"
    return [about, f"{indent}{off}{name}:{'' if value is None else f' {yaml_value(value)}'}"]


def _comment(text: str) -> str:
    return " ".join(text.split())


class _Schema(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """pydantic's titles repeat the names without their capitals ("Ttls")."""
        return False
