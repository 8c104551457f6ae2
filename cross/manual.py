"""Writes the manual pages and the shells' completions of weir.

  manual.py DIRECTORY VERSION PROGRAM...   PROGRAM runs weir; an emulator may stand before it

weir.1 and the completions come out of `weir --help`, weir.toml.5 out of config/weir.toml.
"""

import pathlib
import re
import sys

import command_help
import completions

SAMPLE = pathlib.Path(__file__).resolve().parents[1] / "config" / "weir.toml"

ABOUT = """\
weir runs on a gateway beside an MQTT broker. It rolls the sensors' readings up in event-time
windows, looks for anomalies, keeps everything in a bounded buffer on the disk, and forwards rollups
and alerts to a Kafka cluster, through days without a link. A message is acknowledged to the broker
only after its readings are committed."""

FILES = [("/etc/weir/weir.toml", "the configuration; see weir.toml(5)"),
         ("/var/lib/weir/weir.db", "the journal, the state and the results that wait"),
         ("/etc/default/weir", "variables for ${NAME} in the configuration")]

FORMAT = """\
TOML. An unknown key is an error. Options are shown with their defaults; those in a table without a
default have an example. Durations are written "250ms", "30s", "5m", "2h", "7d"; sizes "64MiB".
${NAME} takes a variable of the environment, ${NAME:-word} with a default, ${NAME:?message} with an
error of your own. Files in conf.d/*.toml beside this one are read too."""


def escaped(text):
    """Text as roff takes it: no line of it is a request, and dashes stay dashes."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return re.sub(r"^\.", r"\\&.", text.replace("…", "..."), flags=re.M)


def heading(name, section, version, about):
    return [f'.TH {name.upper()} {section} "" "weir {version}"', ".SH NAME",
            f"{escaped(name)} \\- {escaped(about)}"]


def entry(bold, plain, text):
    """A tagged paragraph."""
    plain = escaped(plain).replace('"', "\\(dq")
    return [".TP", f'.BR "{escaped(bold)}" "{plain}"', escaped(text) or "\\&"]


def option_lines(option):
    value = f" {option.type}" if option.type and option.names[0][0] == "-" else ""
    notes = [option.text.rstrip(".")]
    if option.range:
        kind = "one of " if option.choices() else "from "
        notes.append(kind + option.range[1:-1].replace(" - ", " to ").replace(",", ", "))
    if option.default:
        notes.append(f"default: {option.default}")
    if option.excludes:
        notes.append(f"not together with {option.excludes.replace(' ', ', ')}")
    return entry(", ".join(option.names), value, "; ".join(note for note in notes if note))


def command_lines(command, common_footer):
    usage = " ".join(command.path)
    arguments = "".join(f" {a.type or a.names[0].upper()}" if a.required else
                        f" [{a.type or a.names[0].upper()}]" for a in command.arguments())
    lines = [f'.SS "{escaped(usage + " [OPTIONS]" + arguments)}"', escaped(command.about) + "."]
    for title, options in command.groups.items():
        lines += [".PP", f"{escaped(title)}:"] if title not in ("Options", "Positionals") else []
        for option in options:
            lines += option_lines(option) if "--help" not in option.names else []
    if command.footer != common_footer:
        lines += [".PP", *map(escaped, command.footer)]
    return lines


def commands_page(weir, version):
    about = weir.about.removeprefix("weir: ")
    lines = heading("weir", 1, version, about)
    lines += [".SH SYNOPSIS", ".B weir", ".I COMMAND", "[OPTIONS]", ".SH DESCRIPTION",
              escaped(ABOUT), ".PP", "Each command says with", ".B \\-\\-help",
              "what it takes.", ".SH COMMANDS"]
    for command in weir.walk():
        if not command.commands:
            lines += command_lines(command, weir.footer)
    lines += [".SH EXIT STATUS"]
    codes = " ".join(weir.footer).removeprefix("Exit codes: ").rstrip(".")
    for code in re.split(r", (?=\d+ )", codes):
        number, _, meaning = code.partition(" ")
        lines += entry(number, "", meaning)
    lines += [".SH FILES"]
    for name, meaning in FILES:
        lines += entry(name, "", meaning)
    return lines + [".SH SEE ALSO", ".BR weir.toml (5),", ".BR systemd.exec (5),",
                    ".BR mosquitto (8)"]


def sample_lines(line, is_example):
    """One line of the sample; `is_example`: it stands in a table that is wholly commented out."""
    if table := re.fullmatch(r"#?(\[.*\])", line):
        return [f'.SS "{escaped(table[1])}"']
    if more := re.fullmatch(r" +# (.*)", line):
        return [escaped(more[1])]
    if text := re.fullmatch(r"# (.*)", line):
        return [escaped(text[1])]
    if found := re.fullmatch(r'#?([\w."]+) = (.*?)(?: +# (.*))?', line):
        default = line[0] == "#" and not is_example
        value = f" = {found[2]}" + (" (default)" if default else "")
        return entry(found[1].replace('"', ""), value, found[3] or "")
    raise ValueError(f"no manual page can be made of this line of the sample: {line!r}")


def configuration_page(sample, version):
    lines = heading("weir.toml", 5, version, "configuration of weir")
    lines += [".SH DESCRIPTION", escaped(FORMAT), ".SH OPTIONS"]
    body = sample[next(i for i, line in enumerate(sample) if line.startswith("[")):]
    before, is_example, pending = "", False, []
    for number, line in enumerate(body):
        if not line:
            before = ""
            continue
        if line.startswith(("[", "#[")):
            is_example = line.startswith("#[")
            lines += sample_lines(line, is_example) + pending
            pending = []
        elif line.startswith("# ") and any(b.startswith("#[") for b in body[number:number + 3]):
            pending += sample_lines(line, is_example)  # what the table below is about
        else:
            if line.startswith("# ") and not before.startswith("# "):
                lines.append(".PP")
            lines += sample_lines(line, is_example)
        before = line
    return lines + [".SH FILES", ".I /etc/weir/weir.toml", ".SH SEE ALSO", ".BR weir (1)"]


def main():
    directory, version, *program = sys.argv[1:]
    weir = command_help.read(program)
    sample = SAMPLE.read_text(encoding="utf-8").splitlines()
    share = pathlib.Path(directory)
    files = {"man/man1/weir.1": commands_page(weir, version),
             "man/man5/weir.toml.5": configuration_page(sample, version),
             "bash-completion/completions/weir": completions.bash(weir),
             "zsh/vendor-completions/_weir": completions.zsh(weir),
             "fish/vendor_completions.d/weir.fish": completions.fish(weir)}
    for name, lines in files.items():
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
