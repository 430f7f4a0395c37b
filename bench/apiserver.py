"""The API server as benchmarks read it: one `kubectl proxy`, so that looking costs next to nothing.

Promises: what is asked comes as the cluster's administrator sees it; every request has a deadline.
Leaves out writing, which is done with kubectl, as people do it.
"""

import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any, Final, Self

from dev.environment import Environment
from dev.errors import DevError
from dev.reach import inside

Json = dict[str, Any]
ANSWER_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 3600
_ADDRESS: Final = re.compile(r"127\.0\.0\.1:(\d+)")


class ApiServer:
    """A way to the API server that is open: `with ApiServer.open(environment) as api: ...`."""

    def __init__(self, environment: Environment, process: subprocess.Popen[str], port: int) -> None:
        self._environment = environment
        self._process = process
        self._port = port

    @classmethod
    def open(cls, environment: Environment) -> Self:
        """Return once the proxy listens. DevError: it does not, with its last words."""
        with inside(environment):
            process = subprocess.Popen(
                ("kubectl", "proxy", "--port=0"),  # noqa: S607 - the one in PATH, as everywhere
                env={**os.environ, **environment.variables()},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        assert process.stdout is not None
        words = process.stdout.readline()
        address = _ADDRESS.search(words)
        if address is None:
            process.kill()
            process.wait()
            raise DevError(f"kubectl proxy did not begin to listen: {words.strip()}")
        return cls(environment, process, int(address[1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def text(self, path: str) -> str:
        """Return what the API server answers. DevError: no answer, or none with 200."""
        connection = self._connect(ANSWER_SECONDS)
        try:
            return self._ask(connection, path).read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise DevError(f"GET {path}: {error!r}") from error
        finally:
            connection.close()

    def object(self, path: str) -> Json:
        """Return the object or list at a path. DevError as for `text`."""
        found: Json = json.loads(self.text(path))
        return found

    def follow(self, path: str) -> Iterator[Json]:
        """Give every event of a watch as it comes, first one for each object there is.

        It ends with this way to the API server, or after an hour.
        """
        connection = self._connect(WATCH_SECONDS)
        try:
            for line in self._ask(connection, f"{path}?watch=1&timeoutSeconds={WATCH_SECONDS}"):
                yield json.loads(line)
        except (OSError, http.client.HTTPException) as error:
            raise DevError(f"watching {path}: {error!r}") from error
        finally:
            connection.close()

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        with inside(self._environment):
            try:
                connection.connect()
            except OSError as error:
                raise DevError(f"kubectl proxy does not answer: {error!r}") from error
        return connection

    @staticmethod
    def _ask(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            words = answer.read(300).decode(errors="replace").strip()
            raise DevError(f"GET {path} was answered {answer.status}: {words}")
        return answer
