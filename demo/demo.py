"""`make demo`: a real dump into LMDB, proof that nothing was lost, a Redis client that reads it.

Every command below is the one a user would type; what it prints is its own output. Everything
happens in a folder that is removed at the end.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DUMP = ROOT / "fixtures" / "mixed_v10.rdb"
REDTOOL = [str(Path(sys.executable).with_name("redtool"))]
START_WITHIN_S = 10


def main() -> int:
    """Plays the scenes; the exit status."""
    with tempfile.TemporaryDirectory(prefix="redtool-demo-") as folder:
        os.chdir(folder)
        shutil.copy(DUMP, "dump.rdb")
        tell("A dump that Redis 7.0 saved: every type, four databases. What is in it?")
        show("info", "dump.rdb")
        tell("Import it into an LMDB store beside it.")
        show("import", "dump.rdb", "--to", "lmdb")
        tell("Is the store whole, down to every packed value?")
        show("verify", "--deep", "dump.lmdb")
        tell("Is it the same as the dump, key by key?")
        show("diff", "dump.rdb", "dump.lmdb")
        tell("Ask it something, with no server at all.")
        show("exec", "--no-raw", "dump.lmdb", "ZRANGE", "z:compact", "0", "-1", "WITHSCORES")
        show("exec", "--no-raw", "dump.lmdb", "-n", "5", "HGETALL", "h")
        tell("Serve it to Redis clients.")
        serve_and_ask()
        tell("And give it back, as a dump that an older server can load.")
        show("dump", "dump.lmdb", "-o", "old.rdb", "--for", "redis-6.2", "--lossy")
        show("diff", "dump.rdb", "old.rdb")
        tell("That was all of it. `redtool --help` shows the verbs.")
    return 0


def tell(text: str) -> None:
    """A line of narration."""
    print(f"\n{bold('# ' + text)}", flush=True)


def show(*words: str) -> None:
    """Shows a command and runs it; the demo ends where one fails."""
    print(f"$ redtool {shlex.join(words)}", flush=True)
    status = subprocess.run([*REDTOOL, *words], check=False).returncode
    if status:
        sys.exit(f"demo: that ended with status {status}, where 0 was expected")


def serve_and_ask() -> None:
    """Starts the server, lets a client ask, and ends it."""
    port = free_port()
    print(f"$ redtool serve dump.lmdb --readonly --port {port} &", flush=True)
    server = subprocess.Popen(
        [*REDTOOL, "serve", "dump.lmdb", "--readonly", "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        print(wait_for(server, port), flush=True)
        for command in (["GET", "s:str"], ["LRANGE", "l:compact", "0", "-1"], ["SET", "x", "1"]):
            ask(port, command)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(START_WITHIN_S)


def wait_for(server: subprocess.Popen[str], port: int) -> str:
    """What the server says when it is ready."""
    until = time.monotonic() + START_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                assert server.stderr is not None
                return server.stderr.readline().strip()
        time.sleep(0.01)
    sys.exit("demo: the server did not start")


def ask(port: int, command: list[str]) -> None:
    """Asks with redis-cli, or with redis-py where there is none."""
    cli = shutil.which("redis-cli")
    if cli:
        print(f"$ redis-cli -p {port} {shlex.join(command)}", flush=True)
        subprocess.run([cli, "--no-raw", "-p", str(port), *command], check=False)
        return
    import redis

    print(f">>> redis.Redis(port={port}).execute_command{tuple(command)}", flush=True)
    with redis.Redis(port=port) as client:
        try:
            print(client.execute_command(*command))
        except redis.ResponseError as error:
            print(f"ResponseError: {error}")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bold(text: str) -> str:
    """Bold on a terminal that wants it."""
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\x1b[1m{text}\x1b[0m" if wanted else text


if __name__ == "__main__":
    sys.exit(main())
