#include <sys/stat.h>
#include <unistd.h>

#include "tests/config/parsed.hpp"
#include "tests/config/temporary_folder.hpp"
#include "tests/support/catch.hpp"

using namespace weir;
using namespace weir::test;

namespace {

/// Problems with the folder's own path taken out.
std::string relative(std::string text, const TemporaryFolder& folder) {
  const std::string prefix = folder.path("");
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
    text.erase(at, prefix.size());
  return text;
}

std::string syntax_problem(std::string_view text) {
  ConfigFile file = parse(text);
  Params root = file.root();
  root.required_text("id");
  root.finish();
  return file.problems().text();
}

}  // namespace

TEST_CASE("a file that can't be read is one problem, whatever is missing from it") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& path) {
    ConfigFile file = ConfigFile::load(path);
    Params root = file.root();
    CHECK(root.required_text("id").empty());
    root.problem("source", "there is none");
    root.finish();
    CHECK(file.problems().list().size() == 1);
    return relative(file.problems().text(), folder);
  };
  CHECK(load(folder.path("absent.toml")) ==
        "absent.toml: can't be read: No such file or directory; a configuration is a TOML file of "
        "at most 1MiB\n");
  CHECK(load(folder.path("")).find("can't be read: Is a directory") != std::string::npos);
  CHECK(load("").find("can't be read") != std::string::npos);
  CHECK(load(folder.write("large.toml", std::string((1u << 20) + 1, '\n'))) ==
        "large.toml: is larger than 1MiB; a configuration is a TOML file of at most 1MiB\n");
  CHECK(load(folder.write("binary.toml", std::string("\x7f"
                                                     "ELF\x02\x01\x00",
                                                     7)))
            .starts_with("binary.toml:1:1: not valid TOML"));
  if (::geteuid() != 0) {
    const std::string closed = folder.write("closed.toml", "");
    ::chmod(closed.c_str(), 0);
    CHECK(load(closed).find("Permission denied") != std::string::npos);
  }
}

TEST_CASE("a file of 100 MB, or one without end, is refused at once") {
  const TemporaryFolder folder;
  const std::string path = folder.write("huge.toml", "");
  REQUIRE(::truncate(path.c_str(), 100'000'000) == 0);
  CHECK(ConfigFile::load(path).problems().text().find("is larger than 1MiB") != std::string::npos);
  CHECK(ConfigFile::load("/dev/zero").problems().text().find("is larger than 1MiB") !=
        std::string::npos);
  CHECK(parse(std::string((64u << 20) + 1, ' ')).problems().text().find("is larger than 64MiB") !=
        std::string::npos);
  CHECK(parse(std::string(1u << 20, ' ')).problems().empty());
}

TEST_CASE("a syntax error is one problem, with its place") {
  // What follows the place is the parser's own sentence, which changes with its version.
  CHECK(syntax_problem("a = 1\nb = \nc = 2").starts_with("weir.toml:2:5: not valid TOML: "));
  CHECK(syntax_problem("a = 1\na = 2").starts_with("weir.toml:2:5: not valid TOML: "));
  for (const char* bare_word : {"a = mqtt://x", "a = truth", "a = yes"}) {
    INFO(bare_word);
    CHECK(syntax_problem(bare_word).starts_with("weir.toml:1:"));
    CHECK(syntax_problem(bare_word).ends_with("; a text stands in \"quotes\"\n"));
  }
  CHECK(syntax_problem("[a]\n[a]").starts_with("weir.toml:2:1: not valid TOML"));
  CHECK(syntax_problem("a = \"x").starts_with("weir.toml:1:"));
  CHECK(syntax_problem("a = 1 b = 2").starts_with("weir.toml:1:7: not valid TOML"));
}

TEST_CASE("what fails an assertion of the parser is a problem with its line") {
  for (const char* text : {"[&", "[[[a]]]", "[[=", "[\x01]", "[a]\n[b]\n[[[a]]]\nc = 1"}) {
    INFO(text);
    const std::string problem = syntax_problem(text);
    CHECK(problem.starts_with(text[1] == 'a' ? "weir.toml:3:" : "weir.toml:1:"));
    CHECK(problem.find("not valid TOML: ") != std::string::npos);
  }
}

