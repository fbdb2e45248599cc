"""Build the bench's dump once: a production-like keyspace, written by redis-server's own SAVE.

    python bench/make_dump.py                    bench/data/bench-1000000.rdb, about 300 MB
    python bench/make_dump.py --keys 10000000    ten times that, for the memory rows

The keyspace is described in `keyspace.py`. An existing dump is kept unless --force is given. The
file appears under its name only when redis-server has finished it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import keyspace
import peer

DATA = Path(__file__).parent / "data"
# Room for the dump itself and the temporary file it is written to, with a margin.
BYTES_PER_KEY = 400


def dump_path(keys: int, folder: Path = DATA) -> Path:
    """Where the dump of a keyspace of `keys` lies."""
    return folder / f"bench-{keys}.rdb"


def check_space(folder: Path, keys: int) -> None:
    """Refuse early when the disk cannot take the dump."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < keys * BYTES_PER_KEY * 2:
        raise SystemExit(f"{folder} has {free_bytes >> 20} MB free, too little for {keys} keys")


def build(keys: int, folder: Path = DATA) -> Path:
    """Fill a redis-server, save it, and move the finished dump into place."""
    folder.mkdir(parents=True, exist_ok=True)
    check_space(folder, keys)
    target = dump_path(keys, folder)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        with peer.redis_server(Path(made), "--rdbcompression", "yes") as server:
            server.wait_ready()
            started_s = time.perf_counter()
            peer.pipeline(server.port, keyspace.commands(keys))
            filled_s = time.perf_counter()
            size = int(server.ask("DBSIZE")[1:])
            reply = server.ask("SAVE")
            saved_s = time.perf_counter()
        if not reply.startswith(b"+OK"):
            raise SystemExit(f"redis-server could not save: {reply!r}")
        (Path(made) / "dump.rdb").replace(target)
    facts = {"keys": size, "bytes": target.stat().st_size, "fill_s": filled_s - started_s}
    print(json.dumps(facts | {"path": str(target), "save_s": saved_s - filled_s}), file=sys.stderr)
    return target


def ensure(keys: int, folder: Path = DATA) -> Path:
    """The dump of `keys`, built when it is not there yet."""
    target = dump_path(keys, folder)
    return target if target.exists() else build(keys, folder)


def main() -> None:
    """Build the dump that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=DATA, help="folder (bench/data)")
    parser.add_argument("--force", action="store_true", help="build again although the file exists")
    args = parser.parse_args()
    if not peer.installed(peer.REDIS_SERVER):
        raise SystemExit("redis-server is not installed: the dump is built by it")
    print(build(args.keys, args.out) if args.force else ensure(args.keys, args.out))


if __name__ == "__main__":
    main()
