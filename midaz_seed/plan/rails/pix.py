"""Pix: the end-to-end identifier, institutions, and the shares of keys and ways of initiation."""

from binascii import b2a_base64
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
QR_CODE_PURPOSES = Weighted((("TRANSFER", 925), ("WITHDRAWAL", 50), ("CHANGE", 25)))
"""Purposes of a Pix by QR code that leaves the institution: cash is paid out for one. All others are TRANSFER.
Shares: an assumption."""
_ALPHANUMERIC = bytes.maketrans(b"+/", b"xK")
"""Replaces the two characters of base64 that are neither letters nor digits."""


def end_to_end_id(bits64: int, utc_minute: str, ispb: str) -> str:
    """Return an end-to-end identifier: `E`, the ISPB, the minute, and 11 characters of [a-zA-Z0-9]; 32 in all.

    Layout: Open Finance Brasil, schema of `endToEndId`. The ISPB is that of the institution which begins the Pix.

    Args:
        bits64: 64 random bits.
        utc_minute: The minute in UTC: yyyyMMddHHmm.
        ispb: 8 digits.
    """
    # 8 bytes in base64 are 11 characters and a padding: the fastest of the ways that were measured
    text = b2a_base64(bits64.to_bytes(8, "little"), newline=False).translate(_ALPHANUMERIC, b"=").decode()
    return f"E{ispb}{utc_minute}{text}"
