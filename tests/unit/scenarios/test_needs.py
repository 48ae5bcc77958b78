"""What a scenario needs of the server's version, feature by feature."""

from pathlib import Path

import pytest

from midaz_seed.errors import UnsupportedScenarioError
from midaz_seed.scenarios.loader import load_scenario
from midaz_seed.scenarios.model import Scenario
from midaz_seed.scenarios.needs import check_supported, missing, needs_of
from tests.support.scenarios import SHOP, write_scenario

TIME = "time: {last_day: 2026-11-25, history: 30 days}\n"
LEGS = "mix:\n  sale: {weight: 1, from: person.checking, to: shop.checking, amount: 5, fee: {percent: 1, to: fees}}\n"


def shop(folder: Path, more: str) -> Scenario:
    write_scenario(folder, SHOP, "base.yaml")
    return load_scenario(str(write_scenario(folder, f"scenario: x\nextends: base.yaml\n{more}")))


@pytest.mark.parametrize(
    ("more", "path", "lacking", "enough"),
    [
        (TIME, "time", "v3.2.1", "v3.3.0"),
        (TIME + "proof: {as_of: [month-ends]}\n", "proof.as_of", "v3.5.4", "v3.6.0"),
        (LEGS, "mix.sale.fee", "v3.1.0", "v3.3.15"),
        ("lifecycle: {pending: [{of: sale, count: 1}]}\n", "lifecycle.pending", "v2.2.2", "v3.0.0"),
        (
            "lifecycle: {pending: [{of: sale, count: 1, then: {commit: 5 %}}]}\n",
            "lifecycle.pending",
            "v3.4.1",
            "v3.4.2",
        ),
        ("lifecycle: {annotate: [{of: sale, count: 1}]}\n", "lifecycle.annotate", "v3.2.0", "v3.3"),
        ("lifecycle: {block: [{of: sale, count: 1}]}\n", "lifecycle.block", "v3.7.8", "v4.0.0-beta.11"),
        ("refusals: {count: 1, kinds: {insufficient-funds: 1}}\n", "refusals", "v3.3.14", "v3.3.15"),
        ("refusals: {count: 1, kinds: {insufficient-funds: 1}}\n", "refusals", "v3.5.1", "v3.5.2"),
        ("refusals: {count: 1, kinds: {insufficient-funds: 1}}\n", "refusals", "v3.4.8", "v3.4"),
        ("routes: {validate: true}\n", "routes.validate", "v3.5.9", "3.6.0"),
        ("parties: true\n", "parties", "v3.8.0", "v4.0.0-beta.11"),
        ('needs: {midaz: ">=3.7"}\n', "needs.midaz", "v3.6.9", "v3.7.0"),
    ],
)
def test_a_version_that_lacks_a_feature_is_refused_and_the_next_one_is_not(
    more: str, path: str, lacking: str, enough: str, tmp_path: Path
) -> None:
    scenario = shop(tmp_path, more)
    assert [need.path for need in missing(scenario, lacking)] == [path]
    assert missing(scenario, enough) == []


def test_a_scenario_without_features_runs_everywhere() -> None:
    assert needs_of(load_scenario("classic")) == []


def test_the_error_names_every_feature_its_place_and_the_versions(tmp_path: Path) -> None:
    more = TIME + "proof: {as_of: [month-ends]}\nrefusals: {count: 1, kinds: {future: 1}}\n"
    with pytest.raises(UnsupportedScenarioError) as caught:
        check_supported(shop(tmp_path, more), "v3.3.10")
    assert caught.value.message == (
        "Midaz v3.3.10 lacks what the scenario x uses: balances at a date (proof.as_of) needs v3.6 and later; a "
        "refused transaction that can be repeated (refusals) needs v3.3.15, v3.4.9, v3.5.2 or v3.6 and later"
    )
    assert "extends x" in caught.value.hint


@pytest.mark.parametrize("text", ["", "three", "v3", "3.x"])
def test_a_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        missing(load_scenario("classic"), text)
