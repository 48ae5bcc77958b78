"""Which run a directory belongs to: a run is a plan on a server, so run id and server are both in its name.

The run id follows from the plan, and objects carry it on the server; it says nothing about the server.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from midaz_seed.runs.names import SEPARATOR
from midaz_seed.settings.target import ResolvedTarget

SERVER_CHARACTERS_MAX = 80
_DEFAULT_PORTS = {"http": 80, "https": 443}


def target_name(target: ResolvedTarget) -> str:
    """Return the target as `run.json` and messages have it: its URL, or the word sandbox."""
    return "sandbox" if target.is_sandbox else target.onboarding_url


def server_key(target: str, data: object = None) -> str:
    """Return what two names of one server have in common: host, port and path, or the data file of a sandbox.

    `localhost` is 127.0.0.1, and the scheme does not count. Other names of one server stay different: to ask the server
    would need a request before the directory is known, and a run on it without its journal is still exactly once.

    Args:
        target: as `target_name` returns it.
        data: the sandbox's data file.
    """
    if target == "sandbox":
        return f"sandbox:{Path(str(data)).resolve()}" if data else "sandbox"
    parts = urlsplit(target)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{'127.0.0.1' if host == 'localhost' else host}:{port}{parts.path.rstrip('/')}"


def directory_name(run_id: str, server: str, part: str = "") -> str:
    """Return the name of a run's directory, such as `s0123456789_127.0.0.1_3002`.

    Args:
        run_id: that of the plan.
        server: from `server_key`. Of a sandbox's data file the name shows the last part.
        part: the slice, such as `2/8`; "" for the whole run.
    """
    if server.startswith("sandbox:"):
        server = f"sandbox_{Path(server.removeprefix('sandbox:')).name}"
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", server).strip("_")
    of_slice = f"{SEPARATOR}slice-{part.replace('/', '-of-')}" if part else ""
    return f"{run_id}{SEPARATOR}{readable[:SERVER_CHARACTERS_MAX]}{of_slice}"
