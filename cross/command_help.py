"""What `weir --help` says, as data: the one source of the manual page and of the completions."""

import dataclasses
import re
import subprocess

# After the names of an option: its value, the range or the choice, the default (=it, since CLI11 2.4
# [it] and a blank), what it excludes.
VALUE = re.compile(r"(?P<type>(?!Excludes)[^\s:=]+)?(?::(?:\w+ in )?(?P<range>[\[{].*?[\]}])|:\S+)?"
                   r"(?:=(?P<default>\S+)| \[(?P<bracketed>[^]]+)\])?"
                   r"(?: \.\.\.)?(?P<required> REQUIRED)?"
                   r"(?: ?Excludes: (?P<excludes>\S+(?: \S+)*))?")


@dataclasses.dataclass
class Option:
    """One of a command's options, or a positional argument, whose name has no dash."""
    names: list
    type: str
    range: str
    default: str
    excludes: str
    required: bool
    text: str

    def choices(self):
        return self.range[1:-1].split(",") if self.range.startswith("{") else []

    def is_file(self):
        return self.type.startswith(("FILE", "DIR")) or self.names[-1].endswith("-file")


@dataclasses.dataclass
class Command:
    path: list      # "weir", "dlq", "list"
    about: str
    groups: dict    # title: options
    commands: list
    footer: list

    def options(self):
        return [o for group in self.groups.values() for o in group if o.names[0][0] == "-"]

    def arguments(self):
        return [o for group in self.groups.values() for o in group if o.names[0][0] != "-"]

    def walk(self):
        """It and everything below it."""
        yield self
        for command in self.commands:
            yield from command.walk()


def option(left, text):
    names, _, rest = left.partition(" ")
    value = VALUE.fullmatch(rest)
    if not value:
        raise ValueError(f"this help of an option is of no known form: {left!r}")
    found = {name: value[name] or "" for name in ("type", "range", "default", "excludes")}
    found["default"] = found["default"] or value["bracketed"] or ""
    return Option(names.split(","), required=bool(value["required"]), text=text, **found)


def blocks(lines):
    """Yields (title, entries) for each block, and the unindented lines behind them as (None, …)."""
    title, entries, footer = None, [], []
    for line in lines:
        if re.match(r"\S.*:$", line):
            yield title, entries
            title, entries = line[:-1], []
        elif re.match(r"  \S", line):
            line = re.sub(r"\]  (?=Excludes:|\.\.\.)", "] ", line.strip())
            entries.append([*re.split(r"\s{2,}", line, maxsplit=1), ""][:2])
        elif line.startswith("   ") and entries:
            entries[-1][1] = f"{entries[-1][1]} {line.strip()}".strip()
        elif line.strip():
            footer.append(line)
    yield title, entries
    yield None, footer


def read(program, path=("weir",)):
    """What the program (a command line, as a list) says about the command and those below it."""
    said = subprocess.run([*program, *path[1:], "--help"], check=True, capture_output=True,
                          text=True).stdout
    about, _, rest = said.partition("Usage: ")
    command = Command(list(path), about.strip(), {}, [], [])
    for title, entries in blocks(rest.splitlines()[1:]):
        if title == "Subcommands":
            command.commands = [read(program, (*path, name)) for name, _ in entries]
        elif title:
            command.groups[title] = [option(*entry) for entry in entries]
        else:
            command.footer += entries
    return command
