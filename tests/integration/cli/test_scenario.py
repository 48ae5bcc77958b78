"""`midaz-seed scenario`, and the flag `--scenario` of the commands that plan."""

import json
from pathlib import Path

import jsonschema
import pytest

from midaz_seed.scenarios.loader import builtin_names, load_scenario
from tests.support.cli import run_cli
from tests.support.scenarios import SHOP, other_scenario, write_scenario

NEEDY = "scenario: needy\nextends: builtin:classic\nroutes: {validate: true}\n"


def test_list_shows_each_scenario_with_its_size() -> None:
    shown = run_cli("scenario", "list")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in builtin_names())
    document = json.loads(run_cli("scenario", "list", "--json").stdout)
    assert document["schema_version"] == 1
    assert [row["name"] for row in document["scenarios"]] == builtin_names()
    assert all(row["about"] and row["size"] for row in document["scenarios"])


def test_show_prints_the_text_of_a_scenario_which_can_be_changed(tmp_path: Path) -> None:
    text = run_cli("scenario", "show", "classic").stdout
    assert load_scenario(str(write_scenario(tmp_path, text))) == load_scenario("classic")


def test_show_resolved_prints_a_file_that_stands_for_the_same(tmp_path: Path) -> None:
    write_scenario(tmp_path, SHOP + "time: {last_day: 2026-11-25, history: 9}\n", "base.yaml")
    child = write_scenario(tmp_path, "scenario: child\nextends: base.yaml\nmix: {save: {remove: true}}\n")
    shown = run_cli("scenario", "show", str(child), "--resolved")
    assert "extends" not in shown.stdout
    assert load_scenario(str(write_scenario(tmp_path, shown.stdout, "again.yaml"))) == load_scenario(str(child))


def test_check_says_what_a_file_makes_and_needs(tmp_path: Path) -> None:
    result = run_cli("scenario", "check", str(write_scenario(tmp_path, NEEDY)))
    assert result.returncode == 0
    assert result.stdout.startswith("ok: needy: ")
    assert "routes.validate) needs Midaz v3.6 and later" in result.stdout


def test_check_reports_every_problem_and_ends_with_2(tmp_path: Path) -> None:
    text = SHOP.replace("90 %", "9 %").replace("from: person.checking, to: {", "from: prson.checking, to: {")
    result = run_cli("scenario", "check", str(write_scenario(tmp_path, text)))
    assert result.returncode == 2
    assert "2 problems in the scenario" in result.stderr
    assert "scenario.yaml:9: accounts.kinds: the shares" in result.stderr
    assert "did you mean person.checking?" in result.stderr
    assert "hint: " in result.stderr


def test_check_refuses_a_file_that_cannot_be_planned(tmp_path: Path) -> None:
    text = SHOP.replace("customers: 20", "customers: 1")
    result = run_cli("scenario", "check", str(write_scenario(tmp_path, text)))
    assert result.returncode == 2
    assert "use more customers" in result.stderr
    assert "ok:" not in result.stdout


def test_check_refuses_a_last_day_in_the_future(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, SHOP + "time: {last_day: 2999-12-31, history: 9}\n")
    for command in (["scenario", "check", str(file)], ["plan", "--scenario", str(file)]):
        result = run_cli(*command)
        assert result.returncode == 2
        assert "2999-12-31 is in the future" in result.stderr


