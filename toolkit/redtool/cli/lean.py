"""The quick way to read a command line: the common, plainly valid forms, and no others.

It answers with the words of each row, or None for "not sure": help, completion, unknown, missing,
repeated or odd options. Then Typer reads the same line from the same rows, so that all a user ever
sees is Typer's behaviour. It exists because importing Typer takes several times as long as
answering a GET.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from redtool.cli.rows import Option, Verb, Words


def split(verb: Verb, line: list[str]) -> Words | None:
    """The words of each argument and option, or None when in doubt."""
    by_flag = {flag: option for option in verb.options for flag in option.flags}
    words: Words = {option.name: option.unset() for option in verb.options}
    given: set[str] = set()
    positional: list[str] = []
    rest = iter(line)
    for word in rest:
        if word == "--":
            positional.extend(rest)
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        flag, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = by_flag.get(flag)
        if option is None or (option.name in given and not option.many):
            return None
        given.add(option.name)
        if option.is_switch:
            if equals:
                return None
            words[option.name] = True
        else:
            value = value if equals else next(rest, "")
            looks_like_option = value.startswith("-") and value != "-" and not equals
            if not value or looks_like_option:
                return None
            _keep(words, option, value)
    if any(option.required and option.name not in given for option in verb.options):
        return None
    return words if _place(verb, words, positional) else None


def _keep(words: Words, option: Option, value: str) -> None:
    """Stores an option's value."""
    kept = words[option.name]
    if isinstance(kept, list):
        kept.append(value)
    else:
        words[option.name] = value


def _place(verb: Verb, words: Words, positional: list[str]) -> bool:
    """Stores the positional words, when there is exactly one for each argument."""
    last = verb.arguments[-1]
    if last.optional and len(positional) == len(verb.arguments) - 1:
        for argument, word in zip(verb.arguments, [*positional, None]):  # noqa: B905
            words[argument.name] = word
        return "" not in positional
    single = verb.arguments[:-1] if last.many else verb.arguments
    if len(positional) < len(verb.arguments) or "" in positional[: len(single)]:
        return False
    if not last.many and len(positional) > len(single):
        return False
    for argument, word in zip(single, positional):  # noqa: B905
        words[argument.name] = word
    if last.many:
        words[last.name] = positional[len(single) :]
    return True


def fence(verb: Verb, line: list[str]) -> list[str]:
    """Puts `--` before the words that are a command of their own, for both parsers."""
    if not verb.arguments[-1].command or "--" in line:
        return line
    takes_value = {flag for o in verb.options if not o.is_switch for flag in o.flags}
    seen = 0
    skip = False
    for place, word in enumerate(line):
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            skip = word in takes_value
        elif seen == len(verb.arguments) - 1:
            return [*line[:place], "--", *line[place:]]
        else:
            seen += 1
    return line
