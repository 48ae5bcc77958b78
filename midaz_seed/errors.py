"""Every failure a user can meet, as one tree:

    SeedError
    ├── UsageError                 a wrong flag or argument                                     exit 2
    │   ├── ConfigurationError     a wrong key, type or range in a file, variable or flag       exit 2
    │   ├── PlanError              the numbers do not make a possible plan                      exit 2
    │   ├── TargetNotAllowedError  the target is neither loopback nor in the allow-list         exit 2
    │   ├── OutputError            a file that was asked for cannot be written                  exit 2
    │   └── RunError               a run cannot be taken up: in use, damaged, or another one    exit 2
    ├── TargetError                the target cannot be used                                    exit 3
    │   ├── UnreachableError       no connection, or no answer in time                          exit 3
    │   ├── UnauthorizedError      the target refuses our credentials                           exit 3
    │   ├── NotMidazError          something answers, but it is not a Midaz we can speak to     exit 3
    │   ├── BreakerOpenError       the circuit breaker stayed open until its deadline           exit 3
    │   └── RequestFailedError     a read that the run depends on failed for good               exit 3
    ├── JournalError               the journal could not be written in the middle of a run      exit 1
    ├── ShardError                 a process of a run was killed again and again                exit 1
    ├── SignalledError             a signal came before anything of the plan was sent           exit 130, 143
    ├── UnexplainedError           a ledger holds what the plan does not explain                exit 1
    ├── ExcessError                accounts hold more than planned before the transfers began   exit 1
    └── SettlementError            the deposits did not become visible before the deadline      exit 4
        └── UndecidedError         of some movements it stays unknown whether they were made    exit 4

An error says what happened (its message), where (`where`, for configuration a file and line) and what to do next
(`hint`).
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell."""

    DONE = 0
    """Everything arrived and every balance is the planned one."""
    DIFFERENCES = 1
    """The run ended, but over its error budget, or a balance or count differs from the plan."""
    USAGE = 2
    """A wrong flag, setting or file; nothing was sent."""
    TARGET = 3
    """The target is unreachable, refuses us, or the circuit breaker never closed again."""
    SETTLEMENT = 4
    """The deposits were not visible in the balances before the deadline, or it is unknown whether some movements were
    made."""
    INTERRUPTED = 130
    """Stopped by SIGINT (Ctrl-C) after draining what was in flight."""
    TERMINATED = 143
    """Stopped by SIGTERM after draining what was in flight."""


class SeedError(Exception):
    """The root of what midaz-seed raises. `hint` says what to do next, `where` names the place, `exit_code` the
    result."""

    exit_code: ExitCode = ExitCode.DIFFERENCES

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(SeedError):
    """A flag or argument is wrong. Read the hint, or the command's `--help`."""

    exit_code = ExitCode.USAGE


class ConfigurationError(UsageError):
    """A setting has a wrong name, type or value. `where` is the file and line, the environment variable or the flag."""


class PlanError(UsageError):
    """The requested numbers cannot be planned, such as transfers with nobody to receive them."""


class TargetNotAllowedError(UsageError):
    """The target is not on this machine and not in the allow-list. Name it with `--allow-host` if it is meant."""


class OutputError(UsageError):
    """A file that was asked for cannot be written: check the folder, the permissions and the space on the disk."""


class RunError(UsageError):
    """A run cannot be taken up: somebody else has it, its journal is damaged, or plan or server are not the ones that
    it began with. The message says which; nothing was sent."""


class JournalError(SeedError):
    """The journal could not be written in the middle of a run, so nothing more was sent. Nothing is lost: make room,
    then go on with `midaz-seed run --resume`."""


class ShardError(SeedError):
    """A process of a run with several was killed again and again. Nothing is lost: run the same command again."""


class SignalledError(SeedError):
    """SIGINT or SIGTERM came before anything of the plan was sent. Run the same command again."""

    def __init__(self, message: str, *, exit_code: ExitCode) -> None:
        super().__init__(message, hint="run the same command again")
        self.exit_code = exit_code


class TargetError(SeedError):
    """The target cannot be used. Nothing that was already created is lost: run the same command again."""

    exit_code = ExitCode.TARGET


class UnreachableError(TargetError):
    """No connection could be made, or no answer came in time. Check the address and that the server is up."""


class UnauthorizedError(TargetError):
    """The server refuses the credentials (401 or 403). Check the token and its expiry."""


class NotMidazError(TargetError):
    """Something answers at this address, but not a Midaz ledger that this tool can speak to."""


class BreakerOpenError(TargetError):
    """The server failed for so long that the run gave up waiting. Run the same command again when it is healthy."""


class SettlementError(SeedError):
    """The deposits did not become visible in the server's balances before the deadline."""

    exit_code = ExitCode.SETTLEMENT


class UndecidedError(SettlementError):
    """Of some movements it is unknown whether they were made, and sending them again could double them. Nothing is
    lost: run the same command again later."""


class UnexplainedError(SeedError):
    """A ledger's balances hold what no set of the planned movements explains, so nothing more is sent to it. The
    message names the accounts. Somebody else moved money, or an earlier session's requests are still on their way."""


class ExcessError(SeedError):
    """Accounts hold more than planned. That is no delay: something was made twice, or somebody else moves money."""


class RequestFailedError(TargetError):
    """A read that the run depends on failed for good. The message holds the server's answer."""
