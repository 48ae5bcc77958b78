"""The pages of `runs serve` in a browser: list, filter, open, compare."""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from midaz_seed.listening import listen
from midaz_seed.web.access import Access
from midaz_seed.web.history_app import history_app
from midaz_seed.web.serving import ServerThread
from tests.support.browser import DESKTOP, PHONE, opened
from tests.support.runs_directory import HOSTILE, make_runs

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("history")
    make_runs(root)
    listening = listen(":0", "runs serve", default_port=0)
    server = ServerThread(history_app(root, Access("", is_loopback=True)), listening)
    server.start()
    yield listening.url
    server.stop()


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_runs_are_listed_filtered_opened_and_compared(browser: Browser, url: str, width: int) -> None:
    async with opened(browser, url, width=width) as watched:
        page = watched.page
        await expect(page.locator("#runs tbody tr")).to_have_count(6)
        await expect(page.locator("#runs")).to_contain_text(HOSTILE)
        assert await watched.overflow() == 0
        await page.get_by_label("Text").fill("balance")
        await page.get_by_label("Verdict").select_option("passed")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("#runs tbody tr")).to_have_count(2)
        await page.get_by_role("link", name=re.compile("^first")).click()
        await expect(page).to_have_title("Verified: run first")
        await expect(page.locator("#chart-throughput canvas")).to_be_visible()
        await page.go_back()
        for name in ("first", "second"):
            await page.get_by_label(re.compile(f"^Compare {name}")).check()
        await page.get_by_role("button", name="Compare").click()
        await expect(page.locator("#warnings")).to_contain_text("The plan differs")
        await expect(page.locator("#key-figures tbody tr")).not_to_have_count(0)
        await expect(page.locator("#settings")).to_contain_text("maxConcurrency")
        for chart in await watched.charts():
            assert await watched.points(chart) > 0, chart
        assert await watched.overflow() == 0
        assert watched.messages == []