TEST_CASE("letters of any script are fine in quotes and comments, and nowhere else") {
  ConfigFile file =
      parse("'Größe' = \"Straße ١\" # für später\nb = 'ü'\nc = \"\"\"ü\nü\\\n  u ü\"\"\"");
  CHECK(file.problems().text().empty());
  CHECK(file.root().text("Größe", "") == "Straße ١");
  CHECK(file.root().text("c", "") == "ü\nüu ü");
  const std::string plain =
      "not valid TOML: a character that is not plain ASCII; outside of "
      "comments it stands in \"quotes\"\n";
  CHECK(syntax_problem("a = 1\nGröße = 1") == "weir.toml:2:3: " + plain);
  CHECK(syntax_problem("'Größe' = ü") == "weir.toml:1:11: " + plain);
  CHECK(syntax_problem("a = 'ü' ü") == "weir.toml:1:9: " + plain);
  CHECK(syntax_problem("a = 1\u00a0") == "weir.toml:1:6: " + plain);
  CHECK(syntax_problem("a = \"\"\"x\\\n  ü\"\"\"")
            .starts_with("weir.toml:2:3: a line that goes on behind a \\"));
}

TEST_CASE("bytes that are not UTF-8 are a problem with their place") {
  for (const char* text :
       {"\xff", "a = '\xff'",
        "\xff\xfe"
        "a",
        "# \xc3\x28", "a = '\xed\xa0\x80'", "a = '\xc0\xaf'", "a = '\xf4\x90\x80\x80'"}) {
    INFO(text);
    CHECK(syntax_problem(text).starts_with("weir.toml:1:"));
  }
  CHECK(syntax_problem(std::string_view("a = '\0'", 7)).starts_with("weir.toml:1:"));
}

TEST_CASE("a byte order mark and lines that end as on Windows are fine") {
  CHECK(syntax_problem("\xef\xbb\xbfid = 'x'\r\n# comment\r\n").empty());
}

TEST_CASE("what is nested too deeply is a problem, not a crash") {
  const std::string deep = "nested more than 32 levels deep; nothing of weir needs that\n";
  const auto repeat = [](const std::string& text, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += text;
    return out;
  };
  for (const int n : {33, 1'000, 100'000}) {
    INFO(n);
    CHECK(syntax_problem("a = " + repeat("[", n)).ends_with(deep));
    CHECK(syntax_problem("a = " + repeat("[", n) + repeat("]", n)).ends_with(deep));
    CHECK(syntax_problem("a = " + repeat("{a=", n) + "1" + repeat("}", n)).ends_with(deep));
    CHECK(syntax_problem("a" + repeat(".a", n) + " = 1").ends_with(deep));
    CHECK(syntax_problem("[a" + repeat(".a", n) + "]").ends_with(deep));
    CHECK(syntax_problem("\n\n[[a" + repeat(" . 'a'", n) + "]]").ends_with(deep));
    CHECK(syntax_problem("x = { y = \"\"\"'\"\"\"\"\", a" + repeat(".a", n) + " = 1 }")
              .ends_with(deep));
  }
  CHECK(syntax_problem("\n  a" + repeat(".a", 33) + " = 1") == "weir.toml:2:68: " + deep);
}

TEST_CASE("dots and brackets in texts and comments are not nesting") {
  const std::string dots(1'000, '.'), brackets(1'000, '[');
  const auto read = [](Params& root) { root.text("id", ""); };
  CHECK(problems("# " + dots + brackets, read).empty());
  CHECK(problems("id = '" + dots + brackets + "'", read).empty());
  CHECK(problems("id = \"" + dots + "\\\"" + brackets + "\"", read).empty());
  CHECK(problems("id = \"\"\"\n\"" + dots + "\n" + brackets + "\"\"\"\"\"", read).empty());
  CHECK(problems("id = '''\n''" + dots + "\n" + brackets + "'''", read).empty());
  CHECK(problems("id = 'it' # isn't\nb = '" + dots + "'", read).empty());
}

