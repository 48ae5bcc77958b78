"""The platform, and the cores that a process may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from midaz_seed.errors import UnsupportedPlatformError
from midaz_seed.process import check_platform, usable_cores
from tools.chaos.processes import UNMEASURED_ENVIRONMENT

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def groups(root: Path, membership: str, **files: str) -> Path:
    """Write /proc/self/cgroup and files of control groups below `root`; `__` in a name is a slash."""
    files = {f"sys/fs/cgroup/{name.replace('__', '/')}": text for name, text in files.items()}
    for name, text in {"proc/self/cgroup": membership, **files}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def test_windows_is_refused_in_one_sentence() -> None:
    """P11: the message names a way to run there, and other platforms pass."""
    with pytest.raises(UnsupportedPlatformError, match="runs on Linux and macOS, not on Windows") as refused:
        check_platform("win32")
    assert "WSL" in refused.value.hint
    assert refused.value.exit_code == 2
    for platform in ("linux", "darwin", "freebsd14", "cygwin"):
        check_platform(platform)


@pytest.mark.skipif(CORES < 2, reason="needs two cores to tell the least from the others")
@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, CORES),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "190000 100000\n"}, 1),
        ("0::/a/b\n", {"a__b__cpu.max": "max 100000", "a__cpu.max": "100000 100000"}, 1),
        ("0::/docker/of-the-host\n", {"cpu.max": "100000 100000\n"}, 1),
        ("4:cpu,cpuacct:/x\n0::/\n", {"cpu,cpuacct__x__cpu.cfs_quota_us": "100000"}, CORES),
        (
            "4:cpu,cpuacct:/x\n0::/\n",
            {"cpu,cpuacct__x__cpu.cfs_quota_us": "100000", "cpu,cpuacct__x__cpu.cfs_period_us": "100000"},
            1,
        ),
        ("1:cpu:/gone\n", {"cpu__cpu.cfs_quota_us": "20000", "cpu__cpu.cfs_period_us": "100000"}, 1),
        ("1:cpu:/\n", {"cpu__cpu.cfs_quota_us": "-1", "cpu__cpu.cfs_period_us": "100000"}, CORES),
        ("7:cpuset:/x\n", {"cpuset__x__cpu.cfs_quota_us": "1", "cpuset__x__cpu.cfs_period_us": "1"}, CORES),
        ("nonsense", {"cpu.max": "nonsense"}, CORES),
    ],
)
def test_the_cores_are_the_least_of_affinity_and_quotas(
    membership: str, files: dict[str, str], expected: int, tmp_path: Path
) -> None:
    """L3: control groups of version 1 and 2, those above, and a path that is the host's."""
    assert usable_cores(groups(tmp_path, membership, **files)) == expected


def test_a_system_without_control_groups_has_its_affinity(tmp_path: Path) -> None:
    """L3: such as macOS."""
    assert usable_cores(tmp_path) == CORES


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a CPU affinity")
def test_a_process_bound_to_one_core_counts_one() -> None:
    """L3: `taskset -c 0`."""
    core = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{core}}}); from midaz_seed.process import usable_cores as n; print(n())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=UNMEASURED_ENVIRONMENT, timeout=60
    )
    assert done.stdout == "1\n"
