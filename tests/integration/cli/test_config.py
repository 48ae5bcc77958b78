"""`midaz-seed config`, and the flags that become settings, through the command line's own door."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from midaz_seed.cli import main
from midaz_seed.cli.config import config
from midaz_seed.cli.flags import SettingOption
from midaz_seed.settings.model import Settings
from midaz_seed.settings.schema import SETTINGS
from tests.support.scenarios import other_scenario


class Result:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Cli:
    """Runs commands in a folder of their own, without variables of somebody else's."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Result:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        said = self._capsys.readouterr()
        return Result(int(left.value.code or 0), said.out, said.err)

    def settings(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """The effective settings with these flags: path -> value and source."""
        result = self("config", "show", "--json", *arguments)
        assert result.code == 0, result.err
        document = json.loads(result.out)
        assert document["schema_version"] == 1
        found: dict[str, dict[str, Any]] = document["settings"]
        return found


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)
    for setting in SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.delenv("MIDAZ_SEED_CONFIG", raising=False)
    monkeypatch.delenv("MIDAZ_SEED_DEBUG", raising=False)
    return Cli(capsys)


# every flag that sets something: what is typed, the setting, its value, how messages call the flag
FLAGS: list[tuple[list[str], str, Any, str]] = [
    (["--preset", "medium"], "preset", "medium", "--preset"),
    (["--volume", "medium"], "preset", "medium", "--preset"),
    (["-v", "medium"], "preset", "medium", "--preset"),
    (["--scenario", "classic"], "scenario", "classic", "--scenario"),
    (["--scenario", "other.yaml", "--customers", "5"], "volume.customers", 5, "--customers"),
    (["--scenario", "other.yaml", "--movements", "0"], "volume.movements", 0, "--movements"),
    (["--seed", "9"], "seed", 9, "--seed"),
    (["-s", "9"], "seed", 9, "--seed"),
    (["--run-id", "night-1"], "runId", "night-1", "--run-id"),
    (["--organizations", "3"], "volume.organizations", 3, "--organizations"),
    (["--ledgers", "3"], "volume.ledgersPerOrganization", 3, "--ledgers"),
    (["--assets", "4"], "volume.assetsPerLedger", 4, "--assets"),
    (["--portfolios", "0"], "volume.portfoliosPerLedger", 0, "--portfolios"),
    (["--segments", "0"], "volume.segmentsPerLedger", 0, "--segments"),
    (["--account-types", "3"], "volume.accountTypesPerLedger", 3, "--account-types"),
    (["--accounts", "12"], "volume.accountsPerLedger", 12, "--accounts"),
    (["--transactions", "5"], "volume.transactionsPerAccount", 5, "--transactions"),
    (["--alphanumeric-cnpj"], "data.alphanumericCnpj", True, "--alphanumeric-cnpj"),
    (["--metadata", "none"], "data.metadata", "none", "--metadata"),
    (["--no-alphanumeric-cnpj"], "data.alphanumericCnpj", False, "--alphanumeric-cnpj"),
    (
        ["--transactions-per-batch", "50"],
        "generation.batches.transactionsPerBatch",
        50,
        "--transactions-per-batch",
    ),
    (["--set", "breaker.openS=3"], "breaker.openS", 3.0, "--set breaker.openS"),
    (["--target", "sandbox"], "target.baseUrl", "sandbox", "--target"),
    (["--base-url", "http://localhost"], "target.baseUrl", "http://localhost", "--base-url"),
    (["-u", "http://localhost"], "target.baseUrl", "http://localhost", "--base-url"),
    (["--onboarding-port", "3000"], "target.onboardingPort", 3000, "--onboarding-port"),
    (["-o", "3000"], "target.onboardingPort", 3000, "--onboarding-port"),
    (["--transaction-port", "3001"], "target.transactionPort", 3001, "--transaction-port"),
    (["-t", "3001"], "target.transactionPort", 3001, "--transaction-port"),
    (["--allow-host", "a", "--allow-host", "b"], "target.allowHosts", ["a", "b"], "--allow-host"),
    (["--auth-token", "s3cr3t"], "target.authToken", "***", "--auth-token"),
    (["-a", "s3cr3t"], "target.authToken", "***", "--auth-token"),
    (["--onboarding-url", "http://localhost:1"], "target.onboardingUrl", "http://localhost:1", "--onboarding-url"),
    (["--transaction-url", "http://localhost:2"], "target.transactionUrl", "http://localhost:2", "--transaction-url"),
    (["--header", "X-Key: s3cr3t"], "target.headers", ["***"], "--header"),
    (["--resolve", "a:1:127.0.0.1"], "target.resolve", ["a:1:127.0.0.1"], "--resolve"),
    (["--insecure"], "target.insecure", True, "--insecure"),
    (["--ca-file", "ca.pem"], "target.caFile", "ca.pem", "--ca-file"),
    (["--proxy", "http://localhost:8080"], "target.proxy", "http://localhost:8080", "--proxy"),
    (["--proxy", "http://me:s3cr3t@localhost:1"], "target.proxy", "http://***@localhost:1", "--proxy"),
    (["--transport", "session"], "target.transport", "session", "--transport"),
    (["--sandbox-data", "s.sqlite"], "sandbox.data", "s.sqlite", "--sandbox-data"),
    (["--dialect", "v3.3"], "sandbox.dialect", "v3.3", "--dialect"),
    (["--sandbox-faults", "f.yaml"], "sandbox.faults", "f.yaml", "--sandbox-faults"),
    (["--concurrency", "4"], "generation.limits.maxConcurrency", 4, "--concurrency"),
    (["-c", "auto"], "generation.limits.maxConcurrency", "auto", "--concurrency"),
    (["-c", "4"], "generation.limits.maxConcurrency", 4, "--concurrency"),
    (["--rate", "12.5"], "generation.limits.requestsPerSecond", 12.5, "--rate"),
    (["--attempts", "5"], "generation.retries.max", 5, "--attempts"),
    (["--timeout", "2.5"], "target.requestTimeoutS", 2.5, "--timeout"),
    (["--error-budget", "0"], "errorBudgetPercent", 0.0, "--error-budget"),
    (["--every-transaction"], "verification.everyTransaction", True, "--every-transaction"),
    (["--shards", "auto"], "generation.limits.shards", "auto", "--shards"),
    (["--slice", "2/8"], "generation.limits.slice", "2/8", "--slice"),
    (["--grace", "20s"], "generation.limits.graceS", 20.0, "--grace"),
    (["--duration", "10m"], "generation.limits.durationS", 600.0, "--duration"),
    (["--open-loop", "--rate", "9"], "generation.limits.openLoop", True, "--open-loop"),
    (
        ["--arrivals", "poisson", "--open-loop", "--rate", "9"],
        "generation.limits.arrivals",
        "poisson",
        "--arrivals",
    ),
    (
        ["--rate-curve", "day:10m", "--open-loop", "--rate", "9"],
        "generation.limits.rateCurve",
        "day:10m",
        "--rate-curve",
    ),
    (["--reads-per-s", "50"], "generation.limits.readsPerSecond", 50.0, "--reads-per-s"),
    (["--reads-per-write", "0.5"], "generation.limits.readsPerWrite", 0.5, "--reads-per-write"),
    (["--reads", "list=1"], "generation.limits.reads", "list=1", "--reads"),
    (["--ramp", "1m"], "generation.limits.rampS", 60.0, "--ramp"),
    (["--warm-up", "5s"], "generation.limits.warmupS", 5.0, "--warm-up"),
    (["--duration", "90"], "generation.limits.durationS", 90.0, "--duration"),
    (
        ["--fail-if", "retries>3", "--fail-if", "elapsed_s > 30s"],
        "thresholds.failIf",
        ["retries > 3", "elapsed_s > 30s"],
        "--fail-if",
    ),
    (["--thresholds", "plan"], "thresholds.preset", "plan", "--thresholds"),
    (["--runs-dir", "kept"], "journal.directory", "kept", "--runs-dir"),
    (["--journal"], "journal.enabled", True, "--journal"),
    (["--every-transaction"], "verification.everyTransaction", True, "--every-transaction"),
    (["--no-journal"], "journal.enabled", False, "--journal"),
    (["--debug"], "log.level", "debug", "--debug"),
    (["-d"], "log.level", "debug", "--debug"),
    (["--log-format", "json"], "log.format", "json", "--log-format"),
]