def test_the_schema_is_valid_and_is_the_published_one() -> None:
    schema = json.loads(run_cli("scenario", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    published = Path(__file__).parents[3] / "docs" / "scenario.schema.json"
    assert schema == json.loads(published.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", ["run", "plan", "verify", "doctor", "teardown"])
def test_an_unknown_scenario_gets_the_nearest_name(command: str) -> None:
    result = run_cli(command, "--scenario", "clasic")
    assert result.returncode == 2
    assert "did you mean classic?" in result.stderr
    assert "where: flag --scenario" in result.stderr
    assert "`midaz-seed scenario list` shows the built-in scenarios" in result.stderr


def test_problems_of_a_scenario_are_reported_with_those_of_the_settings(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, SHOP.replace("90 %", "9 %"))
    (tmp_path / "settings.yaml").write_text(f"scenario: {file}\nsede: 3\n")
    result = run_cli("plan", "--config", "settings.yaml", cwd=tmp_path)
    assert result.returncode == 2
    assert f"{file}:9: accounts.kinds" in result.stderr
    assert "settings.yaml:2: unknown setting sede; did you mean seed?" in result.stderr


@pytest.mark.parametrize(
    ("flags", "setting"),
    [
        (["--customers", "3"], "volume.customers"),
        (["--movements", "3"], "volume.movements"),
        (["--scenario", "other.yaml", "--preset", "tiny"], "preset"),
        (["--scenario", "other.yaml", "--accounts", "3"], "volume.accountsPerLedger"),
        (["--scenario", "other.yaml", "--transactions", "3"], "volume.transactionsPerAccount"),
    ],
)
def test_a_count_that_the_scenario_does_not_use_is_refused(flags: list[str], setting: str, tmp_path: Path) -> None:
    other_scenario(tmp_path)
    result = run_cli("config", "show", *flags, cwd=tmp_path)
    assert result.returncode == 2
    assert f"{setting} has no effect on the scenario" in result.stderr


def test_a_file_may_hold_the_counts_of_another_scenario_than_the_flag_names(tmp_path: Path) -> None:
    other_scenario(tmp_path)
    (tmp_path / "midaz-seed.yaml").write_text("preset: tiny\nvolume: {accountsPerLedger: 9}\n")
    result = run_cli("config", "show", "--json", "--scenario", "other.yaml", cwd=tmp_path)
    assert result.returncode == 0
    shown = json.loads(result.stdout)["settings"]
    assert shown["scenario"] == {"value": "shop", "source": "flag --scenario"}
    assert shown["volume.organizations"] == {"value": 1, "source": "scenario shop"}
    assert shown["volume.accountsPerLedger"]["source"] == "not used by the scenario shop"


def test_a_server_that_lacks_a_feature_is_refused_before_the_first_write(tmp_path: Path) -> None:
    write_scenario(tmp_path, NEEDY)
    flags = ["--scenario", "scenario.yaml", "--target", "sandbox", "--dialect", "v3.3"]
    result = run_cli("run", "-v", "tiny", "-q", *flags, cwd=tmp_path)
    assert result.returncode == 2
    assert "routes.validate" in result.stderr
    assert "needs v3.6 and later" in result.stderr
    doctor = run_cli("doctor", *flags, "--json", cwd=tmp_path)
    assert doctor.returncode == 3
    findings = json.loads(doctor.stdout)["findings"]
    assert [(each["name"], each["level"]) for each in findings if each["name"] == "scenario"] == [("scenario", "stop")]


def test_plan_checks_a_version_without_a_server(tmp_path: Path) -> None:
    file = str(write_scenario(tmp_path, NEEDY))
    assert run_cli("plan", "-v", "tiny", "--scenario", file, "--for", "v3.8").returncode == 0
    refused = run_cli("plan", "-v", "tiny", "--scenario", file, "--for", "v3.3")
    assert (refused.returncode, "needs v3.6" in refused.stderr) == (2, True)
    assert "is not a version" in run_cli("plan", "-v", "tiny", "--for", "new").stderr


def test_the_command_of_the_doctor_names_the_file(tmp_path: Path) -> None:
    write_scenario(tmp_path, "scenario: mine\nextends: builtin:classic\n", "my file.yaml")
    result = run_cli("doctor", "--target", "sandbox", "--scenario", "my file.yaml", cwd=tmp_path)
    assert "--scenario 'my file.yaml'" in result.stdout


def test_a_run_is_resumed_with_the_scenario_it_began_with(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, "scenario: mine\nextends: builtin:classic\n")
    flags = ["-v", "tiny", "-q", "--run-id", "r", "--scenario", str(file), "--target", "sandbox"]
    begun = run_cli("run", *flags, "--sandbox-data", "s.sqlite", cwd=tmp_path)
    assert begun.returncode == 0, begun.stderr
    file.unlink()
    verified = run_cli("verify", "r", "-q", cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr
    assert "every balance is the planned one" in verified.stdout
