"""What COMMAND DOCS tells: the text of `help`, the hint behind a line, and what Tab offers."""

from __future__ import annotations

import os

from redtool.cli.shell.syntax import Argument, Pending, first_tokens, match_all
from redtool.cli.shell.words import split_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from redtool.resp import Reply

HELP = ("help", "?")
COLUMNS = 79
USAGE = """\
help COMMAND     what a command does, and its arguments
{groups}
:set hints       show the arguments that are missing, or :set nohints
5 INCR x         runs a command 5 times
clear            clears the screen
quit             ends, as Ctrl-D does; Ctrl-C gives up a line, or ends a stream\
"""
OWN_WORDS = (
    ("help", "Explains a command, or a group of them."),
    ("clear", "Clears the screen."),
    ("quit", "Ends."),
    (":set", "hints or nohints."),
)


class Command:
    """A command, or a subcommand by its whole name (`config get`)."""

    def __init__(self, name: str, reply: Reply) -> None:
        self.name = name
        self._facts = facts(reply)
        self._arguments: list[Argument] | None = None
        self.subcommands: dict[str, Command] = {}
        listed = self._facts.get("subcommands")
        for full, about in listed.pairs() if listed is not None else ():
            word = text(full).lower().partition("|")[2]
            self.subcommands[word] = Command(f"{name} {word}", about)

    @property
    def summary(self) -> str:
        """A sentence."""
        return self.fact("summary")

    @property
    def group(self) -> str:
        """Its group: `sorted-set`."""
        return self.fact("group")

    @property
    def arguments(self) -> list[Argument]:
        """Its arguments; read when they are first asked for."""
        if self._arguments is None:
            listed = self._facts.get("arguments")
            self._arguments = [argument(each) for each in listed.items] if listed else []
        return self._arguments

    def fact(self, name: str) -> str:
        """One of the plain facts, or nothing."""
        return text(self._facts[name]) if name in self._facts else ""

    def written(self) -> str:
        """Its syntax: `GET key`."""
        if self.subcommands:
            return f"{self.name.upper()} {choices(self)}"
        return " ".join([self.name.upper(), *(each.written() for each in self.arguments)])

    def pending(self, words: Sequence[bytes]) -> list[Pending]:
        """What is missing behind the words after its name."""
        found = match_all(self.arguments, words)
        return found[1] if found is not None and found[0] == len(words) else []


class Docs:
    """All commands, by their names in lower case."""

    def __init__(self, reply: Reply) -> None:
        named = ((text(name).lower(), about) for name, about in reply.pairs())
        self.commands = {
            name: Command(name, about) for name, about in sorted(named, key=lambda pair: pair[0])
        }
        self.groups = sorted({command.group for command in self.commands.values()} - {""})

    def help(self, words: Sequence[str]) -> str:
        """The answer to `help WORDS`."""
        if not words:
            groups = f"help @GROUP      the commands of a group: {', '.join(self.groups)}"
            return USAGE.format(groups=_folded(groups, 17))
        if words[0].startswith("@"):
            group = words[0][1:].lower().replace("_", "-")
            chosen = [each for each in self.commands.values() if each.group == group]
            if not chosen:
                return _folded(f"no group {words[0]}; there are {', '.join(self.groups)}", 2)
            return "\n\n".join(_about(each, brief=True) for each in chosen)
        command, used = self.command([os.fsencode(word) for word in words])
        if command is None or used < len(words):
            return f"no command {' '.join(words)!r}"
        return _about(command)

    def command(self, words: Sequence[bytes]) -> tuple[Command | None, int]:
        """The command that the words begin with, and how many of them are its name."""
        command = self.commands.get(os.fsdecode(words[0]).lower()) if words else None
        if command is None:
            return None, 0
        if len(words) > 1:
            sub = command.subcommands.get(os.fsdecode(words[1]).lower())
            if sub is not None:
                return sub, 2
        return command, 1

    def hint(self, line: str) -> str:
        """What could follow a line: its missing arguments."""
        words = split_words(os.fsencode(line))
        if not words:
            return ""
        words = words[repetitions(words) is not None :]
        command, used = self.command(words)
        if command is None:
            return ""
        if command.subcommands:
            hint = choices(command) if len(words) == used else ""
        else:
            hint = " ".join(part.text for part in command.pending(words[used:]))
        return hint if line[-1].isspace() or not hint else f" {hint}"

    def completions(self, line: str) -> list[tuple[str, str]]:
        """What the last word of a line could become, each with what is known of it."""
        start = len(line.rstrip()) if line[-1:].isspace() else line.rfind(" ") + 1
        before, last = line[:start], line[start:].lstrip()
        words = split_words(os.fsencode(before))
        if words is None:
            return []
        offered = self._offered(words[1:] if words and words[0].isdigit() else words)
        in_lower = last.islower()
        fitting = (
            (word, about) for word, about in offered if word.lower().startswith(last.lower())
        )
        return [(word.lower() if in_lower else word, about) for word, about in fitting]

    def _offered(self, words: Sequence[bytes]) -> list[tuple[str, str]]:
        """Words that can come behind the words."""
        names = [(name.upper(), each.summary) for name, each in self.commands.items()]
        if not words:
            return [*names, *(own for own in OWN_WORDS if own[0] not in self.commands)]
        if os.fsdecode(words[0]).lower() in HELP and len(words) == 1:
            return [*names, *((f"@{group}", "") for group in self.groups)]
        if words == [b":set"]:
            return [("hints", ""), ("nohints", "")]
        command, used = self.command(words)
        if command is None:
            return []
        if command.subcommands:
            subs = command.subcommands.items() if used == len(words) else ()
            return [(name.upper(), sub.summary) for name, sub in subs]
        tokens = first_tokens(command.pending(words[used:]))
        return [(token, "") for token in dict.fromkeys(tokens) if token != '""']


def argument(reply: Reply) -> Argument:
    """One argument of COMMAND DOCS."""
    known = facts(reply)
    children = known["arguments"].items if "arguments" in known else []
    flags = known["flags"].items if "flags" in known else []
    name = known.get("display_text") or known["name"]
    return Argument(
        text(name),
        text(known["type"]),
        text(known["token"]) if "token" in known else None,
        [text(flag) for flag in flags],
        [argument(child) for child in children],
    )


def facts(reply: Reply) -> dict[str, Reply]:
    """A map's values by their names."""
    return {text(name): value for name, value in reply.pairs()}


def text(reply: Reply) -> str:
    """A reply's text."""
    return reply.value.decode("utf-8", "backslashreplace")


def choices(command: Command) -> str:
    """The subcommands of a command that is only their sum."""
    return "|".join(name.upper() for name in command.subcommands)


def repetitions(words: Sequence[bytes]) -> int | None:
    """How many times a line says that its command is to be run, when it says so."""
    digits = words[0].removeprefix(b"-") if len(words) > 1 else b""
    is_number = digits.isdigit() and len(digits) < 19
    return int(words[0]) if is_number else None


def _about(command: Command, *, brief: bool = False) -> str:
    lines = [_folded(f"  {command.written()}", 6), _folded(f"  summary: {command.summary}", 11)]
    for name in () if brief else ("since", "group", "complexity", "deprecated_since"):
        if command.fact(name):
            lines.append(_folded(f"  {name.replace('_', ' ')}: {command.fact(name)}", 6))
    for sub in () if brief else command.subcommands.values():
        lines.append(_folded(f"  {sub.written()}", 6))
    return "\n".join(lines)


def _folded(line: str, indent: int) -> str:
    """A line in 80 columns, what does not fit indented below."""
    from textwrap import fill

    return fill(
        line,
        COLUMNS,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
