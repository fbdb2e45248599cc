"""The Typer application, built from the rows of the verbs: help, completion and usage errors.

Nothing runs here. A command only notes what was asked for; `redtool.cli.main` runs it afterwards,
the same way as when the lean parser read the line.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from redtool.cli.lean import fence
from redtool.cli.rows import BadWord, read_values
from redtool.cli.table import NAMES, verb_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from redtool.cli.rows import Argument, Option, Values, Verb

    Note = Callable[[Verb, Values], None]

ABOUT = (
    "Open, query, convert, compare and serve Redis datasets.\n\n"
    "A dataset is an RDB dump (x.rdb, x.rdb.gz, x.rdb.zst, - for stdin), an LMDB store (x.lmdb) or"
    " a LevelDB store (x.leveldb)."
)


def parse(line: list[str]) -> tuple[Verb, Values] | int:
    """The verb and its values, or the exit status when Typer has answered already."""
    asked: list[tuple[Verb, Values]] = []
    app = build(lambda verb, values: asked.append((verb, values)))
    if line and line[0] in NAMES:
        line = [line[0], *fence(verb_named(line[0]), line[1:])]
    try:
        app(args=line, prog_name="redtool")
    except SystemExit as end:
        if asked and not end.code:
            return asked[0]
        return end.code if isinstance(end.code, int) else 0
    return asked[0] if asked else 0


def build(note: Note) -> typer.Typer:
    """The application; each of its commands calls `note`."""
    app = typer.Typer(
        help=ABOUT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback(invoke_without_command=True)(_top)
    for name in NAMES:
        verb = verb_named(name)
        app.command(
            name,
            help="\n\n".join(part for part in (verb.summary, verb.details) if part),
            short_help=verb.summary,
            epilog="Exit status:\n\n" + "\n\n".join(verb.statuses),
            no_args_is_help=any(not argument.optional for argument in verb.arguments),
        )(_command(verb, note))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        import redtool

        typer.echo(f"redtool {redtool.__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Version."),
    ] = False,
) -> None:
    """The options before any verb."""


def _command(verb: Verb, note: Note) -> Callable[..., None]:
    """A function whose signature is the verb's rows."""

    def command(**words: Any) -> None:
        plain = {n: list(word) if isinstance(word, tuple) else word for n, word in words.items()}
        for option in verb.options:
            if option.many and plain[option.name] is None:
                plain[option.name] = []
        try:
            note(verb, read_values(verb, plain))
        except BadWord as bad:
            raise typer.BadParameter(bad.problem, param_hint=bad.flag) from None

    rows: list[inspect.Parameter] = [_argument(argument) for argument in verb.arguments]
    rows += [_option(option) for option in verb.options]
    command.__annotations__ = {row.name: row.annotation for row in rows}
    command.__signature__ = inspect.Signature(rows)  # type: ignore[attr-defined]
    return command


def _argument(row: Argument) -> inspect.Parameter:
    kind = list[str] if row.many else str
    detail = typer.Argument(metavar=row.metavar, help=row.help, show_default=False)
    if row.optional:
        return _parameter(row.name, Annotated[str | None, detail], default=None)
    return _parameter(row.name, Annotated[kind, detail])


def _option(row: Option) -> inspect.Parameter:
    if row.is_switch:
        # A blank, or Typer writes <bool> behind each switch.
        detail = typer.Option(*row.flags, metavar=" ", help=row.help, rich_help_panel=row.panel)
        return _parameter(row.name, Annotated[bool, detail], default=False)
    detail = typer.Option(
        *row.flags,
        help=row.help,
        metavar=row.metavar,
        rich_help_panel=row.panel,
        show_default=row.default is not None,
    )
    if row.many:
        return _parameter(row.name, Annotated[list[str], detail], default=[])
    if row.required:
        return _parameter(row.name, Annotated[str, detail])
    return _parameter(row.name, Annotated[str | None, detail], default=row.default)


def _parameter(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )
