"""Details of a payment rail as members of a metadata object, and the description of a transaction."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

from midaz_seed.plan.calendar.stamps import LocalDay
from midaz_seed.plan.people.weights import Weighted
from midaz_seed.plan.rails.boleto import bank_slip, iso_date, utility_slip
from midaz_seed.plan.rails.pix import INITIATIONS, ISPB, KEY_TYPES, OWN_BANK, QR_CODE_PURPOSES, end_to_end_id

Direction = Literal["between", "out", "in"]
"""Between two accounts of this ledger, out of it, or into it."""
RAILS: tuple[str, ...] = ("PIX", "TED", "BOLETO", "P2P", "WIRE", "ONCHAIN", "TRANSFER", "REDEMPTION")
DESCRIPTION_LENGTH_MAX = 256
Details = Callable[[int, int, LocalDay, int, bool, bool], str]
"""Writes the details of a rail as members of a JSON object, each after a comma, in ASCII; the first one is `"rail"`.

It is called with 64 random bits that choose nothing else (those that choose the rail would choose its details too), the
amount in minor units (for the value in a bar code), the local day and its second, whether both accounts are in this
ledger, and whether the money comes from outside, so that another institution begins the payment.
"""
_SIZE = 4096
"""Entries of the tables that random bits choose from; a share is a multiple of 1/4096."""
_MASK = _SIZE - 1


# ---- Pix


def _pix_ends(qr_code_purposes: Weighted[str]) -> tuple[str, ...]:
    """Return the members after the end-to-end identifier. A Pix begun by hand names branch and account, no key."""
    ends = []
    for initiation, initiation_weight in INITIATIONS.pairs:
        purposes = qr_code_purposes if initiation == "QR_CODE" else _ONLY_TRANSFER
        scale = initiation_weight * qr_code_purposes.total // purposes.total
        for key, key_weight in KEY_TYPES.pairs:
            key_type = "" if initiation == "MANUAL" else f'"keyType":"{key}",'
            for purpose, purpose_weight in purposes.pairs:
                text = f'",{key_type}"initiation":"{initiation}","purpose":"{purpose}"'
                ends.append((text, scale * key_weight * purpose_weight))
    return Weighted(ends).table(_SIZE)


_ONLY_TRANSFER = Weighted((("TRANSFER", 1),))
_PIX_BETWEEN = _pix_ends(_ONLY_TRANSFER)
_PIX_OUT = _pix_ends(QR_CODE_PURPOSES)
_PAYERS = tuple(bank.ispb for bank in ISPB.table(256))
_OWN_ISPB = OWN_BANK.ispb


def _pix(bits: int, _amount: int, today: LocalDay, second: int, inside: bool, incoming: bool) -> str:
    # the institution of the payer begins a Pix; the members share bits with the identifier, which needs no independence
    ispb = _PAYERS[bits >> 40 & 255] if incoming else _OWN_ISPB
    ends = _PIX_BETWEEN if inside or incoming else _PIX_OUT
    return (
        f',"rail":"PIX","endToEndId":"{end_to_end_id(bits, today.utc_minute(second), ispb)}{ends[bits >> 20 & _MASK]}'
    )


# ---- boletos

BOLETO_KINDS = Weighted((("BANK", 60), ("ENERGY", 14), ("TELECOM", 10), ("WATER", 6), ("TAX", 7), ("CITY", 3)))
"""Issuers of boletos: a company through its bank, or one whose bar code begins with 8. Shares: an assumption."""
_BOLETO_KINDS = BOLETO_KINDS.table(_SIZE)
_DAYS_EARLY = (0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 7)
"""Days from the payment to the due date: an assumption. None is late, because the bar code has the amount paid."""


def _boleto(bits: int, amount_minor: int, today: LocalDay, _second: int, inside: bool, _incoming: bool) -> str:
    due = today.ordinal + _DAYS_EARLY[bits >> 48 & 15]
    kind = "BANK" if inside else boleto_kind(bits)
    if kind == "BANK":
        code = bank_slip(bits, amount_minor, due, OWN_BANK.code if inside else None)
    else:
        code = utility_slip(bits, amount_minor, due, kind)
    return f',"rail":"BOLETO","barcode":"{code}","dueDate":"{iso_date(due)}","issuer":"{kind}"'


def boleto_kind(bits: int) -> str:
    """Return the kind of issuer that `details` gives to a boleto that leaves the ledger."""
    return _BOLETO_KINDS[bits >> 52 & _MASK]


# ---- the other rails

_TED_PURPOSES = (("00010", 80), ("00005", 20))
"""Purposes of a TED: credit to an account, payment of a supplier. Codes: Febraban, CNAB 240; shares: an assumption."""


def _ted_members(bank_code: str, ispb: str, purpose: str) -> str:
    return f',"rail":"TED","bankCode":"{bank_code}","ispb":"{ispb}","purposeCode":"{purpose}"'


_TED_BETWEEN = Weighted(
    (_ted_members(OWN_BANK.code, OWN_BANK.ispb, purpose), weight) for purpose, weight in _TED_PURPOSES
).table(_SIZE)
_TED_OUTSIDE = Weighted(
    (_ted_members(bank.code, bank.ispb, purpose), share * weight)
    for bank, share in ISPB.pairs
    for purpose, weight in _TED_PURPOSES
).table(_SIZE)
_CHANNELS = ("APP", "APP", "APP", "APP", "APP", "APP", "WEB", "WEB")
_BICS = ("MERIUS30", "HARBGB20", "NORDDE30", "ALPICH20", "IBERES20", "ATLAPT20", "PACIJP30", "AUSTAU20")
"""Fictitious banks. The eighth character 0 marks a BIC for tests (ISO 9362)."""
_CHARGES = ("SHA", "SHA", "SHA", "SHA", "SHA", "OUR", "OUR", "BEN")
_NETWORKS = {
    "BTC": '"network":"bitcoin","transactionHash":"',
    "ETH": '"network":"ethereum","transactionHash":"0x',
}
_REWARDS = ("FLIGHT", "FLIGHT", "FLIGHT", "FLIGHT", "UPGRADE", "HOTEL", "CAR", "SHOP")
_PROGRAMME = "Programa Estrela"
_VAULTS = ("Cofre Santos", "Cofre Zurique", "Cofre Londres", "Cofre Toronto")
_CUSTODIES = (("",) * 4, tuple(f'"custody":"{vault}",' for vault in _VAULTS))
"""Members of a `TRANSFER`: of other assets, and of metals."""
_METALS = ("XAU", "XAG", "XPT", "XPD")


def _ted(bits: int, _amount: int, _today: LocalDay, _second: int, inside: bool, _incoming: bool) -> str:
    return (_TED_BETWEEN if inside else _TED_OUTSIDE)[bits & _MASK]


# A reference is the day and 8 hexadecimal digits: 14 characters.


def _p2p(bits: int, _amount: int, today: LocalDay, second: int, _inside: bool, _incoming: bool) -> str:
    date, digits = today.date[second >= today.midnight_s], "%08X" % (bits & 0xFFFFFFFF)
    channel = _CHANNELS[bits >> 32 & 7]
    return f',"rail":"P2P","channel":"{channel}","reference":"P2P{date}{digits}"'


def _wire(bits: int, _amount: int, today: LocalDay, second: int, _inside: bool, _incoming: bool) -> str:
    date, digits = today.date[second >= today.midnight_s], "%08X" % (bits & 0xFFFFFFFF)
    return (
        f',"rail":"WIRE","bic":"{_BICS[bits >> 32 & 7]}","reference":"FT{date}{digits}",'
        f'"charges":"{_CHARGES[bits >> 35 & 7]}"'
    )


def _redemption(bits: int, _amount: int, today: LocalDay, second: int, _inside: bool, _incoming: bool) -> str:
    date, digits = today.date[second >= today.midnight_s], "%08X" % (bits & 0xFFFFFFFF)
    return (
        f',"rail":"REDEMPTION","programme":"{_PROGRAMME}","reward":"{_REWARDS[bits >> 32 & 7]}",'
        f'"reference":"RS{date}{digits}"'
    )


def _on_chain(asset: str) -> Details:
    network = _NETWORKS.get(asset) or f'"network":"{asset.lower() or "unknown"}","transactionHash":"'
    begins, sha256 = f',"rail":"ONCHAIN",{network}', hashlib.sha256

    def details(bits: int, _amount: int, _today: LocalDay, _second: int, _inside: bool, _incoming: bool) -> str:
        return f'{begins}{sha256(b"%d" % bits, usedforsecurity=False).hexdigest()}"'

    return details


def _transfer(asset: str) -> Details:
    custodies = [f',"rail":"TRANSFER",{custody}"reference":"TR' for custody in _CUSTODIES[asset in _METALS]]

    def details(bits: int, _amount: int, today: LocalDay, second: int, _inside: bool, _incoming: bool) -> str:
        date, digits = today.date[second >= today.midnight_s], "%08X" % (bits & 0xFFFFFFFF)
        return f'{custodies[bits >> 32 & 3]}{date}{digits}"'

    return details


_ALIKE: dict[str, Details] = {
    "PIX": _pix,
    "BOLETO": _boleto,
    "TED": _ted,
    "P2P": _p2p,
    "WIRE": _wire,
    "REDEMPTION": _redemption,
}
"""Rails whose details are alike in every asset."""


@cache
def details_of(rail: str, asset: str = "") -> Details:
    """Return the function that writes the details of a rail.

    Args:
        rail: One of `RAILS`.
        asset: The code of the asset, for the network of `ONCHAIN` and the custody of `TRANSFER`.
    """
    if rail in _ALIKE:
        return _ALIKE[rail]
    return _on_chain(asset) if rail == "ONCHAIN" else _transfer(asset)


# ---- descriptions

_DESCRIPTIONS: dict[str, dict[Direction, tuple[str, str]]] = {
    "PIX": {
        "between": ("Pix enviado para ", "Pix enviado"),
        "out": ("Pix enviado para ", "Pix enviado"),
        "in": ("Pix recebido de ", "Pix recebido"),
    },
    "TED": {
        "between": ("TED para ", "TED enviada"),
        "out": ("TED para ", "TED enviada"),
        "in": ("TED recebida de ", "TED recebida"),
    },
    "BOLETO": {
        "between": ("Boleto pago - ", "Boleto pago"),
        "out": ("Boleto pago - ", "Boleto pago"),
        "in": ("Boleto recebido de ", "Boleto recebido"),
    },
    "P2P": {
        "between": ("Transferência para ", "Transferência entre contas"),
        "out": ("Transferência para ", "Transferência enviada"),
        "in": ("Transferência de ", "Transferência recebida"),
    },
    "WIRE": {
        "between": ("Transferência em moeda estrangeira para ", "Transferência em moeda estrangeira"),
        "out": ("Remessa internacional para ", "Remessa internacional enviada"),
        "in": ("Remessa internacional de ", "Remessa internacional recebida"),
    },
    "ONCHAIN": {
        "between": ("Envio on-chain para ", "Envio on-chain"),
        "out": ("Envio on-chain para ", "Envio on-chain"),
        "in": ("Recebimento on-chain de ", "Recebimento on-chain"),
    },
    "TRANSFER": {
        "between": ("Transferência de custódia para ", "Transferência de custódia"),
        "out": ("Transferência de custódia para ", "Transferência de custódia"),
        "in": ("Transferência de custódia de ", "Transferência de custódia"),
    },
    "REDEMPTION": {
        "between": ("Resgate de milhas - ", "Resgate de milhas"),
        "out": ("Resgate de milhas - ", "Resgate de milhas"),
        "in": ("Crédito de milhas - ", "Crédito de milhas"),
    },
}


def describe(rail: str, direction: Direction, name: str) -> str:
    """Return the Portuguese description of a transaction.

    Args:
        rail: One of `RAILS`.
        direction: Between accounts of the ledger (as the payer sees it), out of it, or into it.
        name: The first name of the other side, or its trading name; empty: the description has none.
    """
    with_name, without = _DESCRIPTIONS[rail][direction]
    return (with_name + name)[:DESCRIPTION_LENGTH_MAX] if name else without


class _Descriptions(dict[str, bytes]):
    """Name of the other side -> the description as JSON: most names are those of several accounts."""

    def __init__(self, rail: str, direction: Direction) -> None:
        self._rail, self._direction = rail, direction

    def __missing__(self, name: str) -> bytes:
        made = f'"{describe(self._rail, self._direction, name)}"'.encode()
        if len(self) < _SIZE:
            self[name] = made
        return made


@cache
def descriptions(rail: str) -> tuple[Mapping[str, bytes], Mapping[str, bytes], Mapping[str, bytes]]:
    """Return the descriptions of a rail as JSON, by the name of the other side: between, out, and in (`describe`)."""
    return _Descriptions(rail, "between"), _Descriptions(rail, "out"), _Descriptions(rail, "in")
