"""The server's error codes with their HTTP statuses and titles.

The codes, statuses and titles come from recorded answers of a real v3.8.0; the messages are our own.
"""

from http import HTTPStatus
from typing import Any

from midaz_seed.sandbox.core.dialect import Dialect
from midaz_seed.sandbox.core.messages import Headers

_TABLE: dict[str, tuple[int, str]] = {
    "0002": (409, "Ledger Name Conflict"),
    "0003": (409, "Asset Name or Code Duplicate"),
    "0004": (400, "Code Uppercase Requirement"),
    "0005": (400, "Currency Code Standard Compliance"),
    "0007": (404, "Entity Not Found"),
    "0009": (400, "Missing Fields in Request"),
    "0012": (400, "Account Balance Deletion Error"),
    "0015": (409, "Duplicate Segment Name Error"),
    "0018": (422, "Insufficient Funds Error"),
    "0019": (422, "Account Ineligibility Error"),
    "0020": (409, "Alias Unavailability Error"),
    "0024": (400, "Account Status Transaction Restriction"),
    "0029": (400, "Invalid Parent Account ID"),
    "0030": (400, "Mismatched Asset Code"),
    "0032": (400, "Invalid Country Code"),
    "0033": (400, "Invalid Code Format"),
    "0034": (404, "Asset Code Not Found"),
    "0035": (404, "Portfolio ID Not Found"),
    "0036": (404, "Segment ID Not Found"),
    "0037": (404, "Ledger ID Not Found"),
    "0038": (404, "Organization ID Not Found"),
    "0039": (404, "Parent Organization ID Not Found"),
    "0040": (400, "Invalid Type"),
    "0047": (400, "Bad Request"),
    "0048": (400, "Invalid DSL File Format"),
    "0050": (400, "Metadata Key Length Exceeded"),
    "0051": (400, "Metadata Value Length Exceeded"),
    "0053": (400, "Unexpected Fields in the Request"),
    "0056": (404, "No Assets Found"),
    "0057": (404, "No Segments Found"),
    "0058": (404, "No Portfolios Found"),
    "0059": (404, "No Organizations Found"),
    "0060": (404, "No Ledgers Found"),
    "0064": (404, "No Accounts Found"),
    "0065": (400, "Invalid Path Parameter"),
    "0066": (400, "Invalid Account Type"),
    "0067": (400, "Invalid Metadata Nesting"),
    "0072": (400, "Invalid Transaction Type"),
    "0073": (400, "Transaction Value Mismatch"),
    "0074": (400, "External Account Modification Prohibited"),
    "0078": (400, "Invalid Final Date"),
    "0080": (400, "Pagination Limit Exceeded"),
    "0081": (400, "Invalid Sort Order"),
    "0082": (400, "Invalid Query Parameter"),
    "0083": (400, "Invalid Date Range"),
    "0084": (409, "Duplicate Idempotency Key"),
    "0085": (404, "Account Alias Not Found"),
    "0087": (400, "Transaction Revert already exist"),
    "0088": (400, "Transaction is already a reversal"),
    "0090": (400, "Transaction ambiguous account"),
    "0091": (400, "ID cannot be used as the parent ID"),
    "0093": (400, "Balance cannot be deleted"),
    "0094": (400, "Unmarshalling error"),
    "0096": (400, "Invalid Account Alias"),
    "0098": (422, "Invalid Pending Transaction"),
    "0099": (422, "Invalid Transaction Status"),
    "0101": (404, "Operation Route Not Found"),
    "0103": (400, "Invalid Operation Route Type"),
    "0104": (400, "Missing Operation Routes"),
    "0105": (404, "Transaction Route Not Found"),
    "0107": (422, "Operation Route Linked to Transaction Routes"),
    "0108": (409, "Duplicate Account Type Key Value Error"),
    "0109": (404, "Account Type Not Found"),
    "0111": (400, "Invalid Account Rule Type"),
    "0112": (400, "Invalid Account Rule Value"),
    "0114": (422, "Transaction Route Not Informed"),
    "0115": (400, "Invalid Transaction Route ID"),
    "0116": (422, "Accounting Route Count Mismatch"),
    "0117": (422, "Accounting Route Not Found"),
    "0118": (422, "Accounting Alias Validation Failed"),
    "0119": (422, "Accounting Account Type Validation Failed"),
    "0120": (400, "Invalid Characters"),
    "0121": (400, "Future Transaction Date"),
    "0122": (400, "Transaction Date Not Allowed for Pending Transaction"),
    "0123": (409, "Duplicated Alias Key Value Error"),
    "0124": (400, "Additional Balance Creation Not Allowed"),
    "0125": (422, "Invalid Transaction Value"),
    "0126": (404, "Default Balance Not Found"),
    "0127": (500, "Account Creation Failed"),
    "0131": (400, "Invalid Datetime Format"),
    "0140": (400, "Invalid Timestamp"),
    "0141": (404, "No Balance Data at Date"),
    "0142": (400, "Missing Query Parameter"),
    "0143": (400, "Payload Too Large"),
    "0144": (400, "Nesting Depth Exceeded"),
    "0145": (400, "Metadata Key Count Exceeded"),
    "0147": (400, "Unknown Settings Field"),
    "0148": (400, "Invalid Settings Field Type"),
    "0149": (400, "Settings Field At Root"),
    "0150": (422, "Route Not Bidirectional"),
    "0153": (400, "No Source For Action"),
    "0154": (400, "No Destination For Action"),
    "0157": (422, "No Routes For Action"),
    "0162": (422, "Accounting Entry Not Allowed For Destination"),
    "0163": (422, "Incomplete Pending Accounting Entries"),
    "0164": (422, "Direct Accounting Entry Required"),
    "0165": (422, "Revert Requires Bidirectional Route"),
    "0166": (422, "Accounting Entry Side Missing"),
    "0167": (422, "Overdraft Limit Exceeded"),
    "0168": (422, "Internal Balance"),
    "0169": (422, "Internal Balance Deletion"),
    "0170": (400, "Reserved Balance Key"),
    "0171": (400, "Invalid Balance Direction"),
    "0172": (400, "Invalid Balance Settings"),
    "0176": (400, "Invalid Settings Field Value"),
    "0486": (409, "Transaction Is Locked"),
    "0490": (422, "Skip Not Permitted"),
    "0491": (422, "Holder Required"),
    "CRM-0006": (404, "Holder Not Found"),
    "CRM-0008": (404, "Instrument Not Found"),
    "CRM-0010": (409, "Document Already Taken"),
    "CRM-0013": (409, "Account Already Linked"),
    "CRM-0017": (422, "Holder Has Instruments"),
    "CRM-0030": (422, "Holder Has Accounts"),
}


