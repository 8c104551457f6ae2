#!/usr/bin/env python3
"""The style of weir as a test: layering, third-party homes, sizes, banned calls, dead files.

  python3 tests/tidy/tidy.py [ROOT]        checks the sources; exit status 1 if there is a finding
  python3 tests/tidy/tidy.py --self-test   plants each violation in a temporary tree, expects it found

The tables come first: to allow something, add a line with its reason there.
"""

import fnmatch
import os
import re
import sys
from typing import Iterator, NamedTuple

FLOORS = {  # DESIGN.md, section 5: whose headers a folder may include
    "config": {"config"},
    "operators": {"config", "operators"},
    "firmware-bridge": {"config", "operators", "firmware-bridge"},
    "store": {"config", "operators", "store"},
    "runtime": {"config", "operators", "firmware-bridge", "store", "runtime"},
    "tests": {"config", "operators", "firmware-bridge", "store", "runtime", "tests"},
}
PRODUCT = [folder for folder in FLOORS if folder != "tests"]
TOP_FOLDERS = PRODUCT + ["tests", "cross"]

# A library: how its headers begin, and the one product file (or wrapper) that includes them, so
# that it can be replaced. `*` stands for any one file of that folder. More than one: say why.
LIBRARIES = {
    "tl-expected": (["tl/expected.hpp"], ["config/result.hpp"]),
    "toml++": (["toml++/", "toml.hpp"], ["config/*"]),
    "Paho": (["mqtt/", "MQTT"], ["firmware-bridge/*"]),
    "Asio": (["boost/asio"], ["firmware-bridge/*"]),
    "OpenSSL": (["openssl/"], ["firmware-bridge/*"]),
    "simdjson": (["simdjson"], ["firmware-bridge/*"]),
    "SQLite": (["sqlite3"], ["store/*"]),
    "zlib": (["zlib.h"], ["store/*"]),
    "librdkafka": (["librdkafka/"], ["runtime/*"]),
    "Beast": (["boost/beast"], ["runtime/*"]),
    "CLI11": (["CLI/"], ["runtime/*"]),
    "spdlog": (["spdlog/", "fmt/"], ["runtime/*"]),
    "RapidJSON": (["rapidjson/"], ["runtime/*"]),
    "prometheus-cpp": (["prometheus/"], ["runtime/*"]),
}
# A file that has to see a library whose home is another file, and why.
LIBRARY_EXCEPTIONS = {
    ("Asio", "runtime/http.cpp"): "Beast works on Asio's sockets",
    ("CLI11", "runtime/simulate_cli.cpp"): "a command with as many options as all others together",
}

SYSTEM_HEADER = re.compile(r"(sys|netinet|arpa|net|linux|bits)/\w+\.h|[a-z_0-9]+|[a-z0-9]+\.h")

LINE_COLUMNS, FUNCTION_LINES = 100, 70
FILE_LINES = {"tests": 600}
FILE_LINES_PRODUCT = 400


# What talks to a person on a terminal.
COMMANDS = ["runtime/*_command.cpp", "runtime/cli.cpp", "runtime/main.cpp", "runtime/settings.cpp",
            "runtime/version.cpp"]


class Ban(NamedTuple):
    pattern: str
    instead: str
    where: list[str] = PRODUCT + ["tests"]  # folders it holds for
    but: list[str] = []  # files that may
    unless: str = "(?!)"  # lines that may


