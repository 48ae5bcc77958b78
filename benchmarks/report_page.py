"""The HTML report of a run of an hour with 40 ledgers: size, time to render it, and time until a browser shows it.

The time to open is measured by the browser (navigation timing), from the start of the navigation until the load event
has ended, which is after the charts are drawn. It needs a browser (`python tools/browser.py`).
"""

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from midaz_seed.pages.report_page import render_report
from tests.support.reports import made_up_report
from tools.browser import ARGUMENTS, MISSING, find_browser

ROUNDS = 5
OPENED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
CASES = {"3 s, 1 ledger": (3, 1), "an hour, 40 ledgers": (3600, 40)}


def main() -> None:
    """Print a row for each case."""
    path = find_browser()
    if path is None:
        sys.exit(MISSING)
    print(f"{'run':<22}{'JSON kB':>9}{'HTML kB':>9}{'render ms':>11}{'open ms':>9}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        render_report(made_up_report(3, 1))  # compiles the templates
        for name, (windows, ledgers) in CASES.items():
            report = made_up_report(windows, ledgers)
            started = time.process_time()
            text = render_report(report)
            render_ms = 1000 * (time.process_time() - started)
            file = Path(folder) / "report.html"
            file.write_text(text, encoding="utf-8")
            opened = []
            for _ in range(ROUNDS):
                page = browser.new_page()
                page.goto(file.as_uri())
                page.wait_for_function(f"{OPENED} > 0")
                opened.append(float(page.evaluate(OPENED)))
                page.close()
            sizes = len(report.as_json()) / 1000, len(text.encode()) / 1000
            print(f"{name:<22}{sizes[0]:>9,.0f}{sizes[1]:>9,.0f}{render_ms:>11,.0f}{min(opened):>9,.0f}")
        browser.close()


if __name__ == "__main__":
    main()
