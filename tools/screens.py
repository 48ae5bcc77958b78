"""Write docs/screens/*.md: how the data of the scenario `demo` looks to a person who opens it in a console.

It fills an embedded server with the scenario, one request at a time, and reads everything through HTTP; nothing of the
plan is used but the manifest, for ids. The files are the same on every machine. With --check, report stale ones.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "screens"
COMMAND = (sys.executable, "-m", "midaz_seed")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MIDAZ_SEED_")} | {
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "utf-8",
}
READY = "sandbox listening on "
ZONE = timezone(timedelta(hours=-3))
"""America/Sao_Paulo, without daylight saving time since 2019."""
PERSON, FROM, TO = "ana-demo", "2026-11-01", "2026-11-20"
SHOP, DAY = "padaria-demo", "2026-11-09"
"""A pay day."""
NOTE = "Made by `python tools/screens.py` from a sandbox, read through HTTP."


class Server:
    """The reads of a server that the demo was written to."""

    def __init__(self, url: str, manifest: dict[str, Any]) -> None:
        organization = manifest["organizations"][0]
        self._base = f"{url}/v1/organizations/{organization['id']}/ledgers/{organization['ledgers'][0]['id']}"
        self.manifest = manifest

    def get(self, path: str, **query: str) -> Any:
        """Return the body of an answer."""
        with urlopen(f"{self._base}/{path}?{urlencode(query)}") as answer:  # noqa: S310 - our own server
            return json.load(answer)

    def rows(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all rows of a list."""
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {"page": "1"} if path in ("accounts", "portfolios", "segments") else {}
        while True:
            envelope = self.get(path, limit="100", sort_order="asc", **query, **more)
            items = envelope["items"] or []
            found += items
            if "page" in more and len(items) == 100:
                more = {"page": str(int(more["page"]) + 1)}
            elif envelope.get("next_cursor"):
                more = {"cursor": envelope["next_cursor"]}
            else:
                return found

    def account(self, alias: str) -> dict[str, Any]:
        """Return an account."""
        found: dict[str, Any] = self.get(f"accounts/alias/{alias}")
        return found

    def operations(self, alias: str, first: str, last: str) -> list[dict[str, Any]]:
        """Return the operations of an account on local days, in their order."""
        rows = self.rows(f"accounts/{self.account(alias)['id']}/operations")
        return [row for row in rows if first <= local(row).date().isoformat() <= last]


def local(row: dict[str, Any]) -> datetime:
    """Return the local time of an operation."""
    return datetime.fromisoformat(row["createdAt"]).astimezone(ZONE)


def money(value: object) -> str:
    """Return an amount with two decimals."""
    return f"{Decimal(str(value)):,.2f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """Return a table in Markdown; the last `numbers` columns are aligned to the right."""
    rule = ["---"] * (len(header) - numbers) + ["--:"] * numbers
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def statement(server: Server) -> str:
    """Return the statement of a person's account."""
    rows = []
    for row in server.operations(PERSON, FROM, TO):
        amount = money(row["amount"]["value"])
        paid, got = (amount, "") if row["direction"] == "debit" else ("", amount)
        when = local(row)
        rows.append(
            (
                f"{when:%a %d.%m.}",
                f"{when:%H:%M}",
                row["description"],
                paid,
                got,
                money(row["balanceAfter"]["available"]),
            )
        )
    header = ("day", "time", "description", "out", "in", "balance")
    account = server.account(PERSON)
    return (
        f"# An account's statement\n\n{account['name']}, account `{PERSON}`, {FROM} to {TO}.\n{NOTE}\n\n"
        f"{table(header, rows, numbers=3)}\n"
    )


