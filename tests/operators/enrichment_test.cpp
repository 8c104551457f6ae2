#include "operators/enrichment.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

struct Read {
  std::shared_ptr<const Enrichment> enrichment;
  std::string problems;
};

/// `lines` of the [source.enrich] of a source with the tags line and device.
Read read(const std::string& lines, const std::vector<std::string>& metrics = {}) {
  ConfigFile file = ConfigFile::parse("[source.enrich]\n" + lines, "weir.toml");
  Params source = file.root().table("source");
  auto enrichment = Enrichment::read(source, {"line", "device"}, metrics);
  return {enrichment, file.problems().text()};
}

std::string problems(const std::string& lines, const std::vector<std::string>& metrics = {}) {
  const std::string all = read(lines, metrics).problems;
  const std::size_t key = all.find(": source.enrich");
  return key == std::string::npos ? all : all.substr(key + 15, all.size() - key - 16);
}

const std::string site = "key = ['device']\ntags = ['site']\n";

std::string csv(const std::string& rows) {
  return "csv = \"\"\"\n" + rows + "\"\"\"\n";
}

}  // namespace

TEST_CASE("a row is found by the tags that the key names") {
  const Read one = read("tags = ['site']\nnumbers = ['limit', 'least']\n" +
                        csv("limit,device,site,line,least,unused\n"
                            "80.5,a,Berlin,l1,-1e3,x\n"
                            ",a,\"Rome, south\",l2,7,y\n"));
  REQUIRE(one.problems == "");
  REQUIRE(one.enrichment->rows() == 2);
  const auto find = [&](const std::string& line, const std::string& device) {
    return one.enrichment->find(std::vector<std::string>{line, device});
  };
  REQUIRE(find("l1", "a") != nullptr);
  CHECK(find("l1", "a")->tags == std::vector<std::string>{"Berlin"});
  CHECK(find("l1", "a")->numbers == std::vector<double>{80.5, -1000});
  REQUIRE(find("l2", "a") != nullptr);
  CHECK(find("l2", "a")->tags == std::vector<std::string>{"Rome, south"});
  CHECK(std::isnan(find("l2", "a")->numbers[0]));
  CHECK(find("l3", "a") == nullptr);
  CHECK(find("l1a", "") == nullptr);
  CHECK(one.enrichment->memory_bytes() > 0);
}

TEST_CASE("a source without [source.enrich] has no table") {
  ConfigFile file = ConfigFile::parse("[source]\n", "weir.toml");
  Params source = file.root().table("source");
  CHECK(Enrichment::read(source, {"device"}, {}) == nullptr);
  CHECK(read("").enrichment == nullptr);
  CHECK(read("").problems == "");
}

TEST_CASE("what is wrong with the options is told") {
  CHECK(problems("csv = 'device'\nkey = ['device']") ==
        ".tags: names no column, and numbers neither: nothing would be added");
  CHECK(read("missing = 'drop'").problems.find("names no column") != std::string::npos);
  CHECK(problems(site) == ".file: names no file with the rows; give file, or the rows as csv");
  CHECK(problems("key = ['devise']\ntags = ['site']\nfile = 'x.csv'") ==
        ".key: unknown tag \"devise\"; did you mean \"device\"?");
  CHECK(problems("key = ['device']\ntags = ['line']\nfile = 'x.csv'") ==
        ".tags: \"line\" means something else already; rename the column");
  CHECK(problems(site + "numbers = ['site']\nfile = 'x.csv'") ==
        ".numbers: \"site\" means something else already; rename the column");
  CHECK(problems("numbers = ['value']\nfile = 'x.csv'") ==
        ".numbers: \"value\" means something else already; rename the column");
  CHECK(problems("numbers = ['t']\nfile = 'x.csv'", {"t"}) ==
        ".numbers: \"t\" means something else already; rename the column");
  CHECK(problems(site + "default = { site = 'x' }\nfile = 'x.csv'") ==
        ".default: has a meaning only with missing = \"default\"");
  CHECK(problems(site + "missing = 'default'\nfile = 'x.csv'") ==
        ".default: is missing: missing = \"default\" needs it");
  CHECK(problems(site + "missing = 'default'\ndefault = { sites = 'x' }\nfile = 'x.csv'") ==
        ".default: unknown column \"sites\"; did you mean \"site\"?");
  CHECK(problems("numbers = ['n']\nmissing = 'default'\ndefault = { n = 'x' }\nfile = 'x.csv'") ==
        ".default: n is \"x\", which is no number");
}

TEST_CASE("a threshold is a number, a column, or what a variable holds") {
  const auto read = [](const std::string& high) {
    ConfigFile file = ConfigFile::parse(
        "[[source]]\nenrich = { numbers = ['most', '2most'], csv = 'device,most,2most' }\n"
        "[[detector]]\nname = 'd'\nfrom = 's'\nmethod = 'range'\nhigh = " +
            high + "\n",
        "weir.toml", [](const std::string&) { return std::optional<std::string>("7.5"); });
    SourceOptions source;
    source.name = "s";
    source.tag_names = {"device"};
    Params root = file.root();
    Params table = root.tables("source").front();
    source.enrichment = Enrichment::read(table, source.tag_names, {});
    read_pipeline_options(root, std::span(&source, 1));
    return file.problems().text();
  };
  for (const char* fine : {"7.5", "'most'", "'2most'", "'${HIGH}'"}) CHECK(read(fine) == "");
  CHECK(read("'moist'").find("unknown number of enrich \"moist\"; did you mean \"most\"?") !=
        std::string::npos);
  CHECK(read("'7.5'").find("detector[0].high: ") != std::string::npos);
}

TEST_CASE("what is wrong with the rows is told with its line") {
  CHECK(problems(site + csv("device\na\n")) ==
        ".csv: line 1: unknown column \"site\"; known: device");
  CHECK(problems(site + csv("device,site,site\na,x,y\n")) ==
        ".csv: line 1: two columns have the name \"site\"");
  CHECK(problems(site + csv("device,site\na,x\nb\n")) ==
        ".csv: line 3: it has 1 fields, the header 2");
  CHECK(problems(site + csv("device,site\na,x\nb,y\na,z\n")) ==
        ".csv: line 4: another row has the same key");
  CHECK(problems("key = ['device']\nnumbers = ['n']\n" + csv("device,n\na,1\nb,1e999\n")) ==
        ".csv: line 3: n is \"1e999\", which is no number");
  CHECK(problems(site + csv("device,site\na," + std::string(257, 'x') + "\n")) ==
        ".csv: line 2: a tag has more than 256 bytes");
  CHECK(problems("file = 'x.csv'\n" + site + csv("device,site\na\n")) ==
        ".file: line 2: it has 1 fields, the header 2");
}
