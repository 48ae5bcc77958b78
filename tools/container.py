"""Build the image of the Containerfile where no registry can be reached, run it, and measure it.

    python -m tools.container --lock   # write deploy/container/*.txt: the locked dependencies, with hashes
    python -m tools.container          # build and try; needs debootstrap, buildah and bubblewrap, as root

The base image is a Debian with Python, made by debootstrap, in place of the one that the Containerfile names; every
step is the Containerfile's own. The command of the image then runs on a read-only root under another user id.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build/container"
LOCKS = ROOT / "deploy/container"
BASE, IMAGE = "localhost/midaz-seed-base", "localhost/midaz-seed"
TOOLS = ("debootstrap", "buildah", "bwrap")
UID = "12345"
LIMIT_MB = 100
"""Most that the image may have above its base."""
PIP_SETTINGS = "[global]\n" + "".join(
    f"{name[4:].lower().replace('_', '-')} = {value}\n"
    for name, value in os.environ.items()
    if name.startswith("PIP_") and name != "PIP_FIND_LINKS"
)
"""The settings of pip on this machine, such as a mirror, for the build alone."""


def main() -> None:
    """Lock, or build and try."""
    if "--lock" in sys.argv[1:]:
        lock()
        return
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        sys.exit(f"missing: {', '.join(missing)}; on Debian: apt-get install debootstrap buildah bubblewrap")
    WORK.mkdir(parents=True, exist_ok=True)
    make_base()
    started_s = time.monotonic()
    buildah("build", "--isolation=chroot", "--network=host", "--format=docker", f"--build-arg=PYTHON={BASE}",
            f"--tag={IMAGE}", f"--file={ROOT / 'Containerfile'}", str(ROOT))  # fmt: skip
    print(f"built in {time.monotonic() - started_s:.0f} s, with every step of the Containerfile")
    container = buildah("from", IMAGE)
    root = Path(buildah("mount", container))
    try:
        measure(root)
        run_image(root, json.loads(buildah("inspect", "--type=image", IMAGE))["Docker"]["config"])
    finally:
        buildah("rm", container)


def lock() -> None:
    """Write the locked dependencies: those of the package, and those that build its wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    LOCKS.mkdir(exist_ok=True)
    for name, required in (
        ("requirements.txt", project["project"]["dependencies"]),
        ("build-requirements.txt", project["build-system"]["requires"]),
    ):
        command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "-", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--upgrade", "-o", str(LOCKS / name)]
        subprocess.run(command, input="\n".join(required), text=True, check=True, stdout=subprocess.DEVNULL)
        print(f"{name}: {(LOCKS / name).read_text(encoding='utf-8').count('==')} packages")


def make_base() -> None:
    """Make the base image once: Debian, Python, and the settings of pip on this machine."""
    if BASE in buildah("images", "--format", "{{.Name}}").split():
        return
    root = WORK / "base"
    if not (root / "usr/local/bin/python").is_symlink():
        shutil.rmtree(root, ignore_errors=True)
        packages = "--include=python3,python3-venv,ca-certificates,binutils"
        subprocess.run(["debootstrap", "--variant=minbase", packages, "stable", str(root)], check=True, stdout=-3)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    (root / "etc/pip.conf").write_text(PIP_SETTINGS, encoding="utf-8")
    certificates = Path("etc/ssl/certs/ca-certificates.crt")
    shutil.copyfile(Path("/") / certificates, root / certificates)
    container = buildah("from", "scratch")
    buildah("add", container, str(root), "/")
    buildah("commit", container, BASE)
    buildah("rm", container)


def buildah(*arguments: str) -> str:
    """Call buildah with a storage of its own; return what it prints."""
    command = ["buildah", "--storage-driver=vfs", f"--root={WORK / 'storage'}", f"--runroot={WORK / 'run'}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout.strip()


def measure(root: Path) -> None:
    """Print the size of what the image adds to its base; exit above the limit."""
    added = [path for path in (root / "opt/midaz-seed").rglob("*") if path.is_file() and not path.is_symlink()]
    size_mb = sum(path.stat().st_size for path in added) / 1e6
    print(f"{size_mb:.1f} MB above the base, in {len(added)} files")
    sizes: Counter[str] = Counter()
    for path in added:  # opt/midaz-seed/lib/python3.x/site-packages/PACKAGE/...
        sizes["/".join(path.relative_to(root).parts[5:6]) or path.name] += path.stat().st_size
    print("largest: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.most_common(6)))
    if size_mb > LIMIT_MB:
        sys.exit(f"more than {LIMIT_MB} MB")


def run_image(root: Path, config: dict[str, Any]) -> None:
    """Run commands of the image: read-only root, another user id, a volume, and a tmpfs."""
    with tempfile.TemporaryDirectory(prefix="midaz-seed-image-") as runs:
        Path(runs).chmod(0o1777)
        jail = ["bwrap", "--unshare-user", "--uid", UID, "--gid", UID, "--unshare-pid", "--die-with-parent"]
        jail += ["--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        jail += ["--bind", runs, "/runs", "--chdir", config["WorkingDir"], "--clearenv"]
        for variable in config["Env"]:
            jail += ["--setenv", *variable.split("=", 1)]
        seed = ["run", "--preset", "tiny", "--target", "sandbox", "--sandbox-data", "ledger.sqlite", "--quiet"]
        for arguments in (config["Cmd"], ["--version"], seed, ["runs", "list"]):
            started_s = time.monotonic()
            done = subprocess.run(
                [*jail, *config["Entrypoint"], *arguments], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            print(f"midaz-seed {' '.join(arguments)}: exit code 0 in {time.monotonic() - started_s:.1f} s")
        print(done.stdout)
        if subprocess.run([*jail, "touch", "/opt/x"], capture_output=True, check=False).returncode == 0:
            sys.exit("the root is not read-only")
        print(f"all of it with a read-only root, as user {UID}")


if __name__ == "__main__":
    main()
