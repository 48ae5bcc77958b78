"""What a run's report concludes from failures: the verdict, the exit code, the counts, and no secret on the way."""

from collections.abc import Callable
from typing import Any

import pytest

from midaz_seed.errors import ExitCode
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import Event, PhaseStarted
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import InterceptingTransport, http_transport

TOKEN = "t0p-s3cr3t-token"
KEY = "t0p-s3cr3t-key"
BROKE = Response(422, {}, b'{"code":"0018","title":"Insufficient Funds","message":"not enough"}')


async def _run(answer: Callable[[Request, Phase | None], Response | None], **changes: Any) -> Report:
    """A run in which the answer to a request may be replaced, knowing the phase that began last."""
    begun: list[Phase] = []

    def emit(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            begun.append(event.phase)

    async with sandbox() as server:
        transport = InterceptingTransport(
            http_transport(server.url),
            lambda request: answer(request, begun[-1] if begun else None),
        )
        try:
            return await seed_async(settings_for(server.url, **changes), emit=emit, overrides={Transport: transport})
        finally:
            await transport.aclose()


class _RefuseOne:
    """Refuses the item of the first POST of a phase, as often as it is sent."""

    def __init__(self, phase: Phase, refusal: Response) -> None:
        self._phase = phase
        self._refusal = refusal
        self._body: bytes | None = None
        self.refused = 0

    def __call__(self, request: Request, phase: Phase | None) -> Response | None:
        if request.method != "POST" or phase is not self._phase or request.body != (self._body or request.body):
            return None
        self._body = request.body
        self.refused += 1
        return self._refusal


async def test_more_failed_items_than_the_budget_allows_end_with_1_and_say_both_numbers() -> None:
    refuse = _RefuseOne(Phase.TRANSFERS, BROKE)
    report = await _run(refuse, verification={"enabled": False}, errorBudgetPercent=0.5)
    assert refuse.refused == 2  # asked for twice: one could be another request's answer
    assert report.exit_code == ExitCode.DIFFERENCES
    assert f"{report.error_rate_percent:.2f} % of the items failed, the budget is 0.5 %" in report.verdict
    assert "run the same command again" in report.next_step.lower()


async def test_failed_items_within_the_budget_do_not_make_an_unverified_run_fail() -> None:
    report = await _run(_RefuseOne(Phase.TRANSFERS, BROKE), verification={"enabled": False}, errorBudgetPercent=50)
    assert report.exit_code == ExitCode.DONE
    assert report.failed_items_total == 1
    assert report.proof is None
    assert "not verified" in report.verdict
    assert "midaz-seed verify" in report.next_step


async def test_the_budget_does_not_excuse_a_balance_that_is_not_the_planned_one() -> None:
    report = await _run(_RefuseOne(Phase.TRANSFERS, BROKE), errorBudgetPercent=100)
    assert report.exit_code == ExitCode.DIFFERENCES
    assert report.proof is not None
    assert not report.proof.ok
    assert report.verdict.startswith("Verification failed")


@pytest.mark.parametrize("phase", [Phase.ASSETS, Phase.PORTFOLIOS, Phase.ACCOUNTS, Phase.TRANSFERS])
async def test_every_planned_item_is_accounted_for_whichever_phase_meets_a_refusal(phase: Phase) -> None:
    refusal = Response(400, {}, b'{"code":"0053","title":"Unexpected","message":"no"}')
    report = await _run(_RefuseOne(phase, refusal))
    assert report.exit_code == ExitCode.DIFFERENCES, report.verdict
    for row in report.phases:
        if row.planned:
            assert row.planned == row.created + row.existing + row.failed + row.skipped, row.name
    assert report.failed_items_total == sum(row.failed for row in report.phases) == 1
    assert [(error.phase, error.code, error.final) for error in report.errors] == [(phase.value, "0053", 1)]


async def test_no_secret_reaches_the_report_although_the_server_echoes_it() -> None:
    echo = Response(400, {}, f'{{"code":"0053","title":"t","message":"got Authorization: Bearer {TOKEN}"}}'.encode())
    report = await _run(_RefuseOne(Phase.ACCOUNTS, echo), target={"authToken": TOKEN, "headers": [f"X-Api-Key: {KEY}"]})
    assert [error.code for error in report.errors] == ["0053"]
    for document in (report.as_json(), render_text(report)):
        assert TOKEN not in document
        assert KEY not in document


async def test_a_proxys_password_is_not_in_the_report_but_its_address_is() -> None:
    report = await _run(lambda request, phase: None, target={"proxy": f"http://me:{KEY}@proxy.example:8080"})
    assert report.exit_code == ExitCode.DONE
    assert KEY not in report.as_json()
    assert "proxy.example:8080" in report.as_json()
