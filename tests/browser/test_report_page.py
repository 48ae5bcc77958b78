"""The HTML report in a browser: readable for everyone, complete, and without network."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from midaz_seed.errors import ExitCode
from midaz_seed.pages.report_page import render_ending, render_report
from midaz_seed.reporting.time_series import TimeSeriesReport
from tests.support.browser import DESKTOP, HEIGHTS, PHONE, Watched, opened
from tests.support.cli import run_cli
from tests.support.reports import HOSTILE, failed_report, made_up_report

pytestmark = pytest.mark.asyncio(loop_scope="session")
SHORT = made_up_report(3, 1)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of runs of every kind, by name."""
    folder = tmp_path_factory.mktemp("pages")
    alone = dataclasses.replace(
        SHORT,
        phases=SHORT.phases[-1:],
        movements=0,
        transactions=0,
        throughput=(),
        time_series=TimeSeriesReport(),
        latency_histograms=SHORT.latency_histograms[-1:],
    )
    texts = {
        "failed": render_report(failed_report()),
        "short": render_report(SHORT),
        "interrupted": render_report(
            dataclasses.replace(SHORT, proof=None, exit_code=ExitCode.INTERRUPTED, verdict="Interrupted by SIGINT.")
        ),
        "verification": render_report(alone),
        "unreachable": render_ending(
            {
                "version": "0.1.0",
                "command": "run",
                "exit_code": 3,
                "verdict": "no connection to 127.0.0.1:9: connection refused",
                "next_step": "check the address",
                "error": {"kind": "UnreachableError", "message": "", "where": HOSTILE, "hint": ""},
            }
        ),
    }
    files = {name: folder / f"{name}.html" for name in (*texts, "run")}
    for name, text in texts.items():
        files[name].write_text(text, encoding="utf-8")
    result = run_cli("run", "--preset", "tiny", "--target", "sandbox", "--html", str(files["run"]), cwd=folder)
    assert result.returncode == 0, result.stderr
    return files


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def window(browser: Browser, pages: dict[str, Path]) -> AsyncIterator[Watched]:
    """One window for many tests: a window is a process, which takes long."""
    async with opened(browser, pages["run"]) as watched:
        yield watched


@pytest_asyncio.fixture(loop_scope="session")
async def failed(window: Watched, pages: dict[str, Path]) -> Watched:
    """The page of a run with everything, as it is when it was opened."""
    await window.resize(DESKTOP)
    await window.visit(pages["failed"])
    return window


async def background(page: Page) -> str:
    colour: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


WORDS = {
    "run": "Verified",
    "failed": "Not as planned",
    "short": "Verified",
    "interrupted": "Interrupted",
    "verification": "Verified",
    "unreachable": "The target failed",
}
"""Page -> a word of its verdict."""


async def test_each_page_shows_its_verdict_first_and_fits_the_window(window: Watched, pages: dict[str, Path]) -> None:
    for name, word in WORDS.items():
        await window.visit(pages[name])
        for width in (DESKTOP, PHONE):
            await window.resize(width)
            verdict = window.page.locator(".verdict")
            assert word in await verdict.inner_text(), name
            box = await verdict.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= HEIGHTS[width], name
            assert await window.overflow() == 0, name
            for chart in await window.charts():
                assert await window.points(chart) > 20, (name, chart)
        assert window.messages == [], name
        assert window.requests == [pages[name].as_uri()]


async def test_every_figure_of_a_run_has_a_chart_and_every_chart_its_table(failed: Watched) -> None:
    assert await failed.charts() == [
        f"chart-{name}"
        for name in (
            "throughput",
            "latency",
            "distribution",
            "percentiles",
            "in-flight",
            "settlement",
            "errors",
            "cpu",
        )
    ]
    for chart in await failed.charts():
        await failed.page.locator(f"#{chart} summary").click()
        rows = failed.page.locator(f"#{chart} tbody tr")
        await rows.first.wait_for()
        assert await rows.count() >= 10, chart
        assert await rows.first.locator("td").first.inner_text() != "", chart
        heads = failed.page.locator(f"#{chart} thead th")
        assert await heads.count() == 1 + await rows.first.locator("td").count()
    assert await failed.overflow() == 0


