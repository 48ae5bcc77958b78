"""The balances of a ledger: their sums, their signs, and whether they follow from their operations."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from midaz_seed.ledger_audit.chains import Chain
from midaz_seed.ledger_audit.findings import Finding, FindingKind
from midaz_seed.ledger_audit.operations import NO_VERSION, ZERO, BalanceState, parse_operation, plain
from midaz_seed.ledger_audit.reading import PagedList
from midaz_seed.ledger_audit.scope import LedgerContext, all_dates, for_each
from midaz_seed.ledger_audit.transaction_list import TransactionList
from midaz_seed.midaz import routes
from midaz_seed.model.balances import DEFAULT_KEY, EXTERNAL, ObservedBalance
from midaz_seed.model.json_types import JsonObject
from midaz_seed.model.money import EXACT
from midaz_seed.transport.base import Service
from midaz_seed.wording import counted

RECHECKED_MAX = 1_000
"""Balances of a ledger whose operations are read again one by one, after the lists."""
RECHECK_TRIES = 3
CHANGING_OPERATIONS_MAX = 1_000
"""A balance with more operations is not read again while it changes: it would change again meanwhile."""
CHANGING = "changed while it was read"
CONFIRMED_OPERATIONS_MAX = 10_000
"""A balance with more operations is read again once, not twice."""


@dataclass(frozen=True, slots=True)
class ListedBalance:
    """A balance in the list of a ledger."""

    id: str
    account_id: str
    alias: str
    key: str
    asset: str
    state: BalanceState
    sign: int
    """1 for a balance of direction credit, -1 for debit."""
    may_be_negative: bool
    """It is that of an external account, or has an overdraft."""

    @classmethod
    def parse(cls, row: JsonObject) -> "ListedBalance":
        """Parse a row of the list. Raises NotMidazError when it is not a balance."""
        found, settings = ObservedBalance.parse(row), row.get("settings")
        is_external = found.alias.startswith(EXTERNAL) or str(row.get("accountType")).lower() == "external"
        lends = isinstance(settings, dict) and settings.get("allowOverdraft") is True
        return cls(
            id=found.id,
            account_id=str(row.get("accountId") or ""),
            alias=found.alias,
            key=found.key,
            asset=found.asset,
            state=BalanceState(found.available, found.on_hold, NO_VERSION if found.version is None else found.version),
            sign=-1 if found.direction == "debit" else 1,
            may_be_negative=is_external or lends,
        )

    @property
    def credit(self) -> Decimal:
        """Its part of the sum of its asset, which is zero (midaz-behaviour: external-account-sign)."""
        total = EXACT.add(self.state.available, self.state.on_hold)
        return total if self.sign > 0 else total.copy_negate()

    @property
    def names(self) -> dict[str, str]:
        """The fields of a finding that name it."""
        key = "" if self.key == DEFAULT_KEY else self.key
        return {"account": self.alias, "account_id": self.account_id, "balance_key": key, "asset": self.asset}


Listed = dict[str, ListedBalance]
"""By id."""
Suspect = tuple[str, str]
"""What is to be read again: ("sum", asset), ("sign", balance id), ("chain", balance id), ("external", asset)."""


async def read_balances(context: LedgerContext) -> Listed:
    """Read all balances of a ledger.

    Raises:
        TargetError: they cannot be read.
    """
    path, dates = routes.balances(context.place), all_dates(context.clock)  # up to v3.7 it shows the last months too
    listed = context.api.rows(path, Service.TRANSACTION, by_cursor=True, query=dates)
    rows = [ListedBalance.parse(row) async for row in listed]
    return {row.id: row for row in rows}


class BalanceCheck:
    """The check of the balances of one ledger."""

    def __init__(self, context: LedgerContext, assets: Iterable[str], transactions: TransactionList | None) -> None:
        """Prepare.

        Args:
            context: of the ledger.
            assets: codes of its assets.
            transactions: its transactions, read to the end; None: they are not checked.
        """
        self._context = context
        self._progress = context.progress
        self._assets = tuple(assets)
        self._transactions = transactions

    async def run(self) -> None:
        """Compare the balances, again until nothing differs or what differs stands still; then add the findings.

        Raises:
            TargetError: something cannot be read.
        """
        rounds, before = self._context.rounds(), dict[Suspect, object]()
        while True:
            if self._transactions is not None:
                await self._transactions.read()
            balances = await read_balances(self._context)
            suspects = self._suspects(balances)
            if not suspects or not await rounds.again(suspects):
                break
            before = suspects
        accounts = {row.account_id for row in balances.values()}
        self._context.figures.update(balances=len(balances), accounts=len(accounts))
        self._context.assets.update(self._held(balances))
        at_rest = {suspect for suspect, value in suspects.items() if before.get(suspect) == value}
        self._add_plain(balances, suspects, at_rest)
        chains = [name for kind, name in suspects if kind == "chain"]
        chains.sort(key=lambda name: ("chain", name) not in at_rest)
        await self._recheck(chains, balances)

    def _suspects(self, balances: Listed) -> dict[Suspect, object]:
        """Return what seems wrong, each with what it was seen as."""
        sums, states, external = dict[str, Decimal](), dict[str, set[object]](), set[str]()
        found: dict[Suspect, object] = {}
        for row in balances.values():
            sums[row.asset] = EXACT.add(sums.get(row.asset, ZERO), row.credit)
            states.setdefault(row.asset, set()).add((row.id, row.state))
            if row.alias.startswith(EXTERNAL):
                external.add(row.alias.removeprefix(EXTERNAL))
            if (row.state.available < 0 and not row.may_be_negative) or row.state.on_hold < 0:
                found["sign", row.id] = row.state
        for asset, total in sums.items():
            if total:
                found["sum", asset] = (total, hash(frozenset(states[asset])))
        for asset in self._assets:
            if asset not in external:
                found["external", asset] = "absent"
        if self._transactions is not None:
            found |= self._chain_suspects(balances)
        return found

    def _chain_suspects(self, balances: Listed) -> dict[Suspect, object]:
        chains, found = self._progress.chains, dict[Suspect, object]()
        for name, row in balances.items():
            chain = chains.get(name) or self._empty_chain(row)
            broken = chain.breaks(row.state)
            if broken:
                found["chain", name] = (row.state, tuple(broken))
        for name in chains.keys() - balances.keys():
            end = chains[name].end
            if end.available or end.on_hold or chains[name].breaks(end):
                found["chain", name] = end
        return found

    def _empty_chain(self, row: ListedBalance) -> Chain:
        return Chain(row.account_id, row.alias, row.key, row.asset, versioned=self._context.versions)

    def _held(self, balances: Listed) -> dict[str, str]:
        """Return what all accounts but the external one hold, by asset."""
        held = dict.fromkeys(sorted({row.asset for row in balances.values()}), ZERO)
        for row in balances.values():
            if not row.alias.startswith(EXTERNAL):
                held[row.asset] = EXACT.add(held[row.asset], row.credit)
        return {asset: plain(total) for asset, total in held.items()}

    def _add_plain(self, balances: Listed, suspects: dict[Suspect, object], at_rest: set[Suspect]) -> None:
        """Add the findings that the list of balances alone shows."""
        findings = self._context.findings
        for suspect, value in suspects.items():
            kind, name = suspect
            if kind == "chain":
                continue
            if suspect not in at_rest:
                names = {"account": balances[name].alias} if kind == "sign" else {"asset": name}
                findings.note(f"the {'balance' if kind == 'sign' else 'sum of the asset'} {CHANGING}", **names)
            elif kind == "sum" and isinstance(value, tuple):
                text = "the balances of the asset do not sum to zero with its external account"
                total = plain(value[0])
                findings.add(Finding(FindingKind.ASSET_SUM, text, expected="0", actual=total, asset=name))
            elif kind == "external":
                findings.add(
                    Finding(
                        FindingKind.MISSING_BALANCE,
                        "the asset has no balance of its external account",
                        expected=EXTERNAL + name,
                        actual="absent",
                        asset=name,
                    )
                )
            else:
                findings.add(_negative(balances[name]))

    # ---- chains

    async def _recheck(self, names: list[str], balances: Listed) -> None:
        """Read the operations of each of these balances again, and add what is wrong with them."""
        findings = self._context.findings
        if len(names) > RECHECKED_MAX:
            more = counted(len(names) - RECHECKED_MAX, "more balance")
            findings.note(f"of the balances that differ from the operations in the list, {more} were not read again")
            names = names[:RECHECKED_MAX]
        self._context.figures["rechecked"] = len(names)
        results: dict[str, _Recheck] = {}

        async def check(name: str) -> None:
            results[name] = await self._checked_again(name, balances.get(name))

        await for_each(names, check, at_once=self._context.scope.concurrency)
        for name in names:
            result, chain = results[name], self._chain(name, balances.get(name))
            if result.note:
                findings.note(result.note, account=chain.alias, account_id=chain.account_id, asset=chain.asset)
            for finding in result.findings:
                findings.add(finding)

    def _chain(self, name: str, row: ListedBalance | None) -> Chain:
        """Return the chain of a balance as the list of transactions gave it; an empty one without operations."""
        chain = self._progress.chains.get(name)
        if chain is None:
            assert row is not None, "what is not listed was found by its operations"
            chain = self._empty_chain(row)
        return chain

    async def _checked_again(self, name: str, row: ListedBalance | None) -> "_Recheck":
        """Read a balance with all its operations, until it did not change meanwhile and a second read agrees."""
        listed, before = self._chain(name, row), None
        for _ in range(RECHECK_TRIES):
            first = await self._balance(name)
            if first != row and listed.count > CHANGING_OPERATIONS_MAX:
                break
            fresh = await self._fresh_chain(listed, name)
            second = await self._balance(name)
            if first != second:
                before = None
                continue
            again = _result(fresh, second)
            if again in (before, _Recheck()) or fresh.count > CONFIRMED_OPERATIONS_MAX:
                return again
            before = again
            await self._context.clock.sleep(self._context.waits.max_delay_s)
        return _Recheck(note=f"the balance {CHANGING}")

    async def _balance(self, name: str) -> ListedBalance | None:
        row = await self._context.api.balance(self._context.place, name)
        return ListedBalance.parse(row) if row is not None else None

    async def _fresh_chain(self, listed: Chain, name: str) -> Chain:
        """Read all operations of the account of a chain, and return the chain of the balance as they are now."""
        context, versions = self._context, self._context.versions
        path = routes.operations(context.place, listed.account_id)
        chain = Chain(listed.account_id, listed.alias, listed.key, listed.asset, versioned=versions)
        async for page in PagedList(context.api, path, all_dates(context.clock)).pages():
            for each in page.rows:
                operation = parse_operation(each, versions=versions)
                if operation.balance_id == name:
                    chain.add(operation, str(each.get("transactionId") or ""))
        return chain


@dataclass(frozen=True, slots=True)
class _Recheck:
    """What a balance and its operations show when they are read again."""

    findings: tuple[Finding, ...] = ()
    note: str = ""


def _result(chain: Chain, present: ListedBalance | None) -> _Recheck:
    end = present.state if present is not None else chain.end
    found, silent = list(chain.findings(end)), chain.silent_changes(end)
    if present is None and (end.available or end.on_hold):
        total = plain(EXACT.add(end.available, end.on_hold))
        found.append(
            Finding(
                FindingKind.MISSING_BALANCE,
                f"the operations left {total} {chain.asset}, and the balance does not exist",
                expected=total,
                actual="absent",
                account=chain.alias,
                account_id=chain.account_id,
                balance_key="" if chain.key == DEFAULT_KEY else chain.key,
                asset=chain.asset,
            )
        )
    note = f"{counted(silent, 'change')} of the balance without an operation, and its amount fits" if silent else ""
    return _Recheck(tuple(found), note)


def _negative(row: ListedBalance) -> Finding:
    what, amount = ("available", row.state.available) if row.state.available < 0 else ("on hold", row.state.on_hold)
    return Finding(
        FindingKind.NEGATIVE_BALANCE,
        f"{plain(amount)} {row.asset} are {what}",
        expected="0 or more",
        actual=plain(amount),
        **row.names,
    )