TEST_CASE("fragments are read in the order of their names, tables merge, lists of tables append") {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("weir.toml", "id = 'x'\n[mqtt]\nurl = 'main'\n[[source]]\nname = 'main'\n");
  folder.write("conf.d/20-b.toml", "[[source]]\nname = 'b'\n[mqtt.tls]\nca = 'b'\n");
  folder.write("conf.d/10-a.toml", "[mqtt]\nqos = 2\n[[source]]\nname = 'a'\n[kafka]\nx = 1\n");
  folder.write("conf.d/30-c.toml.off", "not TOML");
  folder.write("conf.d/.hidden.toml", "not TOML");
  folder.write("conf.d/deep/40-d.toml", "not TOML");
  ConfigFile file = ConfigFile::load(path);
  Params root = file.root();
  CHECK(root.text("id", "") == "x");
  CHECK(root.table("mqtt").text("url", "") == "main");
  CHECK(root.table("mqtt").integer("qos", 0, {0, 2}) == 2);
  CHECK(root.table("mqtt").table("tls").text("ca", "") == "b");
  CHECK(root.table("kafka").place("x").text() == folder.path("conf.d/10-a.toml:6:5"));
  std::string names;
  for (Params& source : root.tables("source")) names += source.text("name", "?") + " ";
  CHECK(names == "main a b ");
  root.table("kafka").integer("x", 0, {0, 9});
  root.finish();
  CHECK(file.problems().text().empty());
}

TEST_CASE("a key that stands in two files is a problem that names both places") {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("weir.toml", "[mqtt]\nurl = 'a'\nlist = ['x']\nt = {a=1}\n");
  folder.write("conf.d/a.toml", "[mqtt]\nurl = 'b'\nlist = ['y']\nt = 5\n[[kafka]]\n");
  folder.write("conf.d/b.toml", "mqtt = 5\n[kafka]\nx = 1\n");
  ConfigFile file = ConfigFile::load(path);
  CHECK(file.root().table("mqtt").text("url", "") == "a");
  CHECK(relative(file.problems().text(), folder) ==
        "conf.d/a.toml:2:1: mqtt.url: is given already at weir.toml:2:7; remove one of the two\n"
        "conf.d/a.toml:3:1: mqtt.list: is given already at weir.toml:3:8; remove one of the two\n"
        "conf.d/a.toml:4:1: mqtt.t: is given already at weir.toml:4:5; remove one of the two\n"
        "conf.d/b.toml:1:1: mqtt: is given already at weir.toml:1:1; remove one of the two\n"
        "conf.d/b.toml:2:2: kafka: is given already at conf.d/a.toml:5:1; remove one of the two\n");
}

TEST_CASE("the syntax errors of all files are reported, and nothing that may follow from them") {
  const TemporaryFolder folder;
  const std::string path = folder.write("weir.toml", "id = \n");
  folder.write("conf.d/a.toml", "= 5");
  folder.write("conf.d/b.toml", "[fine]\nx = 1");
  ConfigFile file = ConfigFile::load(path);
  Params root = file.root();
  root.required_text("id");
  root.finish();
  CHECK(file.problems().list().size() == 2);
  CHECK(root.table("fine").integer("x", 0, {0, 9}) == 1);
}

TEST_CASE("a problem in a fragment names the fragment") {
  const TemporaryFolder folder;
  const std::string path = folder.write("weir.toml", "id = 'x'\n");
  folder.write("conf.d/a.toml", "\nidd = '${NONE}'\n");
  ConfigFile file = ConfigFile::load(path, [](const std::string&) { return std::nullopt; });
  Params root = file.root();
  root.text("id", "");
  root.finish();
  CHECK(relative(file.problems().text(), folder) ==
        "conf.d/a.toml:2:1: idd: unknown key; did you mean id?\n"
        "conf.d/a.toml:2:7: idd: the variable NONE of the environment is not set; set it, or "
        "write ${NONE:-default}\n");
}

TEST_CASE("a configuration in the working directory finds the fragments beside it") {
  const TemporaryFolder folder;
  folder.write("weir.toml", "a = 1\n");
  folder.write("conf.d/a.toml", "b = 2\n");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path(""));
  ConfigFile file = ConfigFile::load("weir.toml");
  std::filesystem::current_path(before);
  CHECK(file.root().place("b").text() == "conf.d/a.toml:1:5");
}
