"""The manual pages and the completions know every command and every option that weir has."""

import pathlib
import re
import shutil
import subprocess
import sys

from rig import SOURCE_DIR, Workspace, weir_command

sys.path.insert(0, str(SOURCE_DIR / "cross"))
import command_help  # noqa: E402


def plain(page):
    """The text of a page, without its markup."""
    text = page.read_text(encoding="utf-8").replace("\\-", "-").replace("\\(dq", '"')
    return text.replace("\\(aq", "'")


def every_command_is_told(weir, page):
    for command in weir.walk():
        if command.commands:
            continue
        begin = page.index(f'.SS "{" ".join(command.path)} ')
        section = page[begin:page.index("\n.S", begin + 1)]
        for option in command.options():
            told = f'.BR "{", ".join(option.names)}"'
            assert "--help" in option.names or told in section, f"{command.path}: no {told}"


def every_option_of_the_sample_is_told(page):
    sample = (SOURCE_DIR / "config" / "weir.toml").read_text(encoding="utf-8")
    keys = re.findall(r'^#?([\w."]+) = (\S+)', sample, re.M)
    assert len(keys) > 80, "the sample is not read as it should"
    for key, value in keys:
        told = f'.BR "{key.strip(chr(34))}" " = {value}'
        assert told in page, f"weir.toml.5 has no {told}"


def roff_has_no_complaint(page):
    if not shutil.which("groff"):
        return
    said = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-Wbreak", str(page)],
                          capture_output=True, text=True, timeout=60)
    assert said.returncode == 0 and not said.stderr, said.stderr


def completed(script, *words):
    """What bash offers for the last of the words."""
    given = " ".join(f"'{word}'" for word in words)
    line = (f"source {script}; COMP_WORDS=(weir {given}); COMP_CWORD={len(words)}; _weir; "
            'echo "${COMPREPLY[*]}"')
    return subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True,
                          timeout=30).stdout.split()


def bash_completes(weir, script):
    assert completed(script, "ch") == ["check"]
    assert completed(script, "dlq", "") == ["list", "show", "export", "-h", "--help"]
    assert completed(script, "replay", "--time-unit", "r") == ["rfc3339"]
    assert completed(script, "check", "-c", "/etc/host") != [], "no files"
    for command in weir.walk():
        for option in command.options():
            name = option.names[-1]
            assert name in completed(script, *command.path[1:], name), f"{command.path} {name}"


def the_other_shells_take_theirs(share):
    for shell, script in (("zsh", "zsh/vendor-completions/_weir"),
                          ("fish", "fish/vendor_completions.d/weir.fish")):
        if shutil.which(shell):
            subprocess.run([shell, "-n", str(share / script)], check=True, timeout=30)


def main():
    with Workspace() as work:
        share = pathlib.Path(work.path)
        subprocess.run([sys.executable, str(SOURCE_DIR / "cross" / "manual.py"), str(share), "1.2",
                        *weir_command()], check=True, timeout=300)
        weir = command_help.read(weir_command())
        every_command_is_told(weir, plain(share / "man/man1/weir.1"))
        every_option_of_the_sample_is_told(plain(share / "man/man5/weir.toml.5"))
        for page in share.glob("man/*/*"):
            roff_has_no_complaint(page)
        bash_completes(weir, share / "bash-completion/completions/weir")
        the_other_shells_take_theirs(share)


if __name__ == "__main__":
    main()
