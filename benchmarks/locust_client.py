"""locust's FastHttpUser, sending requests made beforehand; started by clients.py.

Prints one JSON object: good, wall_s, cpu_s.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
import orjson  # noqa: E402
from locust.contrib.fasthttp import FastHttpUser  # noqa: E402
from locust.env import Environment  # noqa: E402


def main(url: str, file: str, users: int) -> None:
    """Send them with so many users at once."""
    environment = Environment(user_classes=[])
    waiting = iter(orjson.loads(Path(file).read_bytes()))
    good = 0

    class Sender(FastHttpUser):  # type: ignore[misc]
        host = url

    def run() -> None:
        nonlocal good
        user = Sender(environment)
        for path, body, headers in waiting:
            answer = user.client.post(path, data=body, headers=headers)
            good += answer.status_code == 201

    wall_0, cpu_0 = time.perf_counter(), time.process_time()
    gevent.joinall([gevent.spawn(run) for _ in range(users)])
    told = {"good": good, "wall_s": time.perf_counter() - wall_0, "cpu_s": time.process_time() - cpu_0}
    sys.stdout.write(orjson.dumps(told).decode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
