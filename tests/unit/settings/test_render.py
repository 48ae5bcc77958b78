"""The schema accepts what the loader accepts, and the starter file changes nothing."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from midaz_seed.errors import ConfigurationError
from midaz_seed.settings.loader import load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.render import json_schema, starter_yaml
from midaz_seed.settings.schema import SETTINGS

GOOD: list[dict[str, Any]] = [
    {},
    {"preset": "large", "seed": 7, "runId": "night-1"},
    {"target": {"baseUrl": "http://localhost:3002", "allowHosts": ["a.example.com"], "authToken": "abc"}},
    {"volume": {"accountsPerLedger": 1, "transactionsPerAccount": 0}, "data": {"alphanumericCnpj": True}},
    {"generation": {"retries": {"max": 5, "backoff": "linear", "initialDelay": 50}}},
    {"log": {"level": "debug", "format": "json"}, "report": "out.json"},
    {"x-shared": {"anything": [1]}, "seed": 7},
]
BAD: list[dict[str, Any]] = [
    {"presets": "large"},
    {"preset": "huge"},
    {"seed": -1},
    {"seed": "1"},
    {"runId": "Night 1"},
    {"volume": {"accounts_per_ledger": 1}},
    {"volume": {"organizations": 0}},
    {"generation": {"retries": {"max": 0}}},
    {"target": {"allowHosts": [5]}},
    {"target": {"onboardingPort": 65_536}},
    {"breaker": {"openS": 0}},
]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    return jsonschema.Draft202012Validator(schema)


def loads(document: dict[str, Any], folder: Path) -> bool:
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(document))
    try:
        load_settings(config=file, environ={})
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("document", GOOD, ids=str)
def test_the_schema_accepts_what_loads(
    document: dict[str, Any], validator: jsonschema.Draft202012Validator, tmp_path: Path
) -> None:
    assert loads(document, tmp_path)
    validator.validate(document)


@pytest.mark.parametrize("document", BAD, ids=str)
def test_the_schema_refuses_what_does_not_load(
    document: dict[str, Any], validator: jsonschema.Draft202012Validator, tmp_path: Path
) -> None:
    assert not loads(document, tmp_path)
    assert not validator.is_valid(document)


def test_every_setting_is_described_in_the_schema() -> None:
    for path, setting in SETTINGS.items():
        assert setting.info.description, path
        assert setting.info.description.endswith("."), path


def test_the_starter_file_loads_to_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(starter_yaml())
    assert load_settings(config=file, environ={}).settings == Settings()


def test_the_starter_file_leaves_the_counts_to_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(starter_yaml().replace("preset: small", "preset: large"))
    assert load_settings(config=file, environ={}).settings == Settings(preset="large")


def test_the_starter_file_names_every_setting() -> None:
    text = starter_yaml()
    for path in SETTINGS:
        assert f"{path.rpartition('.')[2]}:" in text, path
