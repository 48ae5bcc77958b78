"""`midaz-seed plan` as a user meets it."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import midaz_seed.cli


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file and no variable of the machine's says what is planned."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("MIDAZ_SEED_"):
            monkeypatch.delenv(name)


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]):
    """Runs the verb in this process: (exit code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            midaz_seed.cli.main(["plan", *arguments])
        printed = capsys.readouterr()
        assert "internal error" not in printed.err
        return int(left.value.code or 0), printed.out, printed.err

    return run


def test_people_get_counts_amounts_and_costs(plan) -> None:
    code, out, err = plan("--preset", "small")
    assert (code, err) == (0, "")
    words = [line.split() for line in out.splitlines()]
    for row in (["accounts", "400"], ["deposits", "400"], ["transfers", "7,600"], ["requests", "8,434"]):
        assert row in words
    assert ["movements", "8,000", "in", "8,000", "transactions"] in words
    (accounts,) = [row[1] for row in words if row and row[0] == "BRL"]
    assert accounts == "136"
    assert "about 21.1 s at 400 requests/s" in out
    assert "about 21.6 MB for 8,000 idempotency keys" in out


def test_one_json_document_has_everything(plan) -> None:
    code, out, err = plan("-v", "tiny", "--json", "--rate", "12")
    document = json.loads(out)
    assert (code, err, document["schema_version"]) == (0, "", 1)
    assert document["counts"] == {
        "organizations": 1, "ledgers": 1, "assets": 2, "portfolios": 1, "segments": 1, "accounts": 6, "deposits": 6,
        "transfers": 18,
    }  # fmt: skip
    assert (document["posts"], document["movements"], document["duration_s"]) == (36, 24, 3.0)
    assert document["run_id"] == f"s{document['digest'][:10]}"
    assert [(total["code"], total["accounts"]) for total in document["totals"]] == [("BRL", 3), ("USD", 3)]
    for total in document["totals"]:  # payments by boleto leave the ledger
        assert Decimal(total["deposits"]) >= Decimal(total["balances"]) > 0


def test_packing_lowers_requests_and_leaves_movements(plan) -> None:
    single = json.loads(plan("-v", "small", "--json")[1])
    packed = json.loads(plan("-v", "small", "--json", "--transactions-per-batch", "19")[1])
    assert packed["movements"] == single["movements"] == 8_000
    assert packed["totals"] == single["totals"]
    assert packed["counts"]["transfers"] == 400
    assert packed["posts"] < single["posts"]
    assert packed["duration_s"] < single["duration_s"]


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("o1", "legalDocument", None),
        ("o1.l1", "name", "Principal"),
        ("o1.l1.a-USD", "code", "USD"),
        ("o1.l1.at2", "keyValue", "savings"),
        ("o1.l1.p1", "name", "Varejo"),
        ("o1.l1.s1", "name", "Varejo"),
        ("o1.l1.acc6", "portfolioId", "<id of o1.l1.p1>"),
        ("o1.l1.d6", "description", "Saldo inicial"),
        ("o1.l1.t6.3", "description", None),
    ],
)
def test_every_kind_of_item_can_be_shown(plan, key: str, field: str, value: str | None) -> None:
    code, out, err = plan("-v", "tiny", "--account-types", "2", "--show", key)
    body = json.loads(out)
    assert (code, err) == (0, "")
    assert body[field] if value is None else body[field] == value
    assert body["metadata"]["seedKey"].endswith(f"/{key}")


def test_a_batch_is_shown_by_its_key(plan) -> None:
    code, out, _ = plan("-v", "tiny", "--transactions-per-batch", "3", "--show", "o1.l1.t2.1x3")
    assert code == 0
    assert json.loads(out)["metadata"]["seedKey"].endswith("o1.l1.t2.1x3")


@pytest.mark.parametrize("key", ["", "o2", "o1.l2", "o1.l1.acc7", "o1.l1.acc", "o1.l1.t1.4", "o1.l1.a-EUR", "o1.l1.x1"])
def test_an_unknown_key_is_answered_with_what_keys_look_like(plan, key: str) -> None:
    code, out, err = plan("-v", "tiny", "--show", key)
    assert (code, out) == (2, "")
    assert f"error: the plan has no item {key!r}" in err
    assert "o1.l2.t17.3" in err


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "1e-320", "fast"])
def test_a_rate_that_gives_no_duration_is_refused(plan, rate: str) -> None:
    code, out, err = plan("-v", "tiny", "--rate", rate)
    assert (code, out) == (2, "")
    assert "--rate" in err


@pytest.mark.parametrize(
    ("rate", "said"),
    [("10", "3.6 s"), ("0.5", "1 min 12 s"), ("0.01", "1 h 0 min"), ("0.001", "10 h 0 min"), ("36", "1.0 s")],
)
def test_the_rate_decides_how_long_it_takes(plan, rate: str, said: str) -> None:
    assert f"duration  about {said} at {rate} requests/s" in plan("-v", "tiny", "--rate", rate)[1]


@pytest.mark.thorough  # it plans 380,000 movements
def test_what_a_big_plan_needs_of_redis_is_said_in_gigabytes(plan) -> None:
    volume = ("--organizations", "1", "--ledgers", "1", "--assets", "1", "--accounts", "19000", "--transactions", "20")
    _, out, _ = plan("-v", "tiny", *volume, "--rate", "100000")
    assert "redis     about 1.03 GB for 380,000 idempotency keys" in out


def test_numbers_that_make_no_plan_are_answered_with_numbers_that_do(plan) -> None:
    code, out, err = plan("-v", "tiny", "--assets", "9", "--accounts", "20")
    assert (code, out) == (2, "")
    assert "hint: use at most 8: BRL, USD, EUR, BTC, ETH, XAU, XAG, MILES" in err


def test_a_plan_of_nothing_to_move_has_no_slots(plan) -> None:
    document = json.loads(plan("-v", "tiny", "--transactions", "0", "--json")[1])
    assert (document["movements"], document["slots"], document["redis_bytes"]) == (0, 0, 0)
    assert document["body_bytes"] > 0


def test_two_processes_plan_the_same_to_the_byte() -> None:
    def output(hash_seed: str) -> bytes:
        return subprocess.run(
            [sys.executable, "-m", "midaz_seed", "plan", "-v", "tiny", "--json"],
            capture_output=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout

    assert output("1") == output("2")
