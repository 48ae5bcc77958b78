"""The layers: which one wins, where a value came from, and how each mistake is named."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from midaz_seed.errors import ConfigurationError
from midaz_seed.settings.environment import NOT_SETTINGS
from midaz_seed.settings.loader import LoadedSettings, load_settings
from midaz_seed.settings.schema import SETTINGS
from midaz_seed.settings.sources import Flag
from tests.support.scenarios import other_scenario


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own current folder, so that no midaz-seed.yaml of somebody else's is found."""
    monkeypatch.chdir(tmp_path)


def load(text: str | None = None, *flags: Flag, **environ: str) -> LoadedSettings:
    """Load with this text as midaz-seed.yaml, these flags and these variables."""
    if text is not None:
        Path("midaz-seed.yaml").write_text(text, encoding="utf-8")
    return load_settings(flags=flags, environ=environ)


def refusals(text: str | None = None, *flags: Flag, **environ: str) -> list[str]:
    """What is said about these settings, one problem each, as `place: text`."""
    with pytest.raises(ConfigurationError) as refused:
        load(text, *flags, **environ)
    error = refused.value
    assert error.hint
    return [line.strip() for line in error.message.splitlines()[1:]] if not error.where else [str(error)]


# ------------------------------------------------------------------------------------------------ which layer wins

LAYERS = ["flag", "environment", "file", "preset", "default"]


def from_layers(*names: str) -> LoadedSettings:
    """volume.organizations given as 11 by flag, 12 by environment, 13 by the file; 5 is medium's, 2 the default."""
    flags = [Flag("--organizations", "volume.organizations", "11")] if "flag" in names else []
    environ = {"MIDAZ_SEED_VOLUME__ORGANIZATIONS": "12"} if "environment" in names else {}
    text = "seed: 1\n" + ("volume:\n  organizations: 13\n" if "file" in names else "")
    text += "preset: medium\n" if "preset" in names else ""
    return load(text, *flags, **environ)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [(one, other) for index, one in enumerate(LAYERS) for other in LAYERS[index + 1 :]],
)
def test_the_stronger_layer_wins_and_is_named(stronger: str, weaker: str) -> None:
    expected = {
        "flag": (11, "flag --organizations"),
        "environment": (12, "environment MIDAZ_SEED_VOLUME__ORGANIZATIONS"),
        "file": (13, "midaz-seed.yaml:3"),
        "preset": (5, "preset medium"),
    }
    loaded = from_layers(stronger, weaker)
    assert (loaded.settings.volume.organizations, loaded.sources["volume.organizations"]) == expected[stronger]


@pytest.mark.parametrize("layer", ["flag", "environment", "file"])
def test_the_preset_itself_may_come_from_any_layer(layer: str) -> None:
    flags = [Flag("--preset", "preset", "large")] if layer == "flag" else []
    environ = {"MIDAZ_SEED_PRESET": "large"} if layer == "environment" else {}
    loaded = load("preset: large\n" if layer == "file" else None, *flags, **environ)
    assert loaded.settings.volume.accounts_per_ledger == 1000
    assert loaded.sources["volume.accountsPerLedger"] == "preset large"


def test_every_setting_has_a_source_and_without_layers_it_is_the_default() -> None:
    sources = load().sources
    assert list(sources) == list(SETTINGS)
    assert {path: source for path, source in sources.items() if not path.startswith("volume.")} == {
        path: "default" for path in SETTINGS if not path.startswith("volume.")
    }
    assert sources["volume.organizations"] == "preset small"


# ------------------------------------------------------------------------------------------------ the file


def test_the_file_that_was_asked_for_is_read_instead_of_the_default_one(tmp_path: Path) -> None:
    Path("midaz-seed.yaml").write_text("seed: 1\n")
    Path("variable.yaml").write_text("seed: 2\n")
    Path("flag.yaml").write_text("\nseed: 3\n")
    environ = {"MIDAZ_SEED_CONFIG": "variable.yaml"}
    assert load_settings(environ={}).sources["seed"] == "midaz-seed.yaml:1"
    assert load_settings(environ=environ).sources["seed"] == "variable.yaml:1"
    assert load_settings(config=Path("flag.yaml"), environ=environ).sources["seed"] == "flag.yaml:2"


EVERY_KEY_OF_THE_PLAN = """
generation:
  retries: {max: 7, backoff: linear, initialDelay: 250}
  batches:
    accountsPerBatch: 40
    transactionsPerBatch: 10
  limits:
    maxConcurrency: 4
    requestsPerSecond: 12.5
"""


