"""The process's limit of file descriptors: raise it, and refuse what needs more before anything is sent."""

from midaz_seed.errors import UsageError

try:
    import resource
except ImportError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

LOOP_NEEDS = 20
"""Descriptors without which not even an event loop can start and load its modules."""
RESERVE = 32
"""Descriptors beside those of connections: streams, event loop, journal, lock, look-ups of names, a sandbox's pipes.
Measured: 21."""
PER_SHARD = 4
"""Pipes to the process of a shard, and its temporary files."""
RAISED_MAX = 65_536
"""The soft limit is not raised above this: some systems refuse, and some programs close every possible descriptor."""


def raise_limit() -> int | None:
    """Raise the soft limit as far as the hard limit allows. Processes that are started later inherit it.

    Returns:
        The limit; None when there is none.

    Raises:
        UsageError: it is too low for any work.
    """
    if resource is None:
        return None
    limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return None
    wanted = RAISED_MAX if hard == resource.RLIM_INFINITY else min(hard, RAISED_MAX)
    if wanted > limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            limit = wanted
        except (OSError, ValueError):  # macOS allows less than its hard limit says
            pass
    if limit < LOOP_NEEDS:
        raise UsageError(
            f"this process may have {limit} file descriptors, which is too few to start",
            hint=f"raise the limit with `ulimit -n {RESERVE * 2}` or more",
        )
    return limit


def reserve_descriptors(connections: int, *, processes: int) -> None:
    """Raise the soft limit, and check that it is enough.

    Args:
        connections: connections that may be open at the same time.
        processes: processes of the run; above 1, this one starts them.

    Raises:
        UsageError: the limit is lower.
    """
    limit = raise_limit()
    others = RESERVE + (PER_SHARD * processes if processes > 1 else 0)
    if limit is None or connections + others <= limit:
        return
    fits = limit - others
    raise UsageError(
        f"{connections + others:,} file descriptors are needed ({connections:,} for connections, {others} others), but "
        f"this process may have {limit:,}",
        hint=f"raise the limit with `ulimit -n {connections + others}`"
        + (f", or lower --concurrency: {fits} connections fit" if fits > 0 else ""),
    )
