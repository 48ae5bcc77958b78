"""The endpoints about the server itself: health, version and readiness."""

from typing import Any

from midaz_seed.sandbox.core.messages import Call, Reply, json_reply, text_reply
from midaz_seed.sandbox.storage.state import SandboxState


def health(_state: SandboxState, _call: Call) -> Reply:
    """Answer that the server is healthy."""
    return text_reply(200, "healthy")


def version(state: SandboxState, _call: Call) -> Reply:
    """Show the version that the sandbox imitates."""
    return json_reply(
        200, {"version": state.dialect.version, **state.dialect.version_fields, "requestDate": state.now()[1]}
    )


def ready(state: SandboxState, _call: Call) -> Reply:
    """Answer that everything the real server depends on is up."""
    checks: dict[str, dict[str, Any]] = {
        name: {"status": "up", "latency_ms": 1, "tls": False} for name in state.dialect.readiness_checks
    }
    checks["rabbitmq"]["breaker_state"] = "closed"  # (midaz-behaviour: readiness)
    return json_reply(
        200, {"status": "healthy", "version": state.dialect.version, "deployment_mode": "local", "checks": checks}
    )
