"""The audit of a server: find the ledgers, audit some at a time, and make the report."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from midaz_seed.clock import Clock
from midaz_seed.errors import UsageError
from midaz_seed.ledger_audit.counts import compare_count, list_all
from midaz_seed.ledger_audit.findings import Findings
from midaz_seed.ledger_audit.ledger import audit_ledger
from midaz_seed.ledger_audit.progress import AuditProgress, LedgerProgress, ProgressFile
from midaz_seed.ledger_audit.reading import PacedReads
from midaz_seed.ledger_audit.report import SCHEMA_VERSION, AuditedAsset, AuditedLedger, AuditReport, verdict_of
from midaz_seed.ledger_audit.scope import AuditScope, LedgerContext, Rounds, for_each
from midaz_seed.midaz.api import MidazApi
from midaz_seed.midaz.routes import Place
from midaz_seed.midaz.server_traits import Server, server_of
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.settings.model import Settlement
from midaz_seed.transport.base import Transport


@dataclass(frozen=True, slots=True)
class AuditStep:
    """How far an audit is, for a display."""

    ledgers: int
    """All ledgers."""
    ledgers_done: int
    transactions: int
    findings: int
    requests: int
    resumed: bool
    """An earlier, interrupted session began it."""


@dataclass(frozen=True, slots=True)
class _Ledger:
    """A ledger to audit."""

    place: Place
    organization: str
    name: str


class Audit:
    """The audit of one server."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        scope: AuditScope,
        waits: Settlement,
        file: ProgressFile | None,
        show: Callable[[AuditStep], None],
    ) -> None:
        """Prepare.

        Args:
            transport: connects to the server.
            clock: the clock.
            scope: what to audit.
            waits: how long what differs may lag.
            file: keeps the progress; None: an interrupted audit is lost.
            show: called with each page that was read.
        """
        self._clock = clock
        self._scope = scope
        self._waits = waits
        self._file = file
        self._show = show
        self._reads = PacedReads(transport, clock, rate_per_s=scope.rate_per_s, concurrency=scope.concurrency)
        self._api = MidazApi(self._reads, Phase.VERIFY)
        self._started_s = clock.monotonic()
        self._ledgers: list[_Ledger] = []
        self._organizations: list[str] = []
        self._progress = AuditProgress(clock.time())

    async def run(self, target: str) -> AuditReport:
        """Audit the server, or continue an interrupted audit, and return the report.

        Args:
            target: address of the server, for the report.

        Raises:
            UsageError: the organization or the ledger does not exist, or the state of an interrupted audit is damaged.
            TargetError: something cannot be read; the progress is kept.
        """
        server = server_of(await self._api.version())
        await self._find_ledgers()
        self._progress = (self._file.read() if self._file else None) or self._progress
        self._progress.sessions += 1
        self._show(self._step())
        try:
            await for_each(self._ledgers, lambda ledger: self._audit(ledger, server), at_once=self._scope.concurrency)
            above = await self._compare_counts()
        except BaseException:  # a signal too
            if self._file is not None:
                self._file.save(self._present())
            raise
        report = self._report(target, server, above)
        if self._file is not None:
            self._file.delete()
        return report

    async def _find_ledgers(self) -> None:
        """Find the organizations and ledgers of the scope."""
        scope, names = self._scope, dict[str, str]()
        if scope.organization_id:
            row = await self._api.entity(Entity.ORGANIZATION, Place(), scope.organization_id)
            names = {scope.organization_id: str(row.get("legalName") or "")} if row is not None else {}
        else:
            rows = await list_all(self._api, self._clock, Entity.ORGANIZATION, Place())
            names = {str(row["id"]): str(row.get("legalName") or "") for row in rows}
        self._organizations = list(names)
        for organization_id, name in names.items():
            place = Place(organization_id)
            if scope.ledger_id:
                found = await self._api.entity(Entity.LEDGER, place, scope.ledger_id)
                rows = [found] if found is not None else []
            else:
                rows = await list_all(self._api, self._clock, Entity.LEDGER, place)
            self._ledgers += [
                _Ledger(Place(organization_id, str(row["id"])), name, str(row.get("name") or "")) for row in rows
            ]
        if (scope.organization_id and not names) or (scope.ledger_id and not self._ledgers):
            what = f"organization {scope.organization_id}" if not names else f"ledger {scope.ledger_id}"
            hint = "check the id and the server; without --organization and --ledger everything is audited"
            raise UsageError(f"the server has no {what}", hint=hint)

    async def _audit(self, ledger: _Ledger, server: Server) -> None:
        ledgers, place = self._progress.ledgers, ledger.place
        names = place.organization_id, place.ledger_id, ledger.name
        progress = ledgers.setdefault(place.ledger_id, LedgerProgress(Findings(*names)))
        if progress.done:
            return
        await audit_ledger(
            LedgerContext(
                place=place,
                api=self._api,
                clock=self._clock,
                server=server,
                scope=self._scope,
                waits=self._waits,
                progress=progress,
                findings=Findings(*names),
                save=self._save,
            )
        )
        self._save()

    def _save(self) -> None:
        if self._file is not None:
            self._file.save_now_and_then(self._present)
        self._show(self._step())

    def _step(self) -> AuditStep:
        ledgers = self._progress.ledgers.values()
        return AuditStep(
            ledgers=len(self._ledgers),
            ledgers_done=sum(ledger.done for ledger in ledgers),
            transactions=sum(ledger.transactions for ledger in ledgers),
            findings=sum(ledger.findings.total for ledger in ledgers),
            requests=self._progress.requests + self._reads.requests,
            resumed=self._progress.sessions > 1,
        )

    def _present(self) -> AuditProgress:
        """Return the progress with what this session took."""
        progress = self._progress
        return AuditProgress(
            progress.started_at_s,
            sessions=progress.sessions,
            elapsed_s=progress.elapsed_s + self._clock.monotonic() - self._started_s,
            requests=progress.requests + self._reads.requests,
            ledgers=progress.ledgers,
        )

    async def _compare_counts(self) -> list[Findings]:
        """Compare the counts above the ledgers, as far as the scope covers them."""
        scope, found = self._scope, list[Findings]()
        if scope.ledger_id:
            return found
        places = [(Entity.LEDGER, Place(name)) for name in self._organizations]
        for entity, place in [*([] if scope.organization_id else [(Entity.ORGANIZATION, Place())]), *places]:
            findings = Findings(place.organization_id)

            async def count(entity: Entity = entity, place: Place = place) -> int:
                return await self._api.count(entity, place)

            async def listed(entity: Entity = entity, place: Place = place) -> int:
                return len(await list_all(self._api, self._clock, entity, place))

            await compare_count(findings, Rounds(self._clock, self._waits), f"{entity}s", count, listed)
            found.append(findings)
        return found

    def _report(self, target: str, server: Server, above: list[Findings]) -> AuditReport:
        progress, scope = self._present(), self._scope
        parts = [*above, *(progress.ledgers[ledger.place.ledger_id].findings for ledger in self._ledgers)]
        totals = sum((part.totals for part in parts), Counter[str]())
        notes = sum(part.notes_total for part in parts)
        exit_code, verdict, next_step = verdict_of(len(self._ledgers), totals, notes)
        return AuditReport(
            schema_version=SCHEMA_VERSION,
            version=_version(),
            command="audit",
            exit_code=int(exit_code),
            verdict=verdict,
            next_step=next_step,
            error=None,
            target=target,
            server_version=server.version,
            organization_id=scope.organization_id,
            ledger_id=scope.ledger_id,
            with_transactions=scope.transactions,
            pending_hours=scope.pending_hours,
            started_at=f"{datetime.fromtimestamp(progress.started_at_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
            elapsed_s=round(progress.elapsed_s, 3),
            sessions=progress.sessions,
            requests=progress.requests,
            ledgers=tuple(self._audited(ledger) for ledger in self._ledgers),
            finding_totals=dict(sorted(totals.items())),
            findings=tuple(finding for part in parts for finding in part.listed),
            findings_total=totals.total(),
            notes=tuple(note for part in parts for note in part.notes),
            notes_total=notes,
        )

    def _audited(self, ledger: _Ledger) -> AuditedLedger:
        progress = self._progress.ledgers[ledger.place.ledger_id]
        return AuditedLedger(
            organization_id=ledger.place.organization_id,
            organization=ledger.organization,
            id=ledger.place.ledger_id,
            name=ledger.name,
            assets=tuple(AuditedAsset(code, held) for code, held in progress.assets.items()),
            accounts=progress.figures["accounts"],
            balances=progress.figures["balances"],
            transactions=progress.transactions,
            operations=progress.operations,
            counts=progress.figures["counts"],
            rechecked=progress.figures.get("rechecked", 0),
            findings=progress.findings.total,
            notes=progress.findings.notes_total,
        )


def _version() -> str:
    try:
        return version("midaz-seed")
    except PackageNotFoundError:
        return ""
