"""The YAML readers under hostile documents: settings, scenarios, fault plans, or an error with file and line."""

import re
import tempfile
from pathlib import Path

from hypothesis import strategies as st

from midaz_seed.errors import ConfigurationError
from midaz_seed.sandbox import FaultPlan
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.model import canonical_text, read_canonical
from midaz_seed.settings.loader import Flag, load_settings
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS
from tests.support.fuzzing import fuzz
from tests.support.hostile_yaml import FAULT_PLAN, SCENARIO, SETTINGS_FILE, documents

FOLDER = tempfile.TemporaryDirectory(prefix="midaz-seed-fuzz-")
TEXT_MAX = 60_000
"""Characters of an error message: a file can have a hundred problems of some hundred characters."""


def _file(data: bytes) -> Path:
    path = Path(FOLDER.name) / "file.yaml"
    path.write_bytes(data)
    return path


def _refusal(data: bytes) -> ConfigurationError | None:
    try:
        loaded = load_settings(config=_file(data), environ={})
    except ConfigurationError as error:
        return error
    assert isinstance(loaded.settings, Settings)
    return None


@fuzz(examples=250, data=documents(SETTINGS_FILE), memory_mb=150, cpu_s=8)
def test_a_file_is_settings_or_an_error_with_file_and_line(data: bytes) -> None:
    error = _refusal(data)
    if error is None:
        return
    text = f"{error.where}\n{error.message}"
    assert str(FOLDER.name) in text
    assert error.hint
    assert len(text) < TEXT_MAX
    breaks = re.findall(rb"\n|\r|\xc2\x85|\xe2\x80[\xa8\xa9]", data)
    assert all(1 <= int(line) <= len(breaks) + 1 for line in re.findall(r"file\.yaml:(\d+)", text))
    assert "file.yaml:" in text or "file.yaml" in error.where


@fuzz(examples=120, text=documents(b"[1, {a: b}]"), path=st.sampled_from(sorted(SETTINGS)), memory_mb=150, cpu_s=8)
def test_the_value_of_a_flag_is_a_setting_or_an_error_that_names_the_flag(text: bytes, path: str) -> None:
    flag = Flag(f"--set {path}", path, text.decode("latin-1"), yaml=True)
    try:
        load_settings(config=_file(b""), flags=[flag], environ={})
    except ConfigurationError as found:
        error = found
    else:
        return
    assert len(f"{error.where}\n{error.message}") < TEXT_MAX


@fuzz(examples=150, data=documents(FAULT_PLAN), memory_mb=150, cpu_s=8)
def test_a_fault_plan_is_read_or_refused_with_its_file(data: bytes) -> None:
    path = _file(data)
    try:
        plan = FaultPlan.read(path)
    except ConfigurationError as found:
        error = found
    else:
        assert isinstance(plan, FaultPlan)
        return
    assert str(path) in f"{error.where}\n{error.message}"
    assert len(error.message) < TEXT_MAX


@fuzz(examples=250, data=documents(SCENARIO), memory_mb=150, cpu_s=8)
def test_a_file_is_a_scenario_that_can_be_stored_or_an_error_with_file_and_line(data: bytes) -> None:
    file = _file(data)
    try:
        scenario = load_scenario(str(file))
    except ConfigurationError as found:
        error = found
    else:
        assert read_canonical(canonical_text(scenario)) == scenario
        return
    text = f"{error.where}\n{error.message}"
    assert "file.yaml" in text or "builtin:" in text
    assert error.hint
    assert error.problems
    assert len(text) < TEXT_MAX
    breaks = re.findall(rb"\n|\r|\xc2\x85|\xe2\x80[\xa8\xa9]", data)
    assert all(1 <= int(line) <= len(breaks) + 1 for line in re.findall(r"file\.yaml:(\d+)", text))
