"""The pages of the documentation: each is in the navigation of the site, and every link leads somewhere.

`make docs-site` builds the site, which takes a package and seconds.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tools.docs_site import BESIDE, LINK_OR_CODE, ROOT, navigation, pages, with_site_links

ELSEWHERE = ("http://", "https://", "mailto:")


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and the site make them."""
    prose = re.sub(r"^```.*?^```[^\n]*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: Counter[str] = Counter()
    for heading in re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found[re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-")] += 1
    return set(found)


def test_the_navigation_has_every_page_once() -> None:
    assert sorted(navigation()) == sorted(page for page in pages().values() if page.endswith(".md"))


def test_every_link_of_a_page_leads_to_a_file_and_a_heading() -> None:
    sources = sorted({name for name in (*pages(), *BESIDE) if name.endswith(".md")})
    assert sources
    assert {source: broken for source in sources if (broken := broken_links(ROOT / source))} == {}


def broken_links(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    broken = []
    for link in LINK_OR_CODE.finditer(page.read_text(encoding="utf-8")):
        target = link["target"] or "#"
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if target == "#" or target.startswith(ELSEWHERE):
            continue
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    return broken


def test_links_are_those_of_the_site() -> None:
    text = (
        "[a](../cli.md#run) [b](../../CHANGELOG.md) [`c`](../../midaz_seed/clock.py) [d](https://e.org) `[e](x.md)`\n"
        "```sh\n[f](x.md)\n```\n[g](resume.md) [h](#h) ![i](../images/i.png)\n"
    )
    expected = (
        "[a](../cli.md#run) [b](../changelog.md) {} [d](https://e.org) `[e](x.md)`\n"
        "```sh\n[f](x.md)\n```\n[g](resume.md) [h](#h) ![i](../images/i.png)\n"
    )
    page = ("docs/how-to/install.md", "how-to/install.md")
    assert with_site_links(text, *page, "") == expected.format("`c`")
    assert with_site_links(text, *page, "https://r") == expected.format("[`c`](https://r/midaz_seed/clock.py)")
    with pytest.raises(SystemExit, match=r"docs/how-to/install\.md has a link to gone\.md"):
        with_site_links("[a](gone.md)", *page, "")