BANS = [
    Ban(r"system_clock::now|\bgettimeofday\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
        "take a Clock (runtime/clock.hpp)", PRODUCT, ["runtime/system_clock.cpp"]),
    Ban(r"_clock::now|\bclock_gettime\b", "operators are told the time: Moment",
        ["config", "operators"]),
    Ban(r"\bs?rand\s*\(|\bdrand48\b|\bmt19937|_distribution\b",
        "a seeded generator of our own (runtime/seeded_random.hpp): the library's differ"),
    Ban(r"\brandom_device\b|\bgetrandom\b|\bgetentropy\b|/dev/u?random",
        "hand the seed in; these alone draw one: the jitter of reconnects, a database's uuid",
        PRODUCT, ["firmware-bridge/mqtt_connection.cpp", "store/schema.cpp"]),
    Ban(r"\bsleep_for\b|\bsleep_until\b|\bu?sleep\s*\(|\bnanosleep\b",
        "wait for a condition, with a deadline", PRODUCT + ["tests"],
        ["tests/bench/flood.cpp"]),  # keeps to a rate
    Ban(r"\bstrto(d|f|ld)\b|\bsto(d|f|ld|i|l|ul|ll|ull)\s*\(|\bato(f|i|l|ll)\s*\(|\bsscanf\b",
        "std::from_chars: no locale, no exception, no silent zero", PRODUCT),
    Ban(r"\bsetlocale\b|\bstd::locale\b|\.imbue\s*\(", "nothing here depends on a locale"),
    Ban(r"\b(f|s|sn|v|vf|vs|vsn)?printf\s*\(|\bf?puts\s*\(",
        "std::to_chars, JsonWriter or the log", PRODUCT, COMMANDS),
    Ban(r"\bstd::(cout|cerr|clog)\b", "the log, or a stream that is handed in", PRODUCT,
        COMMANDS),
    Ban(r"#\s*pragma\s+pack", "ByteWriter and ByteReader: never raw struct bytes"),
    Ban(r"(?<!operator )\bnew\b\s*[A-Za-z_:]", "std::make_unique", PRODUCT, [],
        # A constructor that is private, an object that is never destroyed.
        r"(unique_ptr<.*>|Ptr)( \w+)?\(new |\bstatic .* = \*new "),
    Ban(r"(?<!operator )\bdelete\b\s*(\[\s*\])?\s*[A-Za-z_(*]", "std::unique_ptr", PRODUCT,
        ["operators/options.cpp"]),  # the deleter of a type that is opaque outside
    # Two threads sit in a name look-up that nothing can end, and weir stops within five seconds.
    Ban(r"\.detach\s*\(\s*\)", "a thread has an owner that joins it", PRODUCT + ["tests"],
        ["firmware-bridge/mqtt_stream.cpp", "runtime/kafka_handle.cpp"]),
    Ban(r"\bstd::w?regex\b|#\s*include\s*<regex>",
        "a parser: std::regex overflows the stack on long input", PRODUCT),
    Ban(r"\busing\s+namespace\s+std\s*;", "write std::"),
    Ban(r"\bstd::(exp|exp2|expm1|log|log2|log10|log1p|pow|sin|cos|tan|a?tanh?|cbrt|hypot|fma)\s*\(",
        "+ - * / and sqrt are the same on every machine, this is not", ["operators"]),
    Ban(r"#\s*include\s*<(thread|mutex|atomic|future|condition_variable|random|iostream|fstream"
        r"|filesystem|cstdio|locale)>", "operators are pure", ["operators"]),
]

# Hosts that may stand in a URL: examples, and names that are not places to fetch something from.
URL_HOSTS = re.compile(
    r"localhost|127\.0\.0\.1|\[::1\]|[^/]*\.(example|local|test|invalid)|[^/]*example\.(com|org|net)"
    r"|www\.w3\.org|maven\.apache\.org|www\.apache\.org|kafka\.apache\.org|www\.rfc-editor\.org"
    r"|github\.com|[^/]*\$.*|json-schema\.org")
FETCH_HOST = re.compile(
    r"\b(deb\.debian|(archive|security)\.ubuntu|repo1?\.maven|registry[\w-]*\.docker|pypi|ghcr)"
    r"\.(org|com|io)\b|\bregistry\.[a-z-]+\.[a-z]+\b")
MACHINE_PATH = re.compile(r"(?<![\w.}$)-])/(work|root|home/[a-z]\w*)/")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")  # tidy: these words

TEXT_ENDINGS = (".cpp", ".hpp", ".h", ".txt", ".cmake", ".toml", ".sh", ".py", ".md", ".xml",
                ".json", ".service", ".sql", ".yml", ".yaml", ".conf")


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


class Source(NamedTuple):
    path: str  # from the root, with /
    text: str

    @property
    def folder(self) -> str:
        return self.path.split("/")[0]

    @property
    def is_cpp(self) -> bool:
        return self.path.endswith((".cpp", ".hpp", ".h"))


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def blank(text: str, keep_includes: bool = False) -> str:
    """The code without comments and literals, every line where it was."""

    def hollow(match: re.Match) -> str:
        token = match.group()
        line_start = text.rfind("\n", 0, match.start()) + 1
        if keep_includes and text[line_start:match.start()].lstrip().startswith("#"):
            return token
        lines = re.sub(r"[^\n]", " ", token)
        return lines if token.startswith("/") else '"' + lines[1:-1] + '"'

    return TOKEN.sub(hollow, text)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def functions(code: str) -> Iterator[tuple[int, int]]:
    """First and last line of each function body in blanked code, by matching braces: what opens in
    a namespace or a class behind a parenthesis is a function."""
    scopes = []  # of each open brace: None, or the line its function starts at
    statement = 0  # where the current statement begins
    for match in re.finditer(r"[{};]", code):
        at, brace = match.start(), match.group()
        if brace == "{":
            head = code[statement:at].strip()
            outer = all(scope == "outer" for scope in scopes)
            scope = re.search(r"\b(namespace|class|struct|union|enum|extern)\b[^()]*$", head)
            if outer and not scope and "(" in head:
                scopes.append(line_of(code, at - len(code[statement:at].lstrip())))
            else:
                scopes.append("outer" if outer and scope else "inner")
        elif brace == "}" and scopes:
            start = scopes.pop()
            if isinstance(start, int):
                yield start, line_of(code, at)
        statement = at + 1


def read_sources(root: str) -> list[Source]:
    sources = []
    for folder, folders, files in os.walk(root):
        inside = os.path.relpath(folder, root)
        folders[:] = sorted(name for name in folders
                            if name in (".ci",) or not name.startswith((".", "__", "build")))
        for name in sorted(files):
            path = name if inside == "." else os.path.join(inside, name).replace(os.sep, "/")
            if name.endswith(TEXT_ENDINGS) or path.startswith(".ci/"):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    sources.append(Source(path, file.read()))
    return sources


def check_sizes(source: Source) -> Iterator[Finding]:
    lines = source.text.split("\n")
    limit = FILE_LINES.get(source.folder, FILE_LINES_PRODUCT)
    if len(lines) - 1 > limit:
        yield Finding(source.path, 1, "file length", f"{len(lines) - 1} lines, at most {limit}")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS:
            yield Finding(source.path, number, "line length",
                          f"{len(line)} columns, at most {LINE_COLUMNS}")
    for first, last in functions(blank(source.text)):
        if last - first + 1 > FUNCTION_LINES:
            yield Finding(source.path, first, "function length",
                          f"{last - first + 1} lines, at most {FUNCTION_LINES}")


def check_includes(source: Source, paths: set[str]) -> Iterator[Finding]:
    allowed = FLOORS.get(source.folder, set())
    code = blank(source.text, keep_includes=True)
    for match in INCLUDE.finditer(code):
        line, header = line_of(code, match.start(1)), match.group(2)
        if match.group(1) == '"':
            floor = header.split("/")[0]
            if floor not in FLOORS or header not in paths:
                yield Finding(source.path, line, "include",
                              f'"{header}" is no path of a file from the root of the project')
            elif floor not in allowed:
                yield Finding(source.path, line, "layering",
                              f"{source.folder} may not include {floor}")
        elif not library_of(header) and not SYSTEM_HEADER.fullmatch(header) \
                and source.folder != "tests":
            yield Finding(source.path, line, "library",
                          f"<{header}> is of no library in the table of tidy.py")


