"""`redtool serve DATASET`: a Redis-compatible server over a dataset, at once."""

from __future__ import annotations

from redtool.cli.rows import Argument, Option, Verb, integer
from redtool.times import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.printer import Printer
    from redtool.cli.rows import Values


def run(values: Values, printer: Printer) -> int:
    """Serves until SIGINT or SIGTERM."""
    from redtool.verbs.serve import serve

    server = serve(
        values["source"],
        port=values["port"],
        bind=values["bind"] or ["127.0.0.1"],
        unixsocket=values["unixsocket"],
        threads=values["threads"],
        databases=values["databases"],
        clock=values["clock"],
        insecure=values["insecure"],
        maxclients=values["maxclients"],
        timeout_s=values["timeout"],
        signals=True,
    )

    def ready() -> None:
        where = ", ".join(server.addresses)
        printer.say(f"redtool: serving {values['source']} read-only at {where} (Ctrl-C ends it)")

    server.run(ready)
    server.stop()
    return 0


VERB = Verb(
    "serve",
    "Serve a dataset to any Redis client, at once, whatever its size.",
    run,
    details="RESP2 and RESP3, all read commands; writes are answered with READONLY. It listens on "
    "loopback unless told otherwise.",
    arguments=(Argument("source", "The dataset.", metavar="DATASET"),),
    options=(
        Option("readonly", ("--readonly",), "Refuse writes. Serving is always read-only so far."),
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
        Option(
            "databases",
            ("--databases",),
            "How many databases clients can select.",
            metavar="N",
            parse=integer(1, 2**31 - 1),
            default="16",
        ),
        Option(
            "clock",
            ("--clock",),
            "What time it is: now, dump (when it was taken), an ISO time.",
            metavar="TIME",
            parse=clock,
            default="now",
        ),
        Option("quiet", ("--quiet", "-q"), "Say nothing when ready.", panel="Output"),
    ),
    statuses=("0 it was ended by SIGINT, SIGTERM or a client's SHUTDOWN", "2 trouble"),
    ends_by_itself=True,
)
