"""The parts of a scenario file that stand in many places: amounts, and the accounts of one side of a movement.

Each is a choice among several: a file that extends another replaces it whole.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from midaz_seed.scenarios.values import Name, Number, Path, Share, Weight

EXTERNAL = "external"
"""In `from` and `to`: the external account of the asset."""


def _text(text: str) -> str:
    """Raise ValueError for what servers refuse in names and descriptions: a NUL, and for all other controls as well."""
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in text) or "\x7f" in text or not text.strip():
        raise ValueError("not text without control characters that has more than spaces")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_text)]


class Part(BaseModel):
    """A part of a scenario. Unknown names are errors; values cannot be changed after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True, defer_build=True
    )


def exactly_one(part: Part, names: tuple[str, ...]) -> None:
    """Raise ValueError unless exactly one of these names of a part is given."""
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        raise ValueError(
            f"exactly one of {', '.join(names)} is needed" + (f", not {' and '.join(given)}" if given else "")
        )


# ---- amounts


class Lognormal(Part):
    """Amounts whose logarithm is normally distributed; the mean is median * exp(sigma**2 / 2)."""

    median: Number = Field(description="Half of the amounts are below it.")
    sigma: Number = Field(description="Standard deviation of the logarithm; 0.7 to 1.6 for payments.")


class Pareto(Part):
    """Amounts from `min` on with a long tail of the exponent `alpha`."""

    min: Number = Field(description="The lowest amount.")
    alpha: Number = Field(description="The lower, the longer the tail.")


def _amount(value: object) -> object:
    """Accept a bare decimal as a constant, and the word `income`."""
    if value == "income":
        return {"of": "income"}
    return {"const": value} if isinstance(value, str | int | float) else value


class AmountSpec(Part):
    """How amounts are distributed: exactly one distribution, in the unit of the asset (12.50 is 1,250 minor units)."""

    const: Number | None = Field(None, description="Always this amount; the same as the bare number.")
    uniform: tuple[Number, Number] | None = Field(None, description="Lowest and highest amount.")
    lognormal: Lognormal | None = None
    pareto: Pareto | None = None
    exponential: Number | None = Field(None, description="The mean.")
    mix: tuple[tuple[Weight, "Amount"], ...] | None = Field(None, description="Weights and distributions.")
    choose: dict[str, Weight] | None = Field(None, description="Decimal amounts, each with its weight.")
    bands: tuple[tuple[Weight, Number, Number], ...] | None = Field(
        None, description="An empirical distribution: weight, lowest and highest amount of each band."
    )
    of: Literal["income"] | None = Field(None, description="The income of the customer, times `times`.")
    like: Name | None = Field(None, description="As the mix entry of this name.")
    times: Number | None = Field(None, description="Factor for `of` or `like`.")
    round: dict[str, Share] = Field(
        default_factory=dict, description="Multiple -> share of the amounts that are rounded to it."
    )
    min: Number | None = Field(None, description="Lower amounts become this one.")
    max: Number | None = Field(None, description="Higher amounts become this one.")

    @model_validator(mode="after")
    def _one_distribution(self) -> Self:
        names = ("const", "uniform", "lognormal", "pareto", "exponential", "mix", "choose", "bands", "of", "like")
        exactly_one(self, names)
        if self.times is not None and self.of is None and self.like is None:
            raise ValueError("times needs `of: income` or `like`")
        return self


Amount = Annotated[AmountSpec, BeforeValidator(_amount, json_schema_input_type=AmountSpec | Number | Literal["income"])]


# ---- who moves money


class Friends(Part):
    """Each source pays a few fixed partners; the number of them follows a power law."""

    mean: Number = Field(description="Partners of one source, on average.")
    alpha: Number = Field(default="1.9", validate_default=True, description="Exponent of the power law.")


class Hot(Part):
    """A few accounts that take most of the movements."""

    count: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="How many accounts.")
    share: Share = Field(1_000_000, description="Share of the movements that they take.")


class Choice(Part):
    """How one account of a group is chosen: exactly one way; by default each with the same probability."""

    uniform: Literal[True] | None = Field(None, description="Each with the same probability.")
    zipf: Number | None = Field(None, description="The exponent: the k-th account is chosen with weight 1 / k**zipf.")
    hot: Hot | None = Field(None, description="A few accounts take most of the movements.")
    friends: Friends | None = Field(None, description="Each source has a few fixed partners. Only in `to`.")
    members: Literal[True] | None = Field(
        None, description="The group is divided evenly among the sources, such as employees among employers."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        exactly_one(self, ("uniform", "zipf", "hot", "friends", "members"))
        return self


def _party(value: object) -> object:
    """Accept `person.checking`, a list of such names, or one name with a choice: `{person.checking: {zipf: 1.05}}`."""
    if isinstance(value, str):
        return {"of": (value,)}
    if isinstance(value, list | tuple):
        return {"of": tuple(value)}
    if isinstance(value, dict) and len(value) == 1 and "of" not in value:
        [(name, choice)] = value.items()
        return {"of": (name,), "by": choice}
    return value


class PartySpec(Part):
    """The accounts of one side: `external`, internal accounts, or those of kinds of customers; and how one is chosen.

    A name with a dot is the account that customers of a kind own (`person.checking`).
    """

    of: Annotated[tuple[Path, ...], Field(min_length=1)] = Field(description="Names of accounts, or `external`.")
    by: Choice | None = Field(None, description="How one of them is chosen.")

    @property
    def is_external(self) -> bool:
        """Whether it is the external account of the asset."""
        return self.of == (EXTERNAL,)


Party = Annotated[
    PartySpec,
    BeforeValidator(_party, json_schema_input_type=Path | tuple[Path, ...] | PartySpec | dict[Path, Choice]),
]
NO_PARTY = PartySpec(of=("generator",))
"""`from` and `to` of an entry whose movements a Python generator makes. No account can have this name."""


class Then(Part):
    """What becomes of pending transactions; what is left stays pending."""

    commit: Share = Field(0, description="Share that is committed.")
    cancel: Share = Field(0, description="Share that is cancelled.")
