"""Find the browser of the browser tests, and install it where that is possible: `python tools/browser.py`.

It is chromium, or a Chrome, of the system: playwright's own downloads are not used. Without one the tests are skipped.
"""

import os
import shutil
import subprocess
import sys
from functools import cache

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no browser: install chromium (apt-get install chromium, or as your system does), or put a Chrome in the PATH"
ARGUMENTS = ("--no-sandbox",)
"""The sandbox of chromium does not work for root nor in most containers; the pages are our own."""


@cache
def find_browser() -> str | None:
    """Return the path of a browser that starts; None without one."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None and _starts(path):
            return path
    return None


def _starts(path: str) -> bool:
    """Return whether a command is a browser: some systems have one of that name that only says how to install it."""
    try:
        answer = subprocess.run([path, *ARGUMENTS, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _install() -> bool:
    """Install chromium with apt-get; return whether that worked."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", "chromium"]):
        if subprocess.run(["apt-get", *command], env=environment, stdout=sys.stderr, check=False).returncode:
            return False
    find_browser.cache_clear()
    return True


def main() -> None:
    """Print the path of the browser; install it first where there is none. Exits with 0 also without one."""
    found = find_browser() or (find_browser() if _install() else None)
    print(found or f"The browser tests will be skipped: {MISSING}.")


if __name__ == "__main__":
    main()
