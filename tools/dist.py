"""Build wheel and sdist into dist/, twice, and fail unless both builds have the same bytes.

With --try, install the wheel into an empty environment of each Python on this machine (3.11 to 3.14), with the newest
and with the lowest allowed versions of the dependencies, and run it there; then with `uvx`, `pipx run`, and the steps
of the GitHub action. A version that is not on this machine is taken from Debian unstable where debootstrap and
bubblewrap are, as root.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from tools.github_action import run_action

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
CHECKED = ("run", "--target", "sandbox", "--preset", "tiny", "--quiet")


def main() -> None:
    """Build, compare, and try what was built where the arguments say so."""
    with tempfile.TemporaryDirectory(prefix="midaz-seed-dist-") as folder:
        first, second = (build(Path(folder) / name, umask) for name, umask in (("first", 0o022), ("second", 0o077)))
        if first != second:
            sys.exit(f"the two builds differ:\n  {first}\n  {second}")
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(Path(folder) / "first" / "dist", DIST)
    sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(first.items()))
    (DIST / "SHA256SUMS").write_text(sums, encoding="utf-8")
    print(f"{sums}Both builds have the same bytes; they are in dist/.")
    if "--try" in sys.argv[1:]:
        try_all(next(DIST.glob("*.whl")))


def build(folder: Path, umask: int) -> dict[str, str]:
    """Build from the files that git has, in a folder of their own. Return file -> SHA-256."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    (folder / "source.tar").write_bytes(archive)
    source = folder / "source"
    with tarfile.open(folder / "source.tar") as tar:
        tar.extractall(source, filter="data")
    committed = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source)]
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": committed, "TZ": "UTC" if umask == 0o022 else "Asia/Tokyo"},
        umask=umask,
    )
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (folder / "dist").iterdir()}


def try_all(wheel: Path) -> None:
    """Install and run the wheel with each Python on this machine."""
    for version in PYTHONS:
        python = find_python(version)
        if python is None and os.geteuid() == 0 and shutil.which("debootstrap") and shutil.which("bwrap"):
            try_in_debian(wheel, version)
            continue
        if python is None:
            print(f"Python {version}: not on this machine, not tried")
            continue
        for resolution in ("highest", "lowest-direct"):
            try_one(wheel, python, version, resolution)
    uvx = [sys.executable, "-m", "uv", "tool", "run", "--no-python-downloads"]
    try_runner("uvx", [*uvx, "--from", str(wheel), "midaz-seed", *CHECKED])
    try_runner("pipx run", [*uvx, "pipx", "run", "--spec", str(wheel), "midaz-seed", *CHECKED])
    with tempfile.TemporaryDirectory(prefix="midaz-seed-action-") as folder:
        outputs = run_action(Path(folder), {"package": str(wheel), "port": "0"})
        os.kill(int(outputs["pid"]), signal.SIGTERM)
        print(
            f"GitHub action: installed, filled {outputs['url']}, and wrote a summary of {len(outputs['summary'])} bytes"
        )


def try_runner(name: str, command: list[str]) -> None:
    """Run the wheel with a program that installs it for one command."""
    with tempfile.TemporaryDirectory(prefix="midaz-seed-try-") as folder:
        started_s = time.monotonic()
        environment = {**os.environ, "PIPX_HOME": folder, "PIPX_DEFAULT_BACKEND": "pip"}
        subprocess.run(command, check=True, cwd=folder, stdout=-3, env=environment)
        print(f"{name}: installed, seeded and verified in {time.monotonic() - started_s:.1f} s")


def find_python(version: str) -> str | None:
    """Return the interpreter of a version, from pyenv, or from the path."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    of_pyenv = sorted(pyenv.glob(f"{version}.*/bin/python"))
    return str(of_pyenv[-1]) if of_pyenv else shutil.which(f"python{version}")


def try_one(wheel: Path, python: str, version: str, resolution: str) -> None:
    """Install the wheel into an empty environment and seed the embedded server with it."""
    with tempfile.TemporaryDirectory(prefix="midaz-seed-try-") as folder:
        environment = Path(folder) / "environment"
        uv = [sys.executable, "-m", "uv"]
        started_s = time.monotonic()
        subprocess.run([*uv, "venv", "-q", "--no-python-downloads", "--python", python, str(environment)], check=True)
        target = ["--python", str(environment / "bin" / "python")]
        subprocess.run([*uv, "pip", "install", "-q", *target, "--resolution", resolution, str(wheel)], check=True)
        installed_s = time.monotonic()
        subprocess.run([str(environment / "bin" / "midaz-seed"), *CHECKED], check=True, cwd=folder, stdout=-3)
        ended_s = time.monotonic()
    print(
        f"Python {version}, {resolution} versions of the dependencies: installed in {installed_s - started_s:.1f} s, "
        f"seeded and verified in {ended_s - installed_s:.1f} s"
    )


def try_in_debian(wheel: Path, version: str) -> None:
    """Install and run the wheel with the Python of Debian unstable, in a root of its own, from downloaded wheels."""
    root = ROOT / "build" / f"debian-python{version}"
    if not (root / f"usr/bin/python{version}").exists():
        shutil.rmtree(root, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include=python{version}-venv", "unstable", str(root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="midaz-seed-wheels-") as wheels:
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", wheels, str(wheel)]
        command += ["--python-version", version, *("--abi", f"cp{version.replace('.', '')}", "--abi", "abi3")]
        subprocess.run([*command, "--abi", "none"], check=True)
        jail = ["bwrap", "--bind", str(root), "/", "--ro-bind", wheels, "/mnt", "--proc", "/proc", "--dev", "/dev"]
        jail += ["--tmpfs", "/tmp", "--chdir", "/tmp", "--die-with-parent", "--clearenv"]  # noqa: S108 - of the root
        jail += ["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C.UTF-8"]
        started_s = time.monotonic()
        steps = f"""
            python{version} -m venv /tmp/environment
            /tmp/environment/bin/pip install -q --no-index --find-links /mnt midaz-seed
            /tmp/environment/bin/midaz-seed {" ".join(CHECKED)}
        """
        subprocess.run([*jail, "sh", "-ec", steps], check=True, stdout=subprocess.DEVNULL)
    print(
        f"Python {version} of Debian unstable: installed, seeded and verified in {time.monotonic() - started_s:.1f} s"
    )


if __name__ == "__main__":
    main()
