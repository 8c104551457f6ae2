"""What the shells complete behind `weir`, out of command_help's data."""

import shlex


def names(command):
    return [*(c.path[-1] for c in command.commands),
            *(name for option in command.options() for name in option.names)]


def bash_values(command):
    """The cases of a shell's `case "COMMAND BEFORE"` for the values of the command's options."""
    path = " ".join(command.path)
    for option in command.options():
        patterns = " | ".join(f'"{path} {name}"' for name in option.names)
        if option.choices():
            yield f'    {patterns}) words="{" ".join(option.choices())}" ;;'
        elif option.is_file():
            yield f"    {patterns}) files=yes ;;"
        elif option.type:
            yield f"    {patterns}) ;;"


def bash_words(command):
    files = " files=yes" if any(a.is_file() for a in command.arguments()) else ""
    return f'    "{" ".join(command.path)} "*) words="{" ".join(names(command))}"{files} ;;'


def bash(weir):
    below = " | ".join(f'"{" ".join(c.path)}"' for c in weir.walk() if len(c.path) > 1)
    deepest_first = sorted(weir.walk(), key=lambda c: -len(c.path))
    return [
        "# bash completion of weir",
        "_weir() {",
        "  local command=weir words= files= i word=${COMP_WORDS[COMP_CWORD]}",
        "  for ((i = 1; i < COMP_CWORD; i++)); do",
        '    case "$command ${COMP_WORDS[i]}" in',
        f'      {below}) command+=" ${{COMP_WORDS[i]}}" ;;',
        "    esac",
        "  done",
        '  case "$command ${COMP_WORDS[COMP_CWORD - 1]}" in',
        *(line for command in deepest_first for line in bash_values(command)),
        *(bash_words(command) for command in deepest_first),
        "  esac",
        "  mapfile -t COMPREPLY < <(compgen ${files:+-f} -W \"$words\" -- \"$word\")",
        "}",
        "complete -o filenames -F _weir weir",
    ]


def zsh_quoted(text):
    return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_value(option):
    if not option.type:
        return ""
    action = f"({' '.join(option.choices())})" if option.choices() else ""
    return f":{zsh_quoted(option.type)}:{'_files' if option.is_file() else action}"


def zsh_arguments(command):
    for option in command.options():
        text, value = zsh_quoted(option.text), zsh_value(option)
        both = " ".join(option.names)
        for name in option.names:
            yield f"'({both}){name}[{text}]{value}'"
    for argument in command.arguments():
        action = "_files" if argument.is_file() else ""
        yield f"'*:{zsh_quoted(argument.text)}:{action}'"


def zsh_case(command):
    lines = [f'    "{" ".join(command.path)}")']
    if command.commands:
        told = " ".join(f"'{c.path[-1]}:{zsh_quoted(c.about)}'" for c in command.commands)
        lines += [f"      local -a commands=({told})", "      _describe command commands ;;"]
    else:
        lines += ["      _arguments \\", *(f"        {a} \\" for a in zsh_arguments(command)),
                  "        ;;"]
    return lines


def zsh(weir):
    below = " | ".join(f'"{" ".join(c.path)}"' for c in weir.walk() if len(c.path) > 1)
    return [
        "#compdef weir",
        "local command=weir",
        "while (( CURRENT > 2 )); do",
        '  case "$command $words[2]" in',
        f'    {below}) command+=" $words[2]" ;;',
        "    *) break ;;",
        "  esac",
        "  shift words",
        "  (( CURRENT-- ))",
        "done",
        "case $command in",
        *(line for command in weir.walk() for line in zsh_case(command)),
        "esac",
    ]


def fish_option(option, condition):
    said = [f"complete -c weir -n {condition}"]
    for name in option.names:
        said.append(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}")
    if option.choices():
        said.append(f"-x -a {shlex.quote(' '.join(option.choices()))}")
    elif option.type:
        said.append("-r -F" if option.is_file() else "-x")
    return " ".join([*said, f"-d {shlex.quote(option.text)}"])


def fish(weir):
    lines = ["# fish completion of weir", "complete -c weir -f"]
    for command in weir.walk():
        seen = [f"__fish_seen_subcommand_from {name}" for name in command.path[1:]]
        below = [c.path[-1] for c in command.commands]
        if below:
            seen.append(f"not __fish_seen_subcommand_from {' '.join(below)}")
        condition = shlex.quote("; and ".join(seen))
        lines += [f"complete -c weir -n {condition} -a {c.path[-1]} -d {shlex.quote(c.about)}"
                  for c in command.commands]
        lines += [fish_option(option, condition) for option in command.options()]
        lines += [f"complete -c weir -n {condition} -F"
                  for argument in command.arguments() if argument.is_file()]
    return lines