def test_every_key_of_the_plans_own_configuration_is_read() -> None:
    generation = load(EVERY_KEY_OF_THE_PLAN).settings.generation
    assert (generation.retries.max, generation.retries.backoff, generation.retries.initial_delay) == (7, "linear", 250)
    assert (generation.batches.accounts_per_batch, generation.batches.transactions_per_batch) == (40, 10)
    assert (generation.limits.max_concurrency, generation.limits.requests_per_second) == (4, 12.5)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "volume:\n  # organizations: 3\n", "---\n", "\ufeffseed: 1\n"])
def test_a_file_with_nothing_in_it_changes_nothing(text: str) -> None:
    assert load(text).settings == load_settings(environ={}).settings


def test_a_list_is_read_from_yaml_in_both_shapes() -> None:
    assert load("target:\n  allowHosts: [a, b]\n").settings.target.allow_hosts == ("a", "b")
    assert load("target:\n  allowHosts:\n    - a\n    - b\n").settings.target.allow_hosts == ("a", "b")


def test_a_date_in_yaml_stays_the_text_that_it_is() -> None:
    assert load("runId: 2026-07-01\n").settings.run_id == "2026-07-01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # names
        ("sede: 1", "midaz-seed.yaml:1: unknown setting sede; did you mean seed?"),
        (
            "volume:\n  organisations: 1",
            "midaz-seed.yaml:2: unknown setting volume.organisations; did you mean volume.organizations?",
        ),
        (
            "generation:\n  retries:\n    max: 2\n    initial_delay: 1",
            "midaz-seed.yaml:4: unknown setting generation.retries.initial_delay; "
            "did you mean generation.retries.initialDelay?",
        ),
        ("run_id: a", "midaz-seed.yaml:1: unknown setting run_id; did you mean runId?"),
        (
            "\nmaxConcurrency: 3",
            "midaz-seed.yaml:2: unknown setting maxConcurrency; did you mean generation.limits.maxConcurrency?",
        ),
        ("Volume: {}", "midaz-seed.yaml:1: unknown setting Volume; did you mean volume?"),
        (
            "xyzzy: 1",
            "midaz-seed.yaml:1: unknown setting xyzzy; `midaz-seed config show` lists them all",
        ),
        ("seed: 1\nseed: 2", "midaz-seed.yaml:2: seed is given twice, first on line 1"),
        (
            "log:\n  level: info\nlog:\n  level: debug",
            "midaz-seed.yaml:3: log is given twice, first on line 1",
        ),
        ("? [a, b]\n: 1", "midaz-seed.yaml:1: the name of a setting must be plain text"),
        # types
        (
            "volume:\n  organizations: '3'",
            "midaz-seed.yaml:2: volume.organizations must be a whole number from 1 to 10,000,000, not '3'",
        ),
        ("seed: true", "midaz-seed.yaml:1: seed must be a whole number from 0 to 2^63 less 1, not true"),
        ("seed: 1.5", "midaz-seed.yaml:1: seed must be a whole number from 0 to 2^63 less 1, not 1.5"),
        ("seed:", "midaz-seed.yaml:1: seed must be a whole number from 0 to 2^63 less 1, not empty"),
        (
            "generation:\n  retries:\n    jitter: 1",
            "midaz-seed.yaml:3: generation.retries.jitter must be true or false, not 1",
        ),
        ("report: [a]", "midaz-seed.yaml:1: report must be the path of a file, not a list"),
        (
            "breaker:\n  openS: {a: 1}",
            "midaz-seed.yaml:2: breaker.openS must be a number above 0 up to 86,400, not a group of settings",
        ),
        (
            "target:\n  allowHosts:\n    - a\n    - 5",
            "midaz-seed.yaml:4: target.allowHosts must be a list of host names, without http:// and port, not 5",
        ),
        (
            "generation: 5",
            "midaz-seed.yaml:1: generation is a section: it must contain settings, one `name: value` per line",
        ),
        ("log:\n  level: !!binary aGVsbG8=", "midaz-seed.yaml:2: log.level must be one of debug, info, warning, error"),
        # ranges and choices
        ("\n\nseed: -1", "midaz-seed.yaml:3: seed must be a whole number from 0 to 2^63 less 1, not -1"),
        (
            "generation:\n  limits:\n    maxConcurrency: 5000",
            "midaz-seed.yaml:3: generation.limits.maxConcurrency must be a whole number from 1 to 4,096, or auto, "
            "not 5000",
        ),
        (
            "settlement:\n  deadlineS: .nan",
            "midaz-seed.yaml:2: settlement.deadlineS must be a number above 0 up to 86,400, not nan",
        ),
        (
            "preset: medum",
            "midaz-seed.yaml:1: preset must be one of tiny, small, medium, large, not 'medum'; did you mean medium?",
        ),
        (
            "runId: Night Run",
            "midaz-seed.yaml:1: runId must be 1 to 40 characters of a-z, 0-9 and -, no leading -, not 'Night Run'",
        ),
        # settings that do not go together
        (
            "idempotency:\n  ttlS: 20",
            "midaz-seed.yaml:2: idempotency: marginS must be less than ttlS, otherwise no request could be retried",
        ),
        (
            "generation:\n  retries:\n    initialDelay: 3000",
            "midaz-seed.yaml:3: generation.retries: maxDelay must not be less than initialDelay",
        ),
        (
            "settlement:\n  initialDelayS: 3\n  maxDelayS: 2",
            "midaz-seed.yaml:2 and midaz-seed.yaml:3: settlement: maxDelayS must not be less than initialDelayS",
        ),
        # the document
        (
            "- seed\n- 1",
            "midaz-seed.yaml:1: the file: it must contain settings, one `name: value` per line",
        ),
        ("just words", "midaz-seed.yaml:1: the file: it must contain settings, one `name: value` per line"),
        ("seed: [1\nx: 2", "midaz-seed.yaml:2: the file is not valid YAML: expected ',' or ']', but got ':'"),
        (
            "seed: 1\n\tx: 2",
            "midaz-seed.yaml:2: the file is not valid YAML: it has a tab where only spaces may be used",
        ),
        ("seed: 1\n---\nseed: 2", "midaz-seed.yaml:2: the file holds more than one document; only one is allowed"),
        ("seed: 1\nx: \x00", "midaz-seed.yaml:2: the file holds a character that YAML does not allow"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(text: str, expected: str) -> None:
    assert refusals(text) == [expected]


def test_a_document_nested_without_end_is_refused() -> None:
    assert refusals("report: " + "[" * 1000) == ["midaz-seed.yaml:1: the file is nested deeper than 40 levels"]


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    (said,) = refusals(f"seed: {'9' * 5000}")
    assert said.startswith("midaz-seed.yaml:1: seed must be a whole number")


def test_a_file_that_is_not_there_is_refused() -> None:
    assert refusals(MIDAZ_SEED_CONFIG="no.yaml") == ["no.yaml: the file does not exist"]


def test_a_folder_in_place_of_the_file_is_refused() -> None:
    Path("midaz-seed.yaml").mkdir()
    assert refusals() == ["midaz-seed.yaml: the file is a folder"]


def test_a_file_below_a_file_is_refused() -> None:
    Path("plain").write_text("")
    assert refusals(MIDAZ_SEED_CONFIG="plain/x.yaml") == ["plain/x.yaml: the file cannot be read: Not a directory"]


def test_a_file_in_another_encoding_is_refused_with_its_line() -> None:
    Path("midaz-seed.yaml").write_bytes(b"seed: 1\n# informa\xe7\xe3o\n")
    assert refusals() == ["midaz-seed.yaml:2: the file is not UTF-8 text"]


ALIASES = "".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'text'] * 10)}]\n" for n in range(10))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ALIASES, "midaz-seed.yaml:6: the file has more than 1,000,000 characters when its aliases are expanded"),
        (f"x-a: &a {'s' * 30_000}\nreport: [{', '.join(['*a'] * 100)}]", "midaz-seed.yaml:2: the file has more than"),
        ("x-a: &a\n  b: *a", "midaz-seed.yaml:2: the file contains itself by an alias"),
        ("volume: &v\n  <<: *v", "midaz-seed.yaml:2: the file contains itself by an alias"),
        (
            "x-0: &a0 []\n" + "".join(f"x-{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60)),
            "when its aliases are expanded",
        ),
        ("report: " + "{a: " * 1000, "midaz-seed.yaml:1: the file is nested deeper than 40 levels"),
        ("".join(f"{' ' * n}a:\n" for n in range(100)), "the file is nested deeper than 40 levels"),
        (f"x-a: {'s' * 40_000}", "midaz-seed.yaml:1: the file holds a value of 40,000 characters; the limit is 32,768"),
        (f"seed: {'1:' * 16_000}1", "midaz-seed.yaml:1: seed must be a whole number"),
        (f"seed: 0x{'f' * 30_000}", "midaz-seed.yaml:1: seed must be a whole number"),
        ("# " + "x" * 300_000, "midaz-seed.yaml: the file is larger than 131,072 bytes, the limit"),
        ("seed: 1\n---\n" * 3, "the file holds more than one document; only one is allowed"),
        ("volume:\n\torganizations: 3", "midaz-seed.yaml:2: the file is not valid YAML: it has a tab"),
        ('report: "\\UFFFFFFFF"', "the file is not valid YAML"),
        ("seed: &a 1\nseed: *a", "midaz-seed.yaml:2: seed is given twice, first on line 1"),
        ("seed: *nowhere", "midaz-seed.yaml:1: the file is not valid YAML: found undefined alias 'nowhere'"),
        ("report: !!python/object/apply:os.system [true]", "midaz-seed.yaml:1: report must be the path of a file"),
        ("<<: 5", "midaz-seed.yaml:1: << must be followed by a section, or a list of sections"),
        ("volume:\n  x-a: 1", "midaz-seed.yaml:2: unknown setting volume.x-a"),
    ],
)
def test_hostile_yaml_is_refused_with_its_line_and_at_once(text: str, expected: str) -> None:
    """P6: aliases, nesting, long values and large files are bounded."""
    started_s = time.perf_counter()
    assert expected in " | ".join(refusals(text))
    assert time.perf_counter() - started_s < 10


