"""Every error that a user can meet, as one tree:

    SeedError
    ├── UsageError                 an invalid flag or argument                                  exit 2
    │   ├── ConfigurationError     an unknown or invalid setting in a file, variable or flag    exit 2
    │   ├── PlanError              the counts cannot be planned                                 exit 2
    │   ├── UnsupportedScenarioError  the server's version lacks what the scenario uses         exit 2
    │   ├── TargetNotAllowedError  the target is neither loopback nor an allowed host           exit 2
    │   ├── NotComparableError     two runs differ in more than what is compared                exit 2
    │   ├── OutputError            an output file cannot be written                             exit 2
    │   ├── UnsupportedPlatformError  the operating system is not supported                     exit 2
    │   └── RunError               a run cannot be resumed: in use, damaged, or another one     exit 2
    │       └── AmbiguousRunError  several runs have the given id                               exit 2
    ├── TargetError                the target cannot be used                                    exit 3
    │   ├── UnreachableError       no connection, or no answer in time                          exit 3
    │   ├── UnauthorizedError      the target rejects the credentials                           exit 3
    │   ├── NotMidazError          the target is not a supported Midaz                          exit 3
    │   ├── BreakerOpenError       the circuit breaker stayed open until its deadline           exit 3
    │   ├── OverloadedError        a rate limit rejected every request until that deadline      exit 3
    │   └── RequestFailedError     a read that the run depends on failed in every attempt       exit 3
    ├── JournalError               the journal could not be written during a run                exit 1
    ├── ResultNotWrittenError      the work was done, and its result could not be written       exit 1
    ├── ShardError                 a process of a run was killed repeatedly                     exit 1
    ├── SignalledError             a signal arrived before anything of the plan was sent        exit 130, 143
    ├── UnexplainedError           a ledger holds what the plan does not explain                exit 1
    ├── ExcessError                accounts hold more than planned before the transfers start   exit 1
    └── SettlementError            the deposits did not become visible before the deadline      exit 4
        └── UndecidedError         it is unknown whether some movements were made               exit 4

An error has a message (what happened), `where` (the place; for configuration a file and line) and a `hint` (what to do
next).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from signal import Signals
from typing import Self


class ExitCode(IntEnum):
    """The exit code of the process."""

    DONE = 0
    """Everything was made and every balance is the planned one."""
    DIFFERENCES = 1
    """The run ended over its error budget, a balance or count differs from the plan, or the result was not written."""
    USAGE = 2
    """An invalid flag, setting or file; nothing was sent."""
    TARGET = 3
    """The target is unreachable, rejects the credentials, or the circuit breaker did not close again."""
    SETTLEMENT = 4
    """The balances did not show the deposits before the deadline, it is unknown whether some movements were made, or
    the time limit left no time to settle and verify."""
    THRESHOLD = 5
    """Everything is as planned, and a threshold failed (`--fail-if`, `--thresholds`)."""
    INTERRUPTED = 130
    """Stopped by SIGINT (Ctrl-C), within the grace time."""
    TERMINATED = 143
    """Stopped by SIGTERM or SIGHUP, within the grace time."""


AS_PLANNED = (ExitCode.DONE, ExitCode.THRESHOLD)
"""The exit codes of a run in which everything is as planned, whatever its figures."""


def exit_code_of(number: Signals) -> ExitCode:
    """Return the exit code of a call that a signal stopped."""
    return ExitCode.INTERRUPTED if number is Signals.SIGINT else ExitCode.TERMINATED


class SeedError(Exception):
    """The base class of the errors of midaz-seed.

    Attributes:
        message: what happened.
        hint: what to do next; "" without one.
        where: the place, such as a file and line; "" without one.
        exit_code: the exit code of the process.
    """

    exit_code: ExitCode = ExitCode.DIFFERENCES

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(SeedError):
    """A flag or argument is invalid. See the hint or the command's `--help`."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Problem:
    """A problem of the configuration: where (file and line, variable or flag), and the message."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


class ConfigurationError(UsageError):
    """A setting is unknown or invalid. `where` is the file and line, the environment variable or the flag.

    Attributes:
        problems: all that was found, where there can be several.
    """

    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, problems: Sequence[Problem], *, of: str, hint: str) -> Self:
        """Return the error that reports all these problems. `of` names what they are problems of."""
        if len(problems) == 1:
            error = cls(problems[0].text, where=problems[0].where, hint=hint)
        else:
            lines = "".join(f"\n  {problem}" for problem in problems)
            error = cls(f"{len(problems)} problems in {of}:{lines}", hint=hint)
        error.problems = tuple(problems)
        return error


class PlanError(UsageError):
    """The counts cannot be planned, such as transfers without a second account to receive them."""


class UnsupportedScenarioError(UsageError):
    """The server's version lacks features that the scenario uses. The message names each; nothing was sent."""


