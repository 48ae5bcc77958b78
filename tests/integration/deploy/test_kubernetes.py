"""The Indexed Job of `deploy/kubernetes`: its manifests fit together, and its pods, as processes, fill a server."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from midaz_seed.runner import verify_async
from midaz_seed.settings.loader import load_settings
from tools.chaos.processes import UNMEASURED_ENVIRONMENT, command_process, sandbox_process

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[3] / "deploy" / "kubernetes"
KUBERNETES = "1.33"
TOKEN = "a-token-of-this-test"
VOLUME = {"organizations": 2, "ledgersPerOrganization": 2, "accountsPerLedger": 8, "transactionsPerAccount": 16}
SLOW = "rules: [{on: transactions, methods: [POST], latency: {ms: 150}}]"

Process = AbstractAsyncContextManager[asyncio.subprocess.Process]


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


JOB = _read("job.yaml")["spec"]
POD = JOB["template"]["spec"]
CONTAINER = POD["containers"][0]
KUSTOMIZATION = _read("kustomization.yaml")


def test_the_manifests_refer_to_one_another() -> None:
    generated = {each["name"] for each in KUSTOMIZATION["configMapGenerator"] + KUSTOMIZATION["secretGenerator"]}
    volumes = {each["name"]: each for each in POD["volumes"]}
    assert {each["name"] for each in CONTAINER["volumeMounts"]} == set(volumes)
    assert {volumes["settings"]["configMap"]["name"], volumes["token"]["secret"]["secretName"]} <= generated
    assert volumes["runs"]["persistentVolumeClaim"]["claimName"] == _read("volume.yaml")["metadata"]["name"]
    assert KUSTOMIZATION["namespace"] == _read("namespace.yaml")["metadata"]["name"]
    files = [
        *KUSTOMIZATION["resources"],
        *(file for each in KUSTOMIZATION["configMapGenerator"] for file in each["files"]),
    ]
    assert {*files, "kustomization.yaml"} == {path.name for path in FOLDER.iterdir()}
    # every index is a slice, and a pod has more time to end than its process takes
    slices = next(each["value"] for each in CONTAINER["env"] if each["name"] == "JOB_SLICES")
    assert (JOB["completionMode"], JOB["completions"], JOB["parallelism"], slices) == ("Indexed", 4, 4, "4")
    grace = CONTAINER["args"][CONTAINER["args"].index("--grace") + 1]
    assert int(grace.removesuffix("s")) < POD["terminationGracePeriodSeconds"]
    assert KUSTOMIZATION["images"][0]["name"] == CONTAINER["image"]


@pytest.mark.parametrize("name", ["job.yaml", "namespace.yaml", "volume.yaml"])
def test_a_manifest_has_the_published_schema(name: str) -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="it has the schemas of Kubernetes")
    schemas.validate(_read(name), KUBERNETES, strict=True)


class Cluster:
    """Pods of the Job as processes: mounted folders are below `root`, and every pod has the same ones."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        for mount in CONTAINER["volumeMounts"]:
            self.path(mount["mountPath"]).mkdir(parents=True)
        self.path("/run/secrets/midaz-seed/token").write_text(f"{TOKEN}\n", encoding="utf-8")
        settings = _read("midaz-seed.yaml")
        settings |= {"preset": "tiny", "volume": VOLUME}
        settings["target"] |= {"baseUrl": url, "authTokenFile": self._rewritten(settings["target"]["authTokenFile"])}
        settings["journal"]["directory"] = self._rewritten(settings["journal"]["directory"])
        self.path("/etc/midaz-seed/midaz-seed.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def path(self, mounted: str) -> Path:
        """Return where a path of a pod is."""
        return self.root / mounted.lstrip("/")

    def _rewritten(self, argument: str) -> str:
        return str(self.path(argument)) if argument.startswith("/") else argument

    def pod(self, index: int, **environment: str) -> Process:
        """Start the container of a pod."""
        arguments = [self._rewritten(argument) for argument in CONTAINER["args"]]
        given: Mapping[str, str] = {each["name"]: each["value"] for each in CONTAINER["env"]}
        job = {**given, "JOB_COMPLETION_INDEX": str(index), **environment}
        return command_process(*arguments, environment={**UNMEASURED_ENVIRONMENT, **job}, cwd=self.root)

    async def run(self, index: int, **environment: str) -> tuple[int, str]:
        """Run a pod to its end; return its exit code and its log."""
        async with self.pod(index, **environment) as process:
            _, log = await process.communicate()
        assert process.returncode is not None
        return process.returncode, log.decode()


async def test_pods_two_of_them_twice_and_one_killed_make_everything_once(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text(SLOW, encoding="utf-8")
    environment = {**UNMEASURED_ENVIRONMENT, "MIDAZ_SEED_SANDBOX_TOKEN": TOKEN}
    async with sandbox_process("--faults", str(faults), environment=environment) as (url, _):
        cluster = Cluster(tmp_path / "node", url)
        elsewhere = {"MIDAZ_SEED_JOURNAL__DIRECTORY": str(tmp_path / "emptyDir")}

        async def killed() -> tuple[int, str]:
            async with cluster.pod(3) as process:
                ended = asyncio.ensure_future(process.communicate())
                while not any(file.stat().st_size for file in cluster.path("/runs").glob("*slice-4-of-4/journal")):
                    await asyncio.sleep(0.02)
                process.kill()
                await ended
            assert process.returncode == -9
            return await cluster.run(3)  # `backoffLimitPerIndex` starts it again

        first = [cluster.run(0), cluster.run(1), cluster.run(2), killed()]
        *ended, same_volume, other_volume = await asyncio.gather(*first, cluster.run(1), cluster.run(2, **elsewhere))
        codes = [code for code, _ in (ended[0], ended[2], ended[3], other_volume)]
        assert codes == [0] * 4, [log for _, log in ended]
        # of two pods that share the volume one may be refused; started again, it finds that all is done
        of_index_1 = [ended[1], same_volume]
        assert 0 in {code for code, _ in of_index_1}, of_index_1
        assert all(code == 0 or "is in use by process" in log for code, log in of_index_1), of_index_1
        assert (await cluster.run(1))[0] == 0
        assert TOKEN not in "".join(log for _, log in (*ended, same_volume, other_volume))

        runs = cluster.path("/runs")
        run_id = next(iter(runs.iterdir())).name.partition("_")[0]
        async with command_process("runs", "merge", run_id, "--runs-dir", str(runs)) as process:
            report, log = await process.communicate()
        assert process.returncode == 0, log.decode()
        assert b"Done: every balance is the planned one." in report
        loaded = load_settings(config=cluster.path("/etc/midaz-seed/midaz-seed.yaml"), environ={}).settings
        verification = loaded.verification.model_copy(update={"every_transaction": True})
        whole = await verify_async(loaded.model_copy(update={"verification": verification}))
    assert whole.exit_code == 0, whole.verdict
    assert whole.proof is not None
    assert (whole.proof.ledgers, whole.proof.differences_total) == (4, 0)
