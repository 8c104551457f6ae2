"""What tidy.py must catch, and what it must not: each case is planted in a clean tree."""

import os
import tempfile

import tidy

CLEAN = {folder + "/README.md": "what lives here\n" for folder in tidy.TOP_FOLDERS} | {
    "config/units.hpp": "#pragma once\n",
    "operators/window.hpp": '#pragma once\n#include "config/units.hpp"\n',
    "firmware-bridge/source.hpp": '#pragma once\n#include "operators/window.hpp"\n',
    "store/store.hpp": '#pragma once\n#include "operators/window.hpp"\n',
    "store/store.cpp": '#include "store/store.hpp"\n\n#include <sqlite3.h>\n',
    "runtime/gateway.cpp": '#include "firmware-bridge/source.hpp"\n#include "store/store.hpp"\n',
}


def lines(n: int, text: str = "  call();\n") -> str:
    return text * n


# What it shows, the files it plants, the rule that must find it (None: nothing may be found).
CASES = [
    ("store includes firmware-bridge",
     {"store/bad.cpp": '#include "firmware-bridge/source.hpp"\n'}, "layering"),
    ("firmware-bridge includes store",
     {"firmware-bridge/bad.cpp": '#include "store/store.hpp"\n'}, "layering"),
    ("operators include store",
     {"operators/bad.cpp": '#include "store/store.hpp"\n'}, "layering"),
    ("the product includes a test",
     {"tests/support/help.hpp": "#pragma once\n",
      "runtime/bad.cpp": '#include "tests/support/help.hpp"\n'}, "layering"),
    ("an include that is not a path from the root",
     {"store/bad.cpp": '#include "store.hpp"\n'}, "include"),
    ("an include of a file that is not there",
     {"store/bad.cpp": '#include "store/gone.hpp"\n'}, "include"),
    ("a test includes whatever it tests",
     {"tests/store/good.cpp": '#include "store/store.hpp"\n#include <sqlite3.h>\n'}, None),
    ("an include in a comment or a text",
     {"store/good.cpp": '// #include "runtime/a.hpp"\nauto t = R"(\n#include "b.hpp"\n)";\n'}, None),
    ("a library in a second file",
     {"store/zz.cpp": "#include <sqlite3.h>\n"}, "library"),
    ("a library on the wrong floor",
     {"operators/bad.cpp": "#include <toml++/toml.h>\n"}, "library"),
    ("a library nobody has decided on",
     {"runtime/bad.cpp": "#include <curl/curl.h>\n"}, "library"),
    ("system headers",
     {"runtime/good.cpp": "#include <sys/socket.h>\n#include <vector>\n#include <unistd.h>\n"}, None),
    ("a function of 71 lines",
     {"store/bad.cpp": "void f() {\n" + lines(69) + "}\n"}, "function length"),
    ("a member function of 71 lines in a class in a namespace",
     {"store/bad.cpp": "namespace weir {\nclass A : public B {\n  void f() const {\n"
      + lines(69) + "  }\n};\n}\n"}, "function length"),
    ("a constructor of 71 lines with braces among its initializers",
     {"store/bad.cpp": "A::A()\n    : a_{1},\n      b_(2) {\n" + lines(70) + "}\n"},
     "function length"),
    ("a function of 70 lines in a class and a namespace that are longer",
     {"store/good.cpp": "namespace weir {\nstruct A {\n  void f() {\n" + lines(68)
      + "  }\n  int g();\n};\n}\n"}, None),
    ("a table is no function",
     {"store/good.cpp": "const int table[] = {\n" + lines(90, "  1,\n") + "};\n"}, None),
    ("a file of 401 lines", {"store/bad.cpp": "int a;\n" * 401}, "file length"),
    ("a test of 600 lines", {"tests/store/good.cpp": "int a;\n" * 600}, None),
    ("a line of 101 columns", {"store/bad.cpp": "// " + "x" * 98 + "\n"}, "line length"),
    ("100 columns, counted in characters", {"store/good.cpp": "// " + "é" * 97 + "\n"}, None),
    ("the wall clock", {"store/bad.cpp": "auto t = std::chrono::system_clock::now();\n"}, "banned"),
    ("a clock in an operator",
     {"operators/bad.cpp": "auto t = std::chrono::steady_clock::now();\n"}, "banned"),
    ("rand", {"runtime/bad.cpp": "int i = rand();\n"}, "banned"),
    ("a distribution of the library",
     {"tests/bad.cpp": "std::uniform_int_distribution<int> d;\n"}, "banned"),
    ("random_device", {"runtime/bad.cpp": "std::random_device seed;\n"}, "banned"),
    ("a sleep in a test", {"tests/bad.cpp": "std::this_thread::sleep_for(1ms);\n"}, "banned"),
    ("stod", {"config/bad.cpp": "auto d = std::stod(text);\n"}, "banned"),
    ("strtod", {"config/bad.cpp": "auto d = strtod(text, nullptr);\n"}, "banned"),
    ("a locale", {"config/bad.cpp": "stream.imbue(l);\n"}, "banned"),
    ("snprintf", {"store/bad.cpp": 'snprintf(buffer, 8, "%f", x);\n'}, "banned"),
    ("std::cout", {"store/bad.cpp": "std::cout << 1;\n"}, "banned"),
    ("pragma pack", {"store/bad.cpp": "#pragma pack(push, 1)\n"}, "banned"),
    ("new", {"store/bad.cpp": "auto* p = new Thing;\n"}, "banned"),
    ("delete", {"store/bad.cpp": "delete thing;\n"}, "banned"),
    ("delete of an array", {"store/bad.cpp": "delete[] things;\n"}, "banned"),
    ("a detached thread", {"store/bad.cpp": "worker.detach();\n"}, "banned"),
    ("std::regex", {"config/bad.cpp": "std::regex r(text);\n"}, "banned"),
    ("std::exp in an operator", {"operators/bad.cpp": "double y = std::exp(x);\n"}, "banned"),
    ("a thread in an operator", {"operators/bad.cpp": "#include <thread>\n"}, "banned"),
    ("words that look like banned ones",
     {"store/good.cpp": "A(const A&) = delete;\nint operand(int);\nint n = 1'000'000;\n"
      "// a new thing, rand() and delete it\nauto t = \"new thing; delete it\";\n"
      "auto s = std::sqrt(x);\nint renew = 1;\nreturn std::unique_ptr<A>(new A(1));\n"}, None),
    ("a folder without a README", {"store/README.md": None}, "readme"),
    ("a header nobody includes", {"store/bad.hpp": "#pragma once\n"}, "dead file"),
    ("a header that can be included twice",
     {"store/bad.hpp": "\n", "store/b.cpp": '#include "store/bad.hpp"\n'}, "include"),
    ("unfinished work", {"store/bad.cpp": "// " + "TO" + "DO: later\n"}, "unfinished"),
    ("a path of one machine", {"tests/bad.sh": "cat " + "/wo" + "rk/notes.txt\n"}, "machine"),
    ("a host to fetch from",
     {"tests/bad.sh": "get " + "http" + "://mirror.some.where/pool\n"}, "machine"),
    ("a registry without a scheme", {"tests/bad.sh": "pull " + "registry" + ".some.where/a\n"},
     "machine"),
    ("hosts that are examples",
     {"config/good.toml": 'a = "http://localhost:9464"\nb = "https://broker.example/x"\n'}, None),
]


def findings_of(files: dict) -> list[tidy.Finding]:
    with tempfile.TemporaryDirectory() as root:
        for path, text in (CLEAN | files).items():
            if text is None:
                continue
            target = os.path.join(root, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)
        return tidy.check(root)


def run() -> int:
    failures = 0
    for what, files, rule in [("a clean tree", {}, None)] + CASES:
        found = findings_of(files)
        rules = {finding.rule for finding in found}
        if rules != ({rule} if rule else set()):
            failures += 1
            print(f"{what}: expected {rule or 'nothing'}, found {[str(f) for f in found]}")
    print(f"tidy self-test: {len(CASES) + 1} cases, {failures} failed")
    return 1 if failures else 0