@pytest.mark.parametrize(("typed", "path", "value", "spelling"), FLAGS, ids=lambda part: str(part))
def test_each_flag_sets_its_setting(cli: Cli, typed: list[str], path: str, value: Any, spelling: str) -> None:
    other_scenario(Path())
    shown = cli.settings(*typed)
    assert shown[path] == {"value": value, "source": f"flag {spelling}"}
    assert "s3cr3t" not in json.dumps(shown)


def test_no_flag_is_left_out_above() -> None:
    tried = {part for typed, _, _, _ in FLAGS for part in typed if part.startswith("-")} | {"--auth-token-file"}
    there = {
        name
        for parameter in config.commands["show"].params
        if isinstance(parameter, SettingOption)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    assert tried - {"--set"} == there


def test_the_token_file_flag_reads_the_file(cli: Cli) -> None:
    Path("token").write_text("s3cr3t\n")
    shown = cli.settings("--auth-token-file", "token")
    assert shown["target.authToken"] == {"value": "***", "source": "file token (flag --auth-token-file)"}


@pytest.mark.parametrize(
    ("typed", "path", "default"),
    [
        ("--concurrency", "generation.limits.maxConcurrency", "16"),
        ("--attempts", "generation.retries.max", "3"),
        ("--timeout", "target.requestTimeoutS", "30"),
        ("--error-budget", "errorBudgetPercent", "1"),
        ("--rate", "generation.limits.requestsPerSecond", "0"),
        ("--transactions-per-batch", "generation.batches.transactionsPerBatch", "1"),
        ("--seed", "seed", "1"),
        ("--preset", "preset", "small"),
        ("--log-format", "log.format", "console"),
        ("--transport", "target.transport", "wire"),
    ],
)
def test_the_default_that_the_help_promises_is_the_default(cli: Cli, typed: str, path: str, default: str) -> None:
    text = " ".join(cli("config", "show", "--help").out.split())
    promised = text.partition(f"{typed}")[2].partition("[default: ")[2].partition("]")[0].partition(",")[0]
    assert promised == default
    assert SETTINGS[path].read(default, typed=False) == SETTINGS[path].value_of(Settings())


def test_show_prints_path_value_and_source_on_one_line_each(cli: Cli) -> None:
    Path("midaz-seed.yaml").write_text("target:\n  authToken: s3cr3t\nseed: 4\n")
    result = cli("config", "show", "-v", "medium")
    lines = [line.split(maxsplit=2) for line in result.out.splitlines()]
    assert [line[0] for line in lines] == list(SETTINGS)
    rows = {path: (value, source) for path, value, source in lines}
    assert rows["seed"] == ("4", "midaz-seed.yaml:3")
    assert rows["preset"] == ("medium", "flag --preset")
    assert rows["volume.organizations"] == ("5", "preset medium")
    assert rows["target.authToken"] == ("***", "midaz-seed.yaml:2")
    assert rows["runId"] == ("-", "default")
    assert "s3cr3t" not in result.out


def test_the_environment_is_read_and_beats_the_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("midaz-seed.yaml").write_text("seed: 4\n")
    monkeypatch.setenv("MIDAZ_SEED_SEED", "5")
    assert cli.settings()["seed"] == {"value": 5, "source": "environment MIDAZ_SEED_SEED"}
    assert cli.settings("--seed", "6")["seed"] == {"value": 6, "source": "flag --seed"}


def test_the_config_flag_beats_its_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.yaml").write_text("seed: 4\n")
    Path("b.yaml").write_text("seed: 5\n")
    monkeypatch.setenv("MIDAZ_SEED_CONFIG", "a.yaml")
    assert cli.settings()["seed"]["source"] == "a.yaml:1"
    assert cli.settings("--config", "b.yaml")["seed"]["source"] == "b.yaml:1"


def test_one_mistake_is_reported_with_its_place_and_a_hint(cli: Cli) -> None:
    Path("midaz-seed.yaml").write_text("\nsede: 4\n")
    result = cli("config", "show")
    assert result.code == 2
    assert result.out == ""
    assert result.err.splitlines() == [
        "error: unknown setting sede; did you mean seed?",
        "  where: midaz-seed.yaml:2",
        "  hint: `midaz-seed config init` prints every setting with its meaning and range",
    ]


def test_several_mistakes_are_reported_at_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("midaz-seed.yaml").write_text("seed: x\n")
    monkeypatch.setenv("MIDAZ_SEED_SEDE", "1")
    result = cli("config", "show", "--accounts", "-3")
    assert result.code == 2
    assert result.err.splitlines() == [
        "error: 3 problems in the configuration:",
        "  flag --accounts: volume.accountsPerLedger must be a whole number from 1 to 10,000,000, not -3",
        "  environment MIDAZ_SEED_SEDE: unknown setting; did you mean MIDAZ_SEED_SEED?",
        "  midaz-seed.yaml:1: seed must be a whole number from 0 to 2^63 less 1, not 'x'",
        "  hint: `midaz-seed config init` prints every setting with its meaning and range",
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--target", "sandbox", "-u", "http://localhost"], "flag --target"),
        (["--debug", "--set", "log.level=info"], "flag --debug"),
        (["--set", "seed"], "KEY=VALUE"),
        (["--set", "sede=1"], "did you mean seed?"),
        (["--preset", "larg"], "tiny, small, medium, large, not 'larg'; did you mean large?"),
        (["--config", "no.yaml"], "the file does not exist"),
        (["--config", "."], "the file is a folder"),
        (["--auth-token-file", "no"], "cannot be read"),
        (["--auth-token", "s3cr3t token"], "target.authToken must be one word of printable ASCII characters"),
    ],
)
def test_a_wrong_flag_ends_with_2_and_says_why(cli: Cli, typed: list[str], said: str) -> None:
    result = cli("config", "show", *typed)
    assert result.code == 2
    assert said in result.err
    assert "s3cr3t" not in result.err


def test_the_schema_judges_the_file_that_init_prints(cli: Cli) -> None:
    schema = json.loads(cli("config", "schema").out)
    starter = yaml.safe_load(cli("config", "init").out)
    # sections whose lines are all commented out are empty, which only the loader lets pass
    document = {name: value for name, value in starter.items() if value is not None}
    jsonschema.Draft202012Validator(schema).validate(document)
    assert not jsonschema.Draft202012Validator(schema).is_valid({**document, "sede": 1})


def test_the_examples_in_the_documents_load(cli: Cli) -> None:
    text = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
    examples = [block.partition("\n```")[0] for block in text.split("```yaml\n")[1:]]
    assert examples
    for example in examples:
        Path("midaz-seed.yaml").write_text(example)
        assert cli.settings()["preset"]["source"] == "midaz-seed.yaml:1"


def test_the_file_that_init_prints_changes_nothing(cli: Cli) -> None:
    before = {path: row["value"] for path, row in cli.settings().items()}
    Path("midaz-seed.yaml").write_text(cli("config", "init").out)
    after = cli.settings()
    assert {path: row["value"] for path, row in after.items()} == before
    assert after["breaker.openS"]["source"].startswith("midaz-seed.yaml:")