class TargetNotAllowedError(UsageError):
    """The target is neither loopback nor an allowed host. `--allow-host` allows it."""


class NotComparableError(UsageError):
    """The figures of two runs must not be compared: the message names what differs. `--allow` permits it."""


class OutputError(UsageError):
    """An output file cannot be written. Check the directory, the permissions and the free disk space."""


class UnsupportedPlatformError(UsageError):
    """The operating system is not supported. The hint names a way to run there."""


class RunError(UsageError):
    """A run cannot be resumed: another process owns it, its journal is damaged, or plan or server are not those that it
    started with. The message names the reason; nothing was sent."""


class AmbiguousRunError(RunError):
    """Several runs have the given id. The message lists them, one a line."""


class JournalError(SeedError):
    """The journal could not be written during a run, so nothing more was sent. Nothing is lost: free disk space, then
    run the same command again."""


class ResultNotWrittenError(SeedError):
    """The result of a command could not be written to standard output or to its file. The message has the result of a
    run; what it sent stays sent."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = ExitCode.DIFFERENCES) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = ExitCode(exit_code)


class ShardError(SeedError):
    """A process of a run with shards was killed repeatedly. Nothing is lost: run the same command again."""


class SignalledError(SeedError):
    """A signal arrived before anything of the plan was sent. Run the same command again."""

    def __init__(self, message: str, *, exit_code: ExitCode) -> None:
        super().__init__(message, hint="run the same command again")
        self.exit_code = exit_code


class TargetError(SeedError):
    """The target cannot be used. What was created is not lost: run the same command again."""

    exit_code = ExitCode.TARGET


class UnreachableError(TargetError):
    """No connection could be made, or no answer arrived in time. Check the address and that the server is up."""


class UnauthorizedError(TargetError):
    """The server rejects the credentials (401 or 403). Check the token and its expiry."""


class NotMidazError(TargetError):
    """The server at this address is not a Midaz ledger, or one of an unsupported version."""


class BreakerOpenError(TargetError):
    """The server failed for longer than `breaker.giveUpS`. Run the same command again when it is healthy."""


class OverloadedError(TargetError):
    """A rate limit of the server rejected every request for longer than `breaker.giveUpS`. Nothing is lost: run the
    same command again."""


class SettlementError(SeedError):
    """The deposits did not become visible in the server's balances before the deadline."""

    exit_code = ExitCode.SETTLEMENT


class UndecidedError(SettlementError):
    """It is unknown whether some movements were made, and sending them again could double them.

    Nothing is lost: run the same command again later.
    """


class UnexplainedError(SeedError):
    """No set of the planned movements explains a ledger's balances, so nothing more is sent to it.

    The message names the accounts. Another client moved money, or requests of an earlier session are still in flight.
    """


class ExcessError(SeedError):
    """Accounts hold more than planned: a movement was made twice, or another client moves money."""


class RequestFailedError(TargetError):
    """A read that the run depends on failed in every attempt. The message contains the server's answer."""
