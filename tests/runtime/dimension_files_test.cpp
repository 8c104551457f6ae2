#include "runtime/dimension_files.hpp"

#include <filesystem>
#include <fstream>

#include "runtime/settings.hpp"
#include "store/sqlite.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string config(const std::string& enrich) {
  return "[gateway]\nid = 'g'\ndata_dir = '/nowhere'\n[mqtt]\nurl = 'mqtt://127.0.0.1:1'\n[kafka]\n"
         "brokers = ['127.0.0.1:1']\n[[source]]\nname = 's'\ntopics = ['s/{device}']\n"
         "[source.enrich]\ntags = ['site']\n" +
         enrich + "[[rollup]]\nname = 'm'\nfrom = 's'\nwindow = { tumbling = '1m' }\n";
}

struct Read {
  std::string text, problems;
};

Read read(const std::string& toml, const std::string& folder) {
  ConfigFile file = ConfigFile::parse(toml, "weir.toml");
  const Settings settings = read_settings(file, folder);
  return {settings.pipeline_text, file.problems().text()};
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What a look at a file says, second after second.
struct Watch {
  Watch() {
    rewrite("device,site\na,Berlin\n");
    const Read one = read(config("file = 'm.csv'\n"), directory.path());
    files.emplace(one.text, directory.path());
  }
  void rewrite(const std::string& text) { write(path, text); }
  std::optional<DimensionFiles::News> look() { return files->poll(now += 1s); }
  /// Two looks: one sees the change, the other that it is over.
  std::optional<DimensionFiles::News> settled() {
    CHECK_FALSE(look());
    return look();
  }
  const TempDir directory;
  const std::filesystem::path path = std::filesystem::path(directory.path()) / "m.csv";
  std::optional<DimensionFiles> files;
  Duration now{0};
};

}  // namespace

TEST_CASE("the rows of a file are part of what a configuration says of its pipeline") {
  const TempDir temporary;
  const std::filesystem::path dir = temporary.path();
  write(dir / "m.csv", "device,site\na,Berlin\n");
  const Read one = read(config("file = 'm.csv'\n"), dir.string());
  REQUIRE(one.problems == "");
  CHECK(holds(one.text, R"("csv" = "device,site\na,Berlin\n")"));
  const Read absolute = read(config("file = '" + (dir / "m.csv").string() + "'\n"), "/nowhere");
  CHECK(absolute.problems == "");
}

TEST_CASE("the rows of a table of SQLite are taken as those of a file") {
  const TempDir temporary;
  const std::filesystem::path dir = temporary.path();
  const std::string path = (dir / "m.db").string();
  {
    auto database = Database::open(path, Database::Mode::read_write).value();
    REQUIRE(database->execute(
        "CREATE TABLE \"all \"\"machines\"(device TEXT, site TEXT, n REAL, i INTEGER);"
        "INSERT INTO \"all \"\"machines\" VALUES ('a', 'Rome, \"south\"', 1.5, NULL)"));
  }
  const Read one =
      read(config("file = 'm.db'\ntable = 'all \"machines'\nnumbers = ['n', 'i']\n"), dir.string());
  REQUIRE(one.problems == "");
  CHECK(holds(one.text, R"("csv" = "device,site,n,i\na,\"Rome, \"\"south\"\"\",1.5,")"));
  const Read other = read(config("file = 'm.db'\ntable = 'nobody'\n"), dir.string());
  CHECK(holds(other.problems, "source[0].enrich.file: "));
  CHECK(holds(other.problems, "no such table: nobody"));
}

TEST_CASE("what is wrong with a file is told where the configuration names it") {
  const TempDir temporary;
  const std::filesystem::path dir = temporary.path();
  const auto problem = [&](const std::string& enrich) {
    return read(config(enrich), dir.string()).problems;
  };
  CHECK(holds(problem("file = 'none.csv'\n"), "weir.toml:13:8: source[0].enrich.file: "));
  CHECK(holds(problem("file = 'none.csv'\n"), "none.csv: can't be read"));
  write(dir / "m.csv", "device,site\na,\xff\n");
  CHECK(holds(problem("file = 'm.csv'\n"), "m.csv: is not UTF-8"));
  write(dir / "m.csv", "");
  CHECK(holds(problem("file = 'm.csv'\n"), "m.csv: is empty"));
  write(dir / "m.csv", "device,site\na\n");
  CHECK(holds(problem("file = 'm.csv'\n"), "enrich.file: line 2: it has 1 fields, the header 2"));
  CHECK(holds(problem("file = 'm.csv'\ncsv = 'device,site'\n"), "csv: is given beside file"));
  write(dir / "m.csv", "device,site\n" + std::string(1 << 20, 'a'));
  CHECK(holds(problem("file = 'm.csv'\n"), "m.csv: "));
  write(dir / "m.csv", "no database, and long enough to see that: " + std::string(200, 'x'));
  CHECK(holds(problem("file = 'm.csv'\ntable = 't'\n"), "m.csv: "));
}

TEST_CASE("a file that changes and stays so for a second is news, once") {
  Watch watch;
  CHECK_FALSE(watch.settled());
  CHECK_FALSE(watch.look());
  watch.rewrite("device,site\na,Berlin\nb,Ro");
  CHECK_FALSE(watch.look());
  watch.rewrite("device,site\na,Berlin\nb,Rome\n");
  const auto news = watch.settled();
  REQUIRE(news);
  CHECK(news->problem == "");
  CHECK(holds(news->configuration, R"("csv" = "device,site\na,Berlin\nb,Rome\n")"));
  CHECK_FALSE(watch.look());
  // The same rows anew are nothing new.
  watch.rewrite("device,site\na,Berlin\nb,Rome\n");
  CHECK_FALSE(watch.settled());
}

TEST_CASE("a file that can't be used says so once, and is tried again when it changes") {
  Watch watch;
  CHECK_FALSE(watch.settled());
  watch.rewrite("device,site\na,Berlin\nb\n");
  auto news = watch.settled();
  REQUIRE(news);
  CHECK(news->configuration == "");
  CHECK(news->problem == "source[0].enrich.file: line 3: it has 1 fields, the header 2");
  CHECK_FALSE(watch.settled());
  std::filesystem::remove(watch.path);
  news = watch.settled();
  REQUIRE(news);
  CHECK(holds(news->problem, "m.csv: can't be read"));
  watch.rewrite("device,site\na,Oslo\n");
  news = watch.settled();
  REQUIRE(news);
  CHECK(holds(news->configuration, "a,Oslo"));
}
