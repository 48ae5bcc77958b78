"""Brazilian payment rails, as metadata of a transfer."""

_PIX = [("PIX", f'"pixType":"{kind}","pixKey":"{key}"') for kind in ("transfer", "payment", "withdrawal")
        for key in ("email", "phone", "document", "randomKey")]  # fmt: skip
_TED = [("TED", f'"bankCode":"{bank}","accountType":"{kind}"') for bank in ("001", "104", "341", "237", "033")
        for kind in ("checking", "savings")]  # fmt: skip
_P2P = [("P2P", f'"platform":"{platform}","category":"{category}"') for platform in ("app", "website", "terminal")
        for category in ("purchase", "subscription", "donation")]  # fmt: skip
_BOLETO_ISSUERS = ("bank", "utility", "government", "retail")
_BOLETO = "BOLETO"
_TABLE = _PIX * 3 + _TED + _P2P + [(_BOLETO, "")] * 9
"""More than half of all transfers are PIX."""


def payment_rail(bits: int) -> tuple[str, str]:
    """Choose a rail by 64 random bits; return its name and its details as JSON members."""
    name, details = _TABLE[bits % len(_TABLE)]
    if name != _BOLETO:
        return name, details
    rest = bits // len(_TABLE)
    issuer, day = _BOLETO_ISSUERS[rest % 4], rest // 4 % 28 + 1
    return (
        name,
        f'"barcode":"{rest % 10**17:017}{rest * 7919 % 10**27:027}","dueDate":"2027-01-{day:02}","issuer":"{issuer}"',
    )
