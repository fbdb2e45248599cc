"""`redtool serve DATASET`: a Redis-compatible server over a dataset, at once."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb, integer
from redtool.cli.shared import CLOCK, DATABASES, pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Serves until SIGINT or SIGTERM."""
    from redtool.verbs.serve import serve

    server = serve(
        values["source"],
        readonly=values["readonly"],
        backend=values["backend"],
        dir=values["dir"],
        rdb=values["rdb"],
        flushall=values["flushall"],
        tuning=dict(values["tuning"]),
        port=values["port"],
        bind=values["bind"] or ["127.0.0.1"],
        unixsocket=values["unixsocket"],
        threads=values["threads"],
        databases=values["databases"],
        clock=values["clock"],
        insecure=values["insecure"],
        maxclients=values["maxclients"],
        timeout_s=values["timeout"],
        cluster_enabled=values["cluster_enabled"],
        signals=True,
    )

    def ready() -> None:
        where = ", ".join(server.addresses)
        what = server.plan.describe()
        printer.say(f"redtool: serving {what} at {where} (Ctrl-C ends it)")

    import signal

    # Python's own handler would run beside the server's, and call a clean end an interruption.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server.run(ready)
    server.stop()
    return 0


VERB = Verb(
    "serve",
    "Serve a dataset to any Redis client, at once, whatever its size.",
    run,
    details="RESP2 and RESP3. A store keeps what is written; a dump is served read-only, or a copy "
    "of it in memory. It listens on loopback unless told otherwise.",
    arguments=(
        Argument("source", "The dataset; without one, memory.", metavar="DATASET", optional=True),
    ),
    options=(
        Option("readonly", ("--readonly",), "Refuse writes."),
        Option(
            "backend",
            ("--backend",),
            "Where what is written lives: memory, lmdb, leveldb.",
            metavar="NAME",
        ),
        Option(
            "dir",
            ("--dir",),
            "Folder of what the backend keeps: dump.lmdb or dump.leveldb (by default here); "
            "dump.rdb of a dataset in memory, which is saved only where this is given.",
            metavar="PATH",
        ),
        Option("rdb", ("--rdb",), "Begin with what this dump holds.", metavar="FILE"),
        Option("flushall", ("--flushall",), "Begin with nothing, or with --rdb alone."),
        Option(
            "tuning",
            ("--option",),
            "Tune the store (block_size=16KB), or set a parameter as CONFIG SET does "
            "(maxmemory=1gb); repeatable.",
            metavar="NAME=VALUE",
            many=True,
            parse=pair,
        ),
        Option(
            "port",
            ("--port", "-p"),
            "TCP port; 0 is any free one, -1 none (write --port=-1).",
            metavar="PORT",
            parse=integer(-1, 65535),
            default="6379",
        ),
        Option("bind", ("--bind",), "Address (repeatable).", metavar="HOST", many=True),
        Option("insecure", ("--insecure",), "Allow --bind beyond loopback, with no password."),
        Option("unixsocket", ("--unixsocket",), "Also listen on this socket.", metavar="PATH"),
        Option(
            "threads",
            ("--threads",),
            "Threads; 0 is one a core.",
            metavar="N",
            parse=integer(0, 1024),
            default="0",
        ),
        Option(
            "maxclients",
            ("--maxclients",),
            "Connections at once.",
            metavar="N",
            parse=integer(1, 1_000_000),
            default="10000",
        ),
        Option(
            "timeout",
            ("--timeout",),
            "Seconds after which an idle client is disconnected; 0 is never.",
            metavar="SECONDS",
            parse=integer(0, 2**31 - 1),
            default="0",
        ),
        DATABASES,
        Option(
            "cluster_enabled",
            ("--cluster-enabled",),
            "Answer as a cluster of one node that owns every slot, for cluster clients.",
        ),
        CLOCK,
        Option("quiet", ("--quiet", "-q"), "Say nothing when ready.", panel="Output"),
    ),
    statuses=("0 it was ended by SIGINT, SIGTERM or a client's SHUTDOWN", "2 trouble"),
    ends_by_itself=True,
)