def library_of(header: str) -> str | None:
    for library, (beginnings, _) in LIBRARIES.items():
        if header.startswith(tuple(beginnings)):
            return library
    return None


def check_libraries(sources: list[Source]) -> Iterator[Finding]:
    """Each library in its home, and in one file there."""
    homes: dict[str, str] = {}
    for source in sources:
        if not source.is_cpp or source.folder not in PRODUCT:
            continue
        code = blank(source.text, keep_includes=True)
        for match in INCLUDE.finditer(code):
            library = library_of(match.group(2)) if match.group(1) == "<" else None
            if library is None or (library, source.path) in LIBRARY_EXCEPTIONS:
                continue
            line = line_of(code, match.start(1))
            if not any(fnmatch.fnmatch(source.path, home) for home in LIBRARIES[library][1]):
                yield Finding(source.path, line, "library",
                              f"{library} belongs to {' or '.join(LIBRARIES[library][1])}")
            elif homes.setdefault(library, source.path) != source.path:
                yield Finding(source.path, line, "library",
                              f"{library} is included in {homes[library]} already")


def check_bans(source: Source) -> Iterator[Finding]:
    code = blank(source.text, keep_includes=True)
    for ban in BANS:
        if source.folder not in ban.where or any(fnmatch.fnmatch(source.path, f) for f in ban.but):
            continue
        for match in re.finditer(ban.pattern, code):
            if re.search(ban.unless, code.split("\n")[line_of(code, match.start()) - 1]):
                continue
            yield Finding(source.path, line_of(code, match.start()), "banned",
                          f"{match.group().strip()} … instead: {ban.instead}")


def check_text(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.split("\n"), 1):
        if "tidy: these words" not in line and UNFINISHED.search(line):
            yield Finding(source.path, number, "unfinished", "do it, or say it in an issue")
        if MACHINE_PATH.search(line):
            yield Finding(source.path, number, "machine", "a path of one machine")
        hosts = re.findall(r"\b(?:https?|ftp)://([^/\s\"'>)<`:]+)", line)
        if FETCH_HOST.search(line) or not all(URL_HOSTS.fullmatch(host) for host in hosts):
            yield Finding(source.path, number, "machine", "a host to fetch from; take the mirror "
                          "the machine is set up with (for a link, see URL_HOSTS)")


def check_tree(root: str, sources: list[Source]) -> Iterator[Finding]:
    for folder in TOP_FOLDERS:
        if not os.path.isfile(os.path.join(root, folder, "README.md")):
            yield Finding(folder, 0, "readme", "a folder opens with README.md: what lives here, "
                          "what may not, where to add things")
    included = {match.group(2) for source in sources if source.is_cpp
                for match in INCLUDE.finditer(source.text)}
    for source in sources:
        if source.path.endswith(".hpp"):
            if source.path not in included:
                yield Finding(source.path, 1, "dead file", "nobody includes it")
            if "#pragma once" not in source.text:
                yield Finding(source.path, 1, "include", "a header says #pragma once")


def check(root: str) -> list[Finding]:
    sources = read_sources(root)
    paths = {source.path for source in sources}
    findings = [*check_tree(root, sources), *check_libraries(sources)]
    for source in sources:
        findings += check_text(source)
        if source.is_cpp and source.folder in FLOORS:
            findings += [*check_sizes(source), *check_includes(source, paths), *check_bans(source)]
    return sorted(findings)


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        import planted
        return planted.run()
    here = os.path.dirname(os.path.abspath(__file__))
    root = arguments[0] if arguments else os.path.dirname(os.path.dirname(here))
    findings = check(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings" if findings else "tidy: no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