@pytest.mark.parametrize("value", ["[&a [*a]]", "[" * 100, "'" + "x" * 40_000 + "'"])
def test_hostile_yaml_in_a_flag_is_refused(value: str) -> None:
    """P6: the value of --set is YAML too."""
    (said,) = refusals(None, Flag("--set report", "report", value, yaml=True))
    assert said.startswith("flag --set report: the value of report ")


def test_an_endless_file_is_refused() -> None:
    """P6: a device or a pipe is read up to the limit and no further."""
    assert refusals(MIDAZ_SEED_CONFIG="/dev/zero") == ["/dev/zero: the file is larger than 131,072 bytes, the limit"]


def test_merge_keys_and_sections_of_the_users_own_are_read() -> None:
    """P6: `<<` merges behind what the section has itself, and top-level names with x- are ignored."""
    loaded = load(
        "x-base: &base {organizations: 7, accountsPerLedger: 70}\n"
        "x-more: &more\n  <<: *base\n  organizations: 8\n  portfoliosPerLedger: 4\n"
        "x-top: &top {seed: 5, preset: tiny}\n"
        "<<: *top\n"
        "seed: 6\n"
        "volume:\n  segmentsPerLedger: 9\n  <<: [*more, *base]\n  accountsPerLedger: 71\n"
    )
    volume = loaded.settings.volume
    assert (loaded.settings.seed, loaded.settings.preset) == (6, "tiny")
    assert (volume.organizations, volume.portfolios_per_ledger) == (8, 4)
    assert (volume.accounts_per_ledger, volume.segments_per_ledger) == (71, 9)
    assert loaded.sources["volume.organizations"] == "midaz-seed.yaml:4"


