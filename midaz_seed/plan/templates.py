"""Templates: the assets of a ledger in their order, and the words of names."""

from midaz_seed.plan.items import AssetTemplate


def _asset(
    code: str, name: str, symbol: str, scale: int, kind: str, deposit: int, low: str, high: str
) -> AssetTemplate:
    return AssetTemplate(code, name, symbol, scale, kind, deposit * 10**scale, _minor(low, scale), _minor(high, scale))


def _minor(text: str, scale: int) -> int:
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(scale, "0"))


ASSETS: tuple[AssetTemplate, ...] = (
    _asset("BRL", "Brazilian Real", "R$", 2, "currency", 10_000, "10", "50"),
    _asset("USD", "US Dollar", "$", 2, "currency", 10_000, "10", "50"),
    _asset("EUR", "Euro", "€", 2, "currency", 10_000, "10", "50"),
    _asset("BTC", "Bitcoin", "₿", 8, "crypto", 100, "0.01", "0.1"),
    _asset("ETH", "Ethereum", "Ξ", 18, "crypto", 100, "0.01", "0.1"),
    _asset("XAU", "Gold", "Au", 6, "commodity", 5_000, "0.1", "1"),
    _asset("XAG", "Silver", "Ag", 6, "commodity", 5_000, "0.1", "1"),
    _asset("MILES", "Loyalty Miles", "mi", 0, "others", 10_000, "10", "50"),
)

LEDGERS = ("Main", "Secondary", "Operational", "Trading", "Custody", "Investment")
PORTFOLIOS = ("Retail", "Institutional", "Corporate", "Investment", "Trading", "Custody", "Banking", "Treasury")
SEGMENTS = (
    "Retail",
    "Private",
    "Corporate",
    "SME",
    "Enterprise",
    "Investment",
    "Institutional",
    "Government",
    "International",
)
ACCOUNT_TYPES = ("deposit", "savings", "loans", "marketplace", "creditCard")
USED_ACCOUNT_TYPES = 3
"""Number of account types in use when none are registered."""

CITIES = (
    ("São Paulo", "SP", "01"),
    ("Campinas", "SP", "13"),
    ("Rio de Janeiro", "RJ", "20"),
    ("Niterói", "RJ", "24"),
    ("Belo Horizonte", "MG", "30"),
    ("Uberlândia", "MG", "38"),
    ("Salvador", "BA", "40"),
    ("Recife", "PE", "50"),
    ("Fortaleza", "CE", "60"),
    ("Brasília", "DF", "70"),
    ("Goiânia", "GO", "74"),
    ("Curitiba", "PR", "80"),
    ("Florianópolis", "SC", "88"),
    ("Porto Alegre", "RS", "90"),
    ("Manaus", "AM", "69"),
    ("Belém", "PA", "66"),
)
"""(city, state, first two digits of its postal codes)."""


def numbered(words: tuple[str, ...], index: int) -> str:
    """Return a unique name for an index: a word of the list, with a number appended after the first pass."""
    lap, position = divmod(index, len(words))
    return words[position] if lap == 0 else f"{words[position]} {lap + 1}"
