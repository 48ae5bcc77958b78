"""Open pages in a browser, and watch what they do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page

PHONE, DESKTOP = 360, 1600
"""Widths at which pages must be readable, in pixels."""
HEIGHTS = {PHONE: 640, DESKTOP: 900}
POINTS = """element => {
  const canvas = element.querySelector("canvas");
  const hex = getComputedStyle(element).getPropertyValue("--series-0").trim();
  const wanted = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (wanted.every((value, place) => Math.abs(value - data[at + place]) < 12)) count++;
  return count;
}"""
"""Counts the pixels of a chart that have the colour of its first line."""


@dataclass
class Watched:
    """A page, what it wrote to the console, and the addresses that it asked for."""

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def visit(self, file: Path) -> None:
        """Open another file in the same window, and forget what the one before it wrote and asked for."""
        self.messages.clear()
        self.requests.clear()
        await self.page.goto(file.as_uri())

    async def resize(self, width: int) -> None:
        """Give the window another width, and wait until the page is drawn for it."""
        await self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        await self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        width: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width

    async def charts(self) -> list[str]:
        """Return the ids of the charts."""
        found: list[str] = await self.page.evaluate("[...document.querySelectorAll('.chart')].map(each => each.id)")
        return found

    async def points(self, chart: str) -> int:
        """Return the number of pixels that the first line of a chart has."""
        count: int = await self.page.locator(f"#{chart}").evaluate(POINTS)
        return count


@asynccontextmanager
async def opened(
    browser: Browser, address: Path | str, *, width: int = DESKTOP, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Watched]:
    """Open a file, without network, or the address of a server in a window of its own."""
    context = await browser.new_context(
        viewport={"width": width, "height": HEIGHTS.get(width, 900)},
        color_scheme=scheme,
        offline=isinstance(address, Path),
    )
    try:
        watched = Watched(await context.new_page())
        watched.page.on("console", lambda message: watched.messages.append(message.text))
        watched.page.on("pageerror", lambda error: watched.messages.append(str(error)))
        watched.page.on("dialog", lambda dialog: watched.messages.append(f"dialog {dialog.message}"))
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        await watched.page.goto(address if isinstance(address, str) else address.as_uri())
        yield watched
    finally:
        await context.close()