PIECES = [*"seed:volume{}[],&*!|>-'\"#\n ", "12", "? ", "<<: ", "&a ", "*a", "x-"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES)).map("".join))
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_file_holds_it_loads_or_is_refused(text: str) -> None:
    Path("fuzz.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    with suppress(ConfigurationError):
        load_settings(config=Path("fuzz.yaml"), environ={})


# ------------------------------------------------------------------------------------------------ the environment


# what a 1, or the first choice, would not do for
VALUES = {
    "target.authTokenFile": "token",
    "target.clientSecretFile": "token",
    "target.headers": "X-Name: value",
    "target.proxy": "http://proxy.example.com:8080",
    "target.resolve": "a.example.com:443:127.0.0.1",
    "generation.retries.maxDelay": "200",
    "generation.limits.openLoop": "false",
    "generation.limits.rateCurve": "constant",
    "generation.limits.reads": "list=1",
    "generation.limits.slice": "2/8",
    "settlement.maxDelayS": "3",
    "idempotency.ttlS": "40",
    "scenario": "classic",
    "manifest": "accounts.csv",
    "data.day": "2026-11-25",
    "thresholds.failIf": "elapsed_s > 10m",
}


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_can_be_set_by_its_variable(path: str) -> None:
    Path("token").write_text("abc\n")
    setting = SETTINGS[path]
    others = (
        {"MIDAZ_SEED_SCENARIO": str(other_scenario(Path()))} if path in ("volume.customers", "volume.movements") else {}
    )
    loaded = load(**others, **{setting.variable: VALUES.get(path, (setting.choices or ("1",))[0])})
    assert loaded.sources[path] == f"environment {setting.variable}"


def test_nested_variables_and_lists_are_read() -> None:
    settings = load(
        MIDAZ_SEED_GENERATION__LIMITS__MAX_CONCURRENCY="7",
        MIDAZ_SEED_TARGET__ALLOW_HOSTS="a.example.com, b.example.com",
        MIDAZ_SEED_DATA__ALPHANUMERIC_CNPJ="true",
    ).settings
    assert settings.generation.limits.max_concurrency == 7
    assert settings.target.allow_hosts == ("a.example.com", "b.example.com")
    assert settings.data.alphanumeric_cnpj


def test_a_variable_without_the_prefix_is_none_of_ours() -> None:
    assert load(SEED="9", PRESET="large", TARGET='{"baseUrl": "x"}').settings == load().settings


@pytest.mark.parametrize("name", NOT_SETTINGS)
def test_the_variables_that_are_no_settings_are_let_pass(name: str) -> None:
    Path("other.yaml").write_text("seed: 1\n")
    assert load(**{name: "other.yaml"}).settings.seed == 1


def test_an_empty_variable_counts_as_not_given() -> None:
    assert load(MIDAZ_SEED_SEED="", MIDAZ_SEED_CONFIG="").settings.seed == 1


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MIDAZ_SEED_SED", "1", "unknown setting; did you mean MIDAZ_SEED_SEED?"),
        ("MIDAZ_SEED_CONFG", "1", "unknown setting; did you mean MIDAZ_SEED_CONFIG?"),
        (
            "MIDAZ_SEED_MAX_CONCURRENCY",
            "1",
            "unknown setting; did you mean MIDAZ_SEED_GENERATION__LIMITS__MAX_CONCURRENCY?",
        ),
        (
            "MIDAZ_SEED_GENERATION__LIMITS__MAXCONCURRENCY",
            "1",
            "unknown setting; did you mean MIDAZ_SEED_GENERATION__LIMITS__MAX_CONCURRENCY?",
        ),
        ("MIDAZ_SEED_QQQQ", "1", "unknown setting; `midaz-seed config show` lists them all"),
        (
            "MIDAZ_SEED_TARGET",
            '{"baseUrl": "x"}',
            "target is a section: set its settings one by one, such as MIDAZ_SEED_TARGET__BASE_URL",
        ),
        ("MIDAZ_SEED_SEED", "x", "seed must be a whole number from 0 to 2^63 less 1, not 'x'"),
        ("MIDAZ_SEED_SEED", "-1", "seed must be a whole number from 0 to 2^63 less 1, not -1"),
        ("MIDAZ_SEED_BREAKER__OPEN_S", "inf", "breaker.openS must be a number above 0 up to 86,400, not 'inf'"),
        (
            "MIDAZ_SEED_LOG__LEVEL",
            "debg",
            "log.level must be one of debug, info, warning, error, not 'debg'; did you mean debug?",
        ),
        (
            "MIDAZ_SEED_TARGET__ALLOW_HOSTS",
            "a,http://b",
            "target.allowHosts must be a list of host names, without http:// and port, not 'a,http://b'",
        ),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, expected: str) -> None:
    assert refusals(**{name: value}) == [f"environment {name}: {expected}"]


