"""DynamoDB Local, Amazon's own engine for tests, on a loopback port of its own.

`make dynamodb` fetches it from Maven Central into `.venv/dynamodb-local`. What needs it is skipped,
by name, where it or Java is missing. As a program, runs a command with such a service beside it:

    python -m tests.dynamodb.local cargo test …     # with REDTOOL_DYNAMODB_ENDPOINT set
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import pytest

from tests.peer import free_port

JARS = Path(sys.prefix) / "dynamodb-local"
MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"
JAVA = shutil.which("java")
HERE = JAVA is not None and any(JARS.glob("DynamoDBLocal-*.jar"))
needs_dynamodb_local = pytest.mark.skipif(
    not HERE, reason="DynamoDB Local is not here: it needs Java 17, and `make dynamodb` to fetch it"
)
# Any will do, but there must be some. It keeps the tables of each region apart.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class DynamoDBLocal:
    """The service, all in memory."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "dynamodb-local.log"
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        command = [str(JAVA), "-Xmx1g", f"-Djava.library.path={JARS}", "-cp", f"{JARS}/*", MAIN]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "-inMemory", "-port", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return when it answers; one that died on the way is an error with its log."""
        for _ in range(600):
            try:
                urllib.request.urlopen(self.endpoint, timeout=1)
            except urllib.error.HTTPError:
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.process.kill()
        raise RuntimeError(f"DynamoDB Local did not come up:\n{self.log.read_text()[-2000:]}")

    def url(self, table: str) -> str:
        """The name of a table for redtool."""
        return f"dynamodb://{table}?region=us-east-1&endpoint={self.endpoint}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.terminate()
        self.process.wait(30)


def main(command: list[str]) -> int:
    if not HERE:
        print("DynamoDB Local is not here; left out:", *command)
        return 0
    with tempfile.TemporaryDirectory() as folder, DynamoDBLocal(Path(folder)) as service:
        env = {**os.environ, "REDTOOL_DYNAMODB_ENDPOINT": service.endpoint}
        return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
