"""Write docs/images/: the HTML report of a run of the embedded server, light and dark, on a wide and a narrow screen.

It needs a browser (`python tools/browser.py`). The pictures differ a little between machines, so nothing compares them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from tools.browser import ARGUMENTS, MISSING, find_browser

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images"
COMMAND = (sys.executable, "-m", "midaz_seed")
RUN = ("run", "--preset", "medium", "--target", "sandbox", "--quiet")
WIDE, NARROW = (1600, 1000), (360, 740)


def main() -> None:
    """Run, and write the pictures."""
    path = find_browser()
    if path is None:
        sys.exit(MISSING)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        subprocess.run([*COMMAND, *RUN, "--html", str(page)], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            for size in (WIDE, NARROW):
                _shoot(browser, page, scheme, size)
        browser.close()


def _shoot(browser: Browser, page: Path, scheme: Literal["light", "dark"], size: tuple[int, int]) -> None:
    """Write the part of a page that is visible at first, with the cursor of a chart in the middle."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    shown = context.new_page()
    shown.goto(page.as_uri())
    if size == WIDE:
        box = shown.locator("#chart-throughput .u-over").bounding_box()
        assert box is not None
        shown.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    file = FOLDER / f"report-{scheme}-{width}.png"
    shown.screenshot(path=file)
    context.close()
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