# ------------------------------------------------------------------------------------------------ flags


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (
            Flag("--accounts", "volume.accountsPerLedger", "-1"),
            "flag --accounts: volume.accountsPerLedger must be a whole number from 1 to 10,000,000, not -1",
        ),
        (
            Flag("--allow-host", "target.allowHosts", ("a", "b/c")),
            "flag --allow-host: target.allowHosts must be a list of host names, without http:// and port, not 'b/c'",
        ),
        (
            Flag("--set breaker.open", "breaker.open", "1", yaml=True),
            "flag --set breaker.open: unknown setting breaker.open; did you mean breaker.openS?",
        ),
        (
            Flag("--set seed", "seed", "[", yaml=True),
            "flag --set seed: the value of seed is not a YAML value",
        ),
        (
            Flag("--set seed", "seed", "'1'", yaml=True),
            "flag --set seed: seed must be a whole number from 0 to 2^63 less 1, not '1'",
        ),
    ],
)
def test_a_wrong_flag_is_named(flag: Flag, expected: str) -> None:
    assert refusals(None, flag) == [expected]


def test_two_flags_that_say_different_things_are_refused() -> None:
    flags = [Flag("--target", "target.baseUrl", "sandbox"), Flag("--base-url", "target.baseUrl", "http://localhost")]
    assert refusals(None, *flags) == [
        "flag --base-url: target.baseUrl was already given another value, by flag --target"
    ]


