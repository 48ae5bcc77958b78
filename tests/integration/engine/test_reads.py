"""Reads beside the writes: their mix and rate, latencies of their own, and answers that contradict the plan."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from midaz_seed.reporting.merging import merge_reports
from midaz_seed.reporting.report import Report
from midaz_seed.reporting.text_report import render_text
from midaz_seed.runner import seed_async
from midaz_seed.transport.base import Request, Response, Transport
from tests.support.sandbox import sandbox
from tests.support.settings import settings_for
from tests.support.transports import MiddlewareTransport, Send, http_transport

VOLUME = {"organizations": 1, "ledgersPerOrganization": 2, "accountsPerLedger": 20, "transactionsPerAccount": 10}
BY_ID = re.compile(r"/(balances|transactions)/[0-9a-f-]{36}$")
PACED = {"openLoop": True, "requestsPerSecond": 300}
"""So that the transfers take more than a second, however fast the machine is."""


async def _run(url: str, limits: Mapping[str, Any], transport: Transport | None = None) -> Report:
    settings = settings_for(url, volume=VOLUME, limits={**PACED, **limits}, verification={"samplePerLedger": 0})
    return await seed_async(settings, overrides={Transport: transport} if transport else {})


async def test_reads_have_a_mix_a_rate_and_latencies_of_their_own() -> None:
    async with sandbox() as server:
        report = await _run(server.url, {"readsPerSecond": 200, "arrivals": "poisson"})
    assert report.exit_code == 0, report.verdict
    reads = report.reads
    assert reads is not None
    by_name = {kind.name: kind for kind in reads.kinds}
    assert set(by_name) == {"balance", "statement", "transaction", "list"}
    assert by_name["balance"].answers > by_name["statement"].answers > by_name["list"].answers
    assert not any(kind.failed or kind.wrong for kind in reads.kinds)
    assert all(0 < kind.latency_ms.p50 <= kind.latency_ms.max for kind in reads.kinds)
    phases = {phase.name: phase for phase in report.phases}
    answers = sum(kind.answers for kind in reads.kinds)
    assert answers <= reads.sent == phases["reads"].requests
    assert (phases["reads"].created, phases["reads"].planned) == (answers, 0)
    assert phases["transfers"].requests == 360, "reads take no slot of the writes"
    assert 100 < phases["reads"].rate_per_s < 300
    assert report.open_loop is not None
    assert report.open_loop.sent == report.requests - reads.sent
    assert "reads at 200/s beside the transfers" in render_text(report)
    merged = merge_reports([report])
    assert merged.reads == reads


async def test_reads_in_proportion_to_the_writes_are_as_many_and_the_transfers_keep_their_number() -> None:
    async with sandbox() as server:
        report = await _run(server.url, {"readsPerWrite": 0.5, "reads": "balance=3,list=1"})
    assert report.exit_code == 0, report.verdict
    reads = report.reads
    assert reads is not None
    phases = {phase.name: phase for phase in report.phases}
    assert phases["transfers"].requests == 360
    assert 150 <= reads.offered <= 180, "the reads of the last transfers may come after the phase, and are left out"
    assert (reads.per_write, reads.rate_per_s) == (0.5, 0)
    assert {kind.name for kind in reads.kinds} == {"balance", "list"}
    assert "reads for each write: 0.5 beside the transfers" in render_text(report)
    assert merge_reports([report]).reads == reads


async def test_answers_that_contradict_the_plan_are_differences_and_failed_reads_are_only_counted() -> None:
    async def tamper(request: Request, send: Send) -> Response:
        response = await send()
        found = BY_ID.search(request.path)
        if request.method != "GET" or found is None:
            return response
        if found[1] == "transactions":
            return Response(500, {}, b"{}")
        row = orjson.loads(response.body)
        return Response(200, response.headers, orjson.dumps({**row, "available": "123456789"}))

    async with sandbox() as server:
        transport = MiddlewareTransport(http_transport(server.url), tamper)
        report = await _run(server.url, {"readsPerSecond": 200, "reads": "balance=1,list=1,transaction=1"}, transport)
        await transport.aclose()
    assert report.exit_code == 1
    assert report.reads is not None
    by_name = {kind.name: kind for kind in report.reads.kinds}
    assert by_name["balance"].wrong == by_name["balance"].answers > 0
    assert by_name["transaction"].failed > 0 == by_name["transaction"].answers
    assert (by_name["list"].wrong, by_name["list"].failed) == (0, 0)
    assert report.proof is not None
    first = report.proof.differences[0]
    assert first.what == "read of a balance"
    assert "123456789 available" in first.actual
    assert report.error_rate_percent == 0, "a read is no planned item"