async def test_the_arrow_keys_read_the_values_of_a_chart(failed: Watched) -> None:
    await failed.resize(PHONE)
    chart = failed.page.locator("#chart-in-flight")
    plot, live = chart.locator(".chart-plot"), chart.locator("[aria-live]")
    await plot.focus()
    await plot.press("ArrowRight")
    first = await live.inner_text()
    assert first.startswith("0 s (entities), in flight ")
    await plot.press("ArrowRight")
    assert (await live.inner_text()).startswith("1 s (entities), in flight ")
    for _ in range(31):
        await plot.press("ArrowRight")
    assert "circuit breaker open 1 s" in await live.inner_text()
    await plot.press("End")
    assert (await live.inner_text()).startswith("0:01:29 (transfers), ")
    assert "at 0:01:29" in await chart.locator(".chart-legend").first.inner_text()
    await plot.press("Home")
    assert await live.inner_text() == first
    await plot.press("Escape")
    assert await live.inner_text() == ""
    assert "Arrow keys" in (await plot.get_attribute("aria-label") or "")


async def test_the_pointer_reads_the_same_time_in_all_charts_and_zooms(failed: Watched) -> None:
    page = failed.page
    box = await page.locator("#chart-throughput .u-over").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    assert "at 45 s (transfers)" in await page.locator("#chart-throughput .chart-legend >> nth=0").inner_text()
    assert "at 45 s (transfers)" in await page.locator("#chart-cpu .chart-legend >> nth=0").inner_text()
    reset = page.locator("#chart-throughput .chart-reset")
    assert not await reset.is_visible()
    await page.mouse.down()
    await page.mouse.move(x + 200, y)
    await page.mouse.up()
    assert await reset.is_visible()
    await reset.click()
    assert not await reset.is_visible()


async def test_the_page_is_dark_where_the_system_is_and_light_on_paper(
    browser: Browser, pages: dict[str, Path]
) -> None:
    async with opened(browser, pages["run"]) as light:
        assert await background(light.page) == "rgb(255, 255, 255)"
    async with opened(browser, pages["run"], scheme="dark") as dark:
        assert await background(dark.page) == "rgb(18, 23, 28)"
        assert await dark.points("chart-throughput") > 20
        await dark.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert await background(dark.page) == "rgb(255, 255, 255)"
        assert await dark.points("chart-throughput") > 20
        await dark.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert await background(dark.page) == "rgb(18, 23, 28)"
        assert (await dark.page.pdf(format="A4")).startswith(b"%PDF")


async def test_texts_of_the_server_are_shown_and_not_carried_out(failed: Watched) -> None:
    shown = HOSTILE.replace("\u202e", "\\u202e")
    assert shown in await failed.page.locator("#table-ledgers").inner_text()
    assert await failed.page.locator("img").count() == 0
    for details in await failed.page.locator("details").all():
        await details.evaluate("each => { each.open = true; }")
    assert await failed.page.get_by_text(f"500 {shown}").first.is_visible()
    assert failed.messages == []


async def test_ledgers_can_be_sorted_and_filtered(failed: Watched) -> None:
    table = failed.page.locator("#table-ledgers")
    names = table.locator("tbody th")
    await table.get_by_role("button", name="Differences").click()
    await table.get_by_role("button", name="Differences").click()
    assert await names.first.inner_text() == "o1.l1"
    assert await table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    await failed.page.fill("#filter-ledgers", "o3.l")
    assert await table.locator("tbody tr:visible").count() == 4
    assert await failed.page.locator("#filter-ledgers + output").inner_text() == "4 of 12"


async def test_a_newer_model_replaces_the_values_of_the_charts(failed: Watched) -> None:
    """The page of a working run calls `update` with each new model."""
    found = await failed.page.evaluate(
        """() => {
          const model = JSON.parse(document.getElementById("chart-data").textContent);
          const place = document.createElement("div");
          document.querySelector("main").append(place);
          const early = structuredClone(model);
          early.charts = early.charts.filter(chart => chart.id === "in-flight" || chart.id === "cpu");
          for (const {views: [view]} of early.charts) {
            view.x.count = 2;
            view.x.end_s = 2;
            for (const series of view.series) series.values.length = 2;
          }
          const charts = window.midazCharts.create(place, early);
          place.querySelector("details").open = true;
          const ids = () => [...place.querySelectorAll(".chart")].map(chart => chart.id);
          const before = ids();
          charts.update(model);
          const after = ids();
          const canvases = place.querySelectorAll("canvas").length;
          charts.update(early);
          return [before, after, canvases, ids()];
        }"""
    )
    before, after, canvases, again = found
    assert before == again == ["chart-in-flight", "chart-cpu"]
    assert after == await failed.page.evaluate(
        "[...document.querySelectorAll('#charts > .chart')].map(each => each.id)"
    )
    assert canvases == len(after)
    assert failed.messages == []