def customer(server: Server) -> str:
    """Return a customer's portfolio with all its accounts, and the personas."""
    accounts = server.rows("accounts")
    by_id = {row["id"]: row for row in accounts}
    balances = {row["accountId"]: row for row in server.rows("balances")}
    segments = {row["id"]: row["name"] for row in server.rows("segments")}
    portfolio_id = server.account(PERSON)["portfolioId"]
    [portfolio] = [row for row in server.rows("portfolios") if row["id"] == portfolio_id]

    def line(row: dict[str, Any]) -> tuple[str, ...]:
        parent, balance = by_id.get(row["parentAccountId"], {}).get("alias", ""), balances[row["id"]]
        return (
            f"`{row['alias']}`", row["type"], f"`{parent}`" if parent else "", row["status"]["code"], row["assetCode"],
            money(balance["available"]), money(balance["onHold"]),
        )  # fmt: skip

    own = [row for row in accounts if row["portfolioId"] == portfolio_id]
    personas = []
    for persona in server.manifest["personas"]:
        row = next(row for row in accounts if row["alias"] == persona["alias"])
        balance = balances[row["id"]]
        sends = "yes" if balance["allowSending"] else "no"
        personas.append(
            (
                f"`{row['alias']}`", row["name"], persona["kind"], segments.get(row["segmentId"], ""),
                row["status"]["code"], sends, ", ".join(persona["tags"]), money(balance["available"]),
            )
        )  # fmt: skip
    header = ("account", "type", "parent", "status", "asset", "available", "on hold")
    of_personas = ("account", "name", "kind", "segment", "status", "may send", "tags", "available")
    segment = segments[own[0]["segmentId"]]
    return (
        f"# A customer's portfolio\n\nPortfolio of {portfolio['name']}, CPF {portfolio['entityId']} (invented), "
        f"segment {segment}.\n{NOTE}\n\n{table(header, map(line, own), numbers=2)}\n\n"
        f"## The personas\n\n{table(of_personas, personas, numbers=1)}\n"
    )


def shop(server: Server) -> str:
    """Return a day of a shop: its sales, with who paid and what was charged."""
    rows, sold = [], Decimal(0)
    for row in server.operations(SHOP, DAY, DAY):
        made = server.get(f"transactions/{row['transactionId']}")
        amount, total = Decimal(row["amount"]["value"]), Decimal(made["amount"])
        is_sale = row["direction"] == "credit"
        sold += total if is_sale else 0
        other = ", ".join(f"`{alias}`" for alias in made["source" if is_sale else "destination"])
        rail = (made["metadata"] or {}).get("rail", "")
        fee = money(total - amount) if is_sale else ""
        rows.append(
            (
                f"{local(row):%H:%M}", row["description"], other, rail, money(total) if is_sale else "", fee,
                money(amount if is_sale else -amount), money(row["balanceAfter"]["available"]),
            )
        )  # fmt: skip
    header = ("time", "description", "from or to", "rail", "sale", "fee", "in or out", "balance")
    name = server.account(SHOP)["name"]
    return (
        f"# A day of a shop\n\n{name}, account `{SHOP}`, {DAY}: sales of {money(sold)}.\n{NOTE}\n\n"
        f"{table(header, rows, numbers=4)}\n"
    )


def run(*arguments: str, folder: Path) -> str:
    """Return what a command prints."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return done.stdout


@contextmanager
def demo_server() -> Iterator[Server]:
    """Run a sandbox and fill it with the demo."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*COMMAND, "sandbox", "--port", "0"], env=ENVIRONMENT, stdout=subprocess.PIPE, encoding="utf-8"
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(READY), line
            url = line.split()[-1]
            options = ("--scenario", "demo", "-u", url, "--concurrency", "1", "--no-journal", "--quiet")
            run("run", *options, "--manifest", "manifest.json", folder=Path(folder))
            yield Server(url, json.loads((Path(folder) / "manifest.json").read_bytes()))
        finally:
            process.terminate()


def screens() -> dict[str, str]:
    """Return every file's name and text."""
    with demo_server() as server:
        return {
            "account-statement.md": statement(server),
            "customer.md": customer(server),
            "shop-day.md": shop(server),
        }


def main() -> int:
    """Write the files, or compare them."""
    stale = []
    for name, text in screens().items():
        file = FOLDER / name
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            FOLDER.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(f"wrote {file.relative_to(ROOT)}")
    if stale and "--check" in sys.argv[1:]:
        print(f"stale: {', '.join(stale)}; run python tools/screens.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
