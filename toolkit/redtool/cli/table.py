"""The list of verbs, in the order of the help. A new verb is a module with a `VERB` and a line
here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.rows import Verb

MODULES = {
    "import": "redtool.cli.import_",
    "load": "redtool.cli.load",
    "dump": "redtool.cli.dump",
    "convert": "redtool.cli.convert",
    "merge": "redtool.cli.merge",
    "split": "redtool.cli.split",
    "diff": "redtool.cli.diff",
    "serve": "redtool.cli.serve",
    "exec": "redtool.cli.exec",
    "shell": "redtool.cli.shell",
    "info": "redtool.cli.info",
    "verify": "redtool.cli.verify",
}
NAMES = tuple(MODULES)


def verb_named(name: str) -> Verb:
    """The rows of a verb; only its own module is imported."""
    # Not importlib.import_module: importlib costs more to import than the verb itself.
    verb: Verb = __import__(MODULES[name], fromlist=["VERB"]).VERB
    return verb
