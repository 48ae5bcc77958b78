"""Each invariant, broken on purpose in a ledger that a run filled, is found and named."""

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from midaz_seed.ledger_audit.findings import Finding, FindingKind
from midaz_seed.ledger_audit.report import AuditReport
from midaz_seed.sandbox import SandboxServer
from midaz_seed.sandbox.core.ledger import Balance
from tests.support.audits import FilledFile, audited, change_record, filled_file
from tests.support.gateway import GatewayAnswer, alter_matching, gateway
from tests.support.sandbox import sandbox

DIALECTS = ("v3.3", "v3.8", "v4")
AMOUNT, OPERATIONS, STATUS = 6, 12, 5
"""Positions in the record of a transaction."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FilledFile]:
    """One ledger of each dialect, filled by a run."""
    folder = tmp_path_factory.mktemp("filled")
    return {dialect: filled_file(folder / f"{dialect}.db", dialect) for dialect in DIALECTS}


def _only(report: AuditReport, kind: FindingKind) -> Finding:
    """The only finding of a kind; the ledger is named in each finding."""
    assert report.exit_code == 1
    (ledger,) = report.ledgers
    for finding in report.findings:
        assert (finding.organization_id, finding.ledger_id) == (ledger.organization_id, ledger.id)
    (found,) = [finding for finding in report.findings if finding.kind == kind]
    return found


def _customer(server: SandboxServer) -> Balance:
    """A balance that has operations and is not external."""
    return next(each for each in server.state.balance_by_number.values() if each.available and not each.is_external)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_ledger_that_a_run_filled_has_no_finding(files: dict[str, FilledFile], dialect: str) -> None:
    report = await files[dialect].audited()
    (ledger,) = report.ledgers
    assert (report.exit_code, report.findings, report.notes) == (0, (), ())
    assert (ledger.transactions, ledger.operations, ledger.balances, ledger.counts) == (
        24,
        48,
        8,
        4 if dialect == "v3.3" else 5,
    )
    assert [asset.code for asset in ledger.assets] == ["BRL", "USD"]
    assert report.server_version.startswith(dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_balance_that_changed_without_an_operation_is_found(files: dict[str, FilledFile], dialect: str) -> None:
    changed: list[Balance] = []

    def change(server: SandboxServer) -> None:
        balance = _customer(server)
        balance.available += 1
        balance.state = (str(balance.available), *balance.state[1:])
        changed.append(balance)

    report = await files[dialect].audited(change)
    (balance,) = changed
    found = _only(report, FindingKind.LAST_OPERATION)
    assert (found.account, found.account_id) == (balance.alias, balance.account_id)
    assert (found.expected, found.actual) == (f"{balance.available - 1}", f"{balance.available}")
    assert found.transaction_id
    missing = _only(report, FindingKind.ASSET_SUM)
    assert (missing.asset, missing.expected, missing.actual) == (balance.asset, "0", "1")
    assert report.findings_total == 2
    # the fast way sees the sum, not the operations
    quick = await files[dialect].audited(change, transactions=False)
    assert quick.finding_totals == {"asset_sum": 1}
    assert quick.ledgers[0].transactions == 0


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_negative_balance_is_found_and_that_of_an_external_account_is_not(
    files: dict[str, FilledFile], dialect: str
) -> None:
    changed: list[Balance] = []

    def change(server: SandboxServer) -> None:
        balance = _customer(server)
        external = next(
            each for each in server.state.balance_by_number.values() if each.is_external and each.asset == balance.asset
        )
        # as much less outside as inside, so that the asset still sums to zero
        less = balance.available + 5
        balance.available -= less
        external.available += -less if external.direction == "debit" else less
        for each in (balance, external):
            each.state = (str(each.available), *each.state[1:])
        changed.append(balance)

    found = _only(await files[dialect].audited(change, transactions=False), FindingKind.NEGATIVE_BALANCE)
    assert (found.account, found.account_id, found.actual) == (changed[0].alias, changed[0].account_id, "-5")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_record_that_is_lost_leaves_gaps_at_both_accounts(
    files: dict[str, FilledFile], dialect: str, tmp_path: Path
) -> None:
    lost: list[Any] = []

    def lose(connection: sqlite3.Connection) -> None:
        """Lose a transfer after which both accounts were used again: the balances keep it, the list does not."""
        records = [orjson.loads(row) for (row,) in connection.execute("SELECT record FROM journal ORDER BY seq")]
        transactions = [record for record in records if record[0] == "t"]
        for index, record in enumerate(transactions):
            after = {operation[1] for later in transactions[index + 1 :] for operation in later[OPERATIONS]}
            if {operation[1] for operation in record[OPERATIONS]} <= after:
                seq = connection.execute("SELECT seq FROM journal ORDER BY seq").fetchall()[records.index(record)][0]
                connection.execute("DELETE FROM journal WHERE seq = ?", (seq,))
                lost.append(record)
                return

    report = await files[dialect].broken(tmp_path / "lost.db", lose).audited()
    aliases = {*lost[0][9], *lost[0][10]}
    assert report.finding_totals == {"operation_gap": 2}
    assert {finding.account for finding in report.findings} == aliases
    for finding in report.findings:
        assert (finding.expected, finding.actual) in {(each[4], each[8]) for each in lost[0][OPERATIONS]}
        assert finding.transaction_id
        assert ("1 change of the balance has no operation" in finding.text) == (dialect != "v3.3")


async def test_operations_of_a_transaction_that_do_not_balance_are_found(
    files: dict[str, FilledFile], tmp_path: Path
) -> None:
    def change(record: list[Any]) -> None:
        credit = next(operation for operation in record[OPERATIONS] if not operation[2])
        credit[3] = "0.01"

    broken = files["v3.8"].broken(tmp_path / "sides.db", lambda db: _ignore(change_record(db, "t", -1, change)))
    report = await broken.audited()
    sides = _only(report, FindingKind.TRANSACTION_SIDES)
    amount = _only(report, FindingKind.OPERATION_AMOUNT)
    assert sides.transaction_id == amount.transaction_id != ""
    assert sides.actual.startswith("0.01 ")
    assert amount.expected == "0.01"
    assert amount.account
    assert amount.operation_id
    assert report.findings_total == 2
    last = report.ledgers[0].transactions
    assert last == 24


def _ignore(_: object) -> None: ...


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_another_amount_than_that_of_its_operations_is_found(
    files: dict[str, FilledFile], dialect: str, tmp_path: Path
) -> None:
    def change(record: list[Any]) -> None:
        record[AMOUNT] = "0.5"

    broken = files[dialect].broken(tmp_path / "amount.db", lambda db: _ignore(change_record(db, "t", 3, change)))
    found = _only(await broken.audited(), FindingKind.TRANSACTION_AMOUNT)
    assert found.expected == "0.5"
    assert found.transaction_id


async def test_a_status_that_the_operations_do_not_fit_is_found(files: dict[str, FilledFile], tmp_path: Path) -> None:
    def pending(record: list[Any]) -> None:
        record[STATUS] = "PENDING"

    def empty(record: list[Any]) -> None:
        record[OPERATIONS] = []

    def change(connection: sqlite3.Connection) -> None:
        change_record(connection, "t", 5, pending)
        change_record(connection, "t", -1, empty)

    report = await files["v3.8"].broken(tmp_path / "status.db", change).audited()
    found = [each for each in report.findings if each.kind == FindingKind.TRANSACTION_STATUS]
    assert [each.actual.split(" ")[-1] for each in found] == [found[0].asset, "none"]
    assert found[0].expected == "nothing moved"
    assert found[0].transaction_id != found[1].transaction_id


async def test_counts_that_differ_from_the_lists_are_found(files: dict[str, FilledFile]) -> None:
    def one_more(head: bytes, sent: bytes, status: int, headers: list[tuple[str, str]], body: bytes) -> GatewayAnswer:
        changed = [(name, str(int(value) + 1) if name.lower() == "x-total-count" else value) for name, value in headers]
        return GatewayAnswer(status, changed, body)

    file = files["v3.8"]
    async with (
        sandbox(data=file.path, dialect=file.dialect) as server,
        gateway(server.url, alter_matching(b"/metrics/count", one_more)) as url,
    ):
        report = await audited(server, url)
    assert report.finding_totals == {"count": 7}
    texts = {each.text for each in report.findings}
    assert "the server counts 25 transactions and lists 24" in texts
    assert "the server counts 9 accounts and lists 8" in texts
    assert "the server counts 2 organizations and lists 1" in texts
    assert "the server counts 2 ledgers and lists 1" in texts


async def test_an_asset_without_its_external_account_is_found(files: dict[str, FilledFile]) -> None:
    def without(head: bytes, sent: bytes, status: int, headers: list[tuple[str, str]], body: bytes) -> GatewayAnswer:
        found = orjson.loads(body)
        found["items"] = [row for row in found["items"] if row["alias"] != "@external/USD"]
        return GatewayAnswer(status, headers, orjson.dumps(found))

    file = files["v3.8"]
    async with (
        sandbox(data=file.path, dialect=file.dialect) as server,
        gateway(server.url, alter_matching(b"/balances?", without)) as url,
    ):
        report = await audited(server, url)
    found = _only(report, FindingKind.MISSING_BALANCE)
    assert (found.asset, found.expected, found.actual) == ("USD", "@external/USD", "absent")
    assert report.finding_totals == {"missing_balance": 1, "asset_sum": 1}
