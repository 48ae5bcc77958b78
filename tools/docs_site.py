"""Build the documentation site into build/site/html from docs/, CHANGELOG.md, CONTRIBUTING.md and benchmarks/README.md.

The pages are copied first, with links that work on the site: those to files that are no pages lead to the repository,
whose address is the first argument (`https://host/owner/name/blob/main`); without one they become plain text.
Zensical, in strict mode, ends with 1 at a link or an anchor that does not exist.
"""

import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "zensical.toml"
PAGES = ROOT / "build/site/pages"
BESIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Files outside of docs/ that are pages too, or that a page stands for -> the page."""
LINK_OR_CODE = re.compile(
    r"^```.*?^```[^\n]*$|`[^`\n]+`|(?P<image>!?)\[(?P<label>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
"""A link, or code, in which nothing is a link."""


def main() -> None:
    """Copy the pages and build the site."""
    repository = sys.argv[1].rstrip("/") if sys.argv[1:] else ""
    shutil.rmtree(PAGES.parent, ignore_errors=True)
    for source, page in pages().items():
        target = PAGES / page
        target.parent.mkdir(parents=True, exist_ok=True)
        if page.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            target.write_text(with_site_links(text, source, page, repository), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / source, target)
    built = subprocess.run([sys.executable, "-m", "zensical", "build", "--clean", "--strict"], cwd=ROOT, check=False)
    sys.exit(built.returncode)


def pages() -> dict[str, str]:
    """Return what the site is made of: file of the repository -> its path on the site."""
    files = sorted(path for path in (ROOT / "docs").rglob("*") if path.is_file())
    of_docs = {path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs").as_posix() for path in files}
    return of_docs | {source: page for source, page in BESIDE.items() if page not in of_docs.values()}


def navigation() -> list[str]:
    """Return the pages of the navigation, in its order."""

    def entries(node: Any) -> Iterator[str]:
        if isinstance(node, str):
            yield node
        else:
            for inner in node.values() if isinstance(node, dict) else node:
                yield from entries(inner)

    return list(entries(tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["nav"]))


def with_site_links(text: str, source: str, page: str, repository: str) -> str:
    """Return the text of a page with links that work on the site."""
    known = BESIDE | pages()

    def changed(link: re.Match[str]) -> str:
        label, target = link["label"], link["target"]
        path, hash_sign, anchor = (target or "").partition("#")
        if not path or ":" in path or link["image"]:
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if file in known:
            relative = posixpath.relpath(known[file], posixpath.dirname(page) or ".")
            return f"[{label}]({relative}{hash_sign}{anchor})"
        if not (ROOT / file).exists():
            sys.exit(f"{source} has a link to {target}, which does not exist")
        return f"[{label}]({repository}/{file})" if repository else label

    return LINK_OR_CODE.sub(changed, text)


if __name__ == "__main__":
    main()
