"""The live page in a browser: watch a run, stop it, lose the connection, and get its report."""

import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from midaz_seed.listening import listen
from midaz_seed.plan.items import Phase
from midaz_seed.reporting.events import LedgerFailed
from midaz_seed.web.access import Access
from midaz_seed.web.broadcast import Broadcast
from midaz_seed.web.live_app import live_app
from midaz_seed.web.live_page import LivePage
from midaz_seed.web.serving import serving
from tests.support.browser import PHONE, opened
from tools.chaos.processes import command_process

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
WAIT_MS = 60_000


async def test_a_run_is_watched_on_a_phone_and_stopped_after_a_confirmation(browser: Browser, tmp_path: Path) -> None:
    kept = ("--target", "sandbox", "--sandbox-data", str(tmp_path / "sandbox.db"), "--runs-dir", str(tmp_path))
    volume = ("-v", "tiny", "--transactions", "500", "--rate", "100", "--web", ":0")
    async with command_process("run", *kept, *volume) as process:
        assert process.stderr is not None
        url = (await process.stderr.readline()).decode().split()[-1]
        async with opened(browser, url, width=PHONE, scheme="dark") as watched:
            page = watched.page
            await expect(page.locator("#status")).to_have_text("Running", timeout=WAIT_MS)
            await expect(page.locator("#status")).to_be_in_viewport()
            await expect(page.locator("#stop")).to_be_in_viewport()
            await expect(page.locator("#chart-throughput")).to_be_visible(timeout=WAIT_MS)
            await expect(page.locator("#phases tr")).not_to_have_count(0)
            await expect(page.locator("#ledgers")).to_contain_text("transfers", timeout=WAIT_MS)
            assert await watched.points("chart-throughput") > 0
            assert await watched.overflow() == 0
            await page.fill("#ledger-filter", "no such ledger")
            await expect(page.locator("#ledger-count")).to_have_text("0 of 1")
            await page.click("#stop")
            await expect(page.locator("#stop-cancel")).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(page.locator("#stop-dialog")).to_be_hidden()
            await expect(page.locator("#status")).to_have_text("Running")
            await page.click("#stop")
            await page.click("#stop-confirm")
            await expect(page.locator("#status")).to_have_text("Stopped", timeout=WAIT_MS)
            await expect(page.locator("#status-text")).to_contain_text("Interrupted by the live page")
            await expect(page.locator("#next-step")).to_contain_text("--resume")
            await expect(page.locator("#stop")).to_be_hidden()
            await process.communicate()
            async with page.context.expect_page() as opening:
                await page.click("#report-link")
            report = await opening.value
            await expect(report).to_have_title(re.compile("Interrupted"))
            await expect(report.locator(".chart canvas").first).to_be_visible()
            await expect(page.locator("#chart-throughput")).to_be_visible()
            assert all(request.startswith((url, "blob:")) for request in watched.requests if request != "data:,")
            assert watched.messages == []
    assert process.returncode == 130


async def test_texts_of_a_server_are_shown_as_text(browser: Browser) -> None:
    with LivePage(listen(":0", "--web", default_port=0)) as live:
        async with opened(browser, live.url) as watched:
            await expect(watched.page.locator("#status")).to_have_text("Starting")
            live.emit(LedgerFailed("o1.l1", HOSTILE, Phase.TRANSFERS, HOSTILE))
            await expect(watched.page.locator("#events li.error")).to_contain_text(HOSTILE)
            assert await watched.page.locator("img").count() == 0
            assert watched.messages == []


async def test_a_page_that_lost_its_server_says_so_and_continues_with_the_next_one(browser: Browser) -> None:
    listening = listen(":0", "--web", default_port=0)
    async with AsyncExitStack() as window:
        async with serving(page_with("first"), listening):
            watched = await window.enter_async_context(opened(browser, listening.url))
            page = watched.page
            await expect(page.locator("#events")).to_contain_text("first")
            await expect(page.locator("#connection")).to_be_hidden()
        await expect(page.locator("#connection")).to_contain_text("Connection lost", timeout=WAIT_MS)
        again = listen(listening.url.removeprefix("http://").strip("/"), "--web", default_port=0)
        async with serving(page_with("second"), again):
            await expect(page.locator("#events")).to_contain_text("second", timeout=WAIT_MS)
            await expect(page.locator("#events")).not_to_contain_text("first")
            await expect(page.locator("#connection")).to_be_hidden()


def page_with(text: str) -> web.Application:
    broadcast = Broadcast()
    broadcast.publish({"status": "running", "events": [{"at_s": 0, "level": "info", "text": text}]})
    return live_app(broadcast, Access("", is_loopback=True), stop=lambda: False, report=_no_report)


async def _no_report() -> None:
    return None


async def test_the_login_form_opens_the_page(browser: Browser) -> None:
    token = "given-for-this-page-0123456789"
    with LivePage(listen(":0", "--web", default_port=0), token) as live:
        async with opened(browser, live.url, width=PHONE) as watched:
            page = watched.page
            await page.fill("#token", "wrong")
            await page.press("#token", "Enter")
            await expect(page.get_by_role("alert")).to_have_text("This is not the token.")
            await page.fill("#token", token)
            await page.press("#token", "Enter")
            await expect(page.locator("#status")).to_have_text("Starting")
            assert all("401 (Unauthorized)" in message for message in watched.messages), watched.messages