class RefusedError(Exception):
    """A request that the server refuses with an error code."""

    def __init__(
        self, code: str, fields: dict[str, Any] | None = None, *, entity: str | None = None, situation: str = ""
    ) -> None:
        super().__init__(code)
        self.code = code
        self.situation = situation or code
        """Its name in `Dialect.failing`."""
        self.fields = fields
        """The offending parts of the request, for codes that show them."""
        self.entity = entity
        """`entityType`, where it follows neither from the code nor from the endpoint; "" for none."""
        self.claimed = False
        """Whether the idempotency key had been looked at before this was raised."""
        self.headers: Headers = []
        """More headers of the answer."""


class FailedError(Exception):
    """An error without a code of its own, such as 404 for an unknown path; its code is the HTTP status.

    `from_router`: of the web framework, before any handler.
    """

    def __init__(self, status: int, message: str, *, from_router: bool = False, headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.from_router = from_router
        self.claimed = False
        self.headers: Headers = headers or []


def describe(error: RefusedError | FailedError, dialect: Dialect, group: str = "") -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and JSON body of an error; `group` is the endpoint's group."""
    if isinstance(error, FailedError):
        return error.status, _describe_failure(error, dialect)
    code = dialect.code_instead.get(error.code, error.code)
    status, title = _TABLE[code]
    status = dialect.status_by_code.get(code, status)
    message = f"{title}. Please check the request and try again."
    if dialect.error_shape == "problem":
        kind = f"https://errors.lerian.studio/v1/{code}"
        body: dict[str, Any] = {"type": kind, "title": title, "status": status, "detail": message, "code": code}
        if error.fields is not None:
            body["errors"] = [_problem(code, name, value) for name, value in error.fields.items()]
    else:
        body = {"title": title, "message": message, "code": code}
        if error.fields is not None:
            body["fields"] = error.fields
    entity = _entity(error, code, dialect, group)
    if entity:
        body["entityType"] = entity
    return status, body


def _problem(code: str, name: str, value: Any) -> dict[str, Any]:
    """Return one offending part; an unexpected one shows the value that was sent, unless it is null."""
    if code != "0053":
        return {"location": name, "message": str(value)}
    problem = {"location": name, "message": f"{name} is unexpected"}
    return problem if value is None else {**problem, "value": value}


def _entity(error: RefusedError, code: str, dialect: Dialect, group: str) -> str:
    """Return the `entityType` of an error."""
    if not dialect.names_entities:
        return dialect.entity_by_code.get(code, "")
    if error.entity is not None or error.fields is not None:
        return error.entity or ""
    return dialect.entity_by_code.get(code, _ENTITY_OF_GROUP.get(group, ""))


def _describe_failure(error: FailedError, dialect: Dialect) -> dict[str, Any]:
    if dialect.framework_error_shape == "error":
        return {"error": error.message}
    if dialect.framework_error_shape == "title":
        return {"code": error.status, "title": "request_failed", "message": error.message}
    title = HTTPStatus(error.status).phrase
    body = {
        "title": title,
        "status": error.status,
        "detail": "internal error" if error.status == 500 else error.message,
    }
    code = _CODE_OF_FAILURE.get(error.status) if error.from_router or error.status == 500 else None
    return body if code is None else {"type": f"https://errors.lerian.studio/v1/{code}", "code": code, **body}


_CODE_OF_FAILURE = {404: "0484", 405: "0485", 413: "0143", 431: "0497", 500: "0046"}
_ENTITY_OF_GROUP = {
    "organizations": "Organization",
    "ledgers": "Ledger",
    "assets": "Asset",
    "portfolios": "Portfolio",
    "segments": "Segment",
    "accounts": "Account",
    "account-types": "AccountType",
    "balances": "Balance",
    "transactions": "Transaction",
    "operations": "Operation",
    "asset-rates": "AssetRate",
    "operation-routes": "OperationRoute",
    "transaction-routes": "TransactionRoute",
    "holders": "Holder",
    "instruments": "Instrument",
}
