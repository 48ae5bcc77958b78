"""Pix: the end-to-end identifier, institutions, and the shares of keys and ways of initiation."""

import string
from typing import NamedTuple

from midaz_seed.plan.people.weights import Weighted


class Bank(NamedTuple):
    """An institution of the Brazilian payment system."""

    ispb: str
    """Its identifier in the payment system (Identificador no Sistema de Pagamentos Brasileiro), 8 digits."""
    code: str
    """Its clearing code (COMPE), 3 digits."""
    name: str


OWN_BANK = Bank("99999004", "999", "")
"""The institution of the ledger itself: neither number is assigned, so that no real institution is meant."""

_BANKS = (
    (Bank("18236120", "260", "Nu Pagamentos"), 200),
    (Bank("00360305", "104", "Caixa Econômica Federal"), 130),
    (Bank("60701190", "341", "Itaú Unibanco"), 125),
    (Bank("60746948", "237", "Bradesco"), 105),
    (Bank("00000000", "001", "Banco do Brasil"), 95),
    (Bank("90400888", "033", "Santander"), 75),
    (Bank("10573521", "323", "Mercado Pago"), 65),
    (Bank("00416968", "077", "Banco Inter"), 50),
    (Bank("08561701", "290", "PagSeguro"), 40),
    (Bank("22896431", "380", "PicPay"), 30),
    (Bank("31872495", "336", "Banco C6"), 25),
    (Bank("02038232", "756", "Sicoob"), 20),
    (Bank("01181521", "748", "Sicredi"), 20),
    (Bank("92702067", "041", "Banrisul"), 8),
    (Bank("30306294", "208", "BTG Pactual"), 6),
    (Bank("58160789", "422", "Banco Safra"), 6),
)
ISPB = Weighted(_BANKS)
"""Other institutions. Numbers: Banco Central do Brasil, list of participants of the STR. Shares: an assumption."""

KEY_TYPES = Weighted((("EVP", 45), ("PHONE", 19), ("CPF", 19), ("EMAIL", 15), ("CNPJ", 2)))
"""Types of Pix keys. Source: Banco Central do Brasil, October 2023, of 674.6 million keys."""
INITIATIONS = Weighted((("KEY", 65), ("MANUAL", 15), ("QR_CODE", 20)))
"""Ways to begin a Pix. Source: Banco Central do Brasil, Relatório de Gestão do Pix, December 2022."""
PURPOSES = Weighted((("TRANSFER", 985), ("WITHDRAWAL", 10), ("CHANGE", 5)))
"""Purposes of a Pix that leaves the institution; between customers it is always TRANSFER. Shares: an assumption."""

_CHARACTERS = string.ascii_lowercase + string.digits + string.ascii_uppercase
_TABLE_BITS = 12
_PAIRS = tuple(
    _CHARACTERS[pair // 62] + _CHARACTERS[pair % 62] for pair in (slot * 62**2 >> _TABLE_BITS for slot in range(4096))
)
_PAIR_MASK = (1 << _TABLE_BITS) - 1


def end_to_end_id(bits64: int, utc_minute: str, ispb: str) -> str:
    """Return an end-to-end identifier: `E`, the ISPB, the minute, and 11 characters of [a-zA-Z0-9]; 32 in all.

    Layout: Open Finance Brasil, schema of `endToEndId`. The ISPB is that of the institution which begins the Pix.

    Args:
        bits64: 64 random bits.
        utc_minute: The minute in UTC: yyyyMMddHHmm.
        ispb: 8 digits.
    """
    pairs, mask = _PAIRS, _PAIR_MASK  # five pairs from 60 bits, one character from the others
    return (
        f"E{ispb}{utc_minute}{pairs[bits64 & mask]}{pairs[bits64 >> 12 & mask]}{pairs[bits64 >> 24 & mask]}"
        f"{pairs[bits64 >> 36 & mask]}{pairs[bits64 >> 48 & mask]}{_CHARACTERS[bits64 >> 60 & 15]}"
    )