def test_two_flags_that_say_the_same_are_fine() -> None:
    flags = [Flag("--target", "target.baseUrl", "sandbox"), Flag("--base-url", "target.baseUrl", "sandbox")]
    assert load(None, *flags).settings.target.base_url == "sandbox"


def test_a_value_for_set_has_the_type_that_yaml_gives_it() -> None:
    settings = load(
        None,
        Flag("--set", "generation.retries.jitter", "false", yaml=True),
        Flag("--set", "target.allowHosts", "[a, b]", yaml=True),
        Flag("--set", "runId", "null", yaml=True),
    ).settings
    assert settings.generation.retries.jitter is False
    assert settings.target.allow_hosts == ("a", "b")
    assert settings.run_id is None


# ------------------------------------------------------------------------------------------------ all at once


def test_every_problem_of_every_layer_is_reported_at_once_and_in_order() -> None:
    said = refusals(
        "sed: 1\nseed: x\nvolume:\n  organizations: 0\n  orgs: 1\n",
        Flag("--preset", "preset", "hug"),
        MIDAZ_SEED_NOPE="1",
        MIDAZ_SEED_LOG__LEVEL="loud",
    )
    assert [line.split(": ")[0] for line in said] == [
        "flag --preset",
        "environment MIDAZ_SEED_NOPE",
        "environment MIDAZ_SEED_LOG__LEVEL",
        "midaz-seed.yaml:1",
        "midaz-seed.yaml:2",
        "midaz-seed.yaml:4",
        "midaz-seed.yaml:5",
    ]


def test_a_mistake_in_a_weaker_layer_is_reported_even_when_a_stronger_one_wins() -> None:
    assert len(refusals("seed: x\n", Flag("--seed", "seed", "1"))) == 1


# ------------------------------------------------------------------------------------------------ secrets


def token_of(loaded: LoadedSettings) -> str | None:
    token = loaded.settings.target.auth_token
    return token.get_secret_value() if token else None


def test_the_token_is_read_from_its_file() -> None:
    Path("token").write_text("abc.def\n")
    loaded = load("target:\n  authTokenFile: token\n")
    assert token_of(loaded) == "abc.def"
    assert loaded.sources["target.authToken"] == "file token (midaz-seed.yaml:2)"


def test_a_token_beats_a_token_file_of_the_same_or_of_a_weaker_layer() -> None:
    Path("token").write_text("from-file\n")
    assert token_of(load("target:\n  authTokenFile: token\n  authToken: direct\n")) == "direct"
    assert token_of(load("target:\n  authTokenFile: token\n", MIDAZ_SEED_TARGET__AUTH_TOKEN="direct")) == "direct"


def test_a_token_file_of_a_stronger_layer_beats_a_token() -> None:
    Path("token").write_text("from-file\n")
    flag = Flag("--auth-token-file", "target.authTokenFile", "token")
    assert token_of(load("target:\n  authToken: direct\n", flag)) == "from-file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "must contain one word of printable ASCII characters, and nothing else"),
        (b"s3cr3t\nX-Other: header", "must contain one word of printable ASCII characters, and nothing else"),
        (b"s3cr3t \xff", "must contain one word of printable ASCII characters, and nothing else"),
    ],
)
def test_a_token_file_that_holds_no_token_is_refused_without_showing_it(content: bytes | None, said: str) -> None:
    if content is not None:
        Path("token").write_bytes(content)
    assert refusals("\ntarget:\n  authTokenFile: token\n") == [f"midaz-seed.yaml:3: the token file token {said}"]


@pytest.mark.parametrize("text", ["s3cr3t token", "[s3cr3t]", "12345"])
def test_a_wrong_token_is_refused_without_showing_it(text: str) -> None:
    (said,) = refusals(f"target:\n  authToken: {text}\n")
    assert said == "midaz-seed.yaml:2: target.authToken must be one word of printable ASCII characters"


def test_a_token_is_not_shown_by_the_settings() -> None:
    loaded = load("target:\n  authToken: s3cr3t\n")
    assert "s3cr3t" not in f"{loaded!r} {loaded.settings} {loaded.settings.model_dump_json()}"
