#include "config/csv.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

/// "line:a|b" a record, and the error at its end if there is one.
std::vector<std::string> records(std::string_view text, char separator = ',') {
  CsvText csv(text, separator);
  std::vector<std::string> found;
  while (true) {
    const Result<bool> more = csv.next();
    if (!more) found.push_back(more.error().message.substr(0, 17));
    if (!more || !*more) return found;
    std::string& record = found.emplace_back(std::to_string(csv.line()) + ":");
    for (std::size_t i = 0; i < csv.fields(); ++i)
      record += (i > 0 ? "|" : "") + csv.cells()[i].text;
  }
}

using Records = std::vector<std::string>;

}  // namespace

TEST_CASE("a text of comma-separated values is taken apart record by record") {
  CHECK(records("").empty());
  CHECK(records("\n\r\n").empty());
  CHECK(records("a,b\nc,\n") == Records{"1:a|b", "2:c|"});
  CHECK(records("a,b\r\n\r\nc,d") == Records{"1:a|b", "3:c|d"});
  CHECK(records("\xEF\xBB\xBF"
                "a;b",
                ';') == Records{"1:a|b"});
}

TEST_CASE("what stands in quotes may hold separators, quotes and line ends") {
  CHECK(records("\"a,b\",\"say \"\"c\"\"\"\n\"two\nlines\",d\ne,f") ==
        Records{"1:a,b|say \"c\"", "2:two\nlines|d", "4:e|f"});
}

TEST_CASE("a quote that is misplaced or open is told with its line") {
  CHECK(records("a,b\nc,d\"e") == Records{"1:a|b", "line 2, column 3:"});
  CHECK(records("a,b\n\"c\"d,e") == Records{"1:a|b", "line 2, column 1:"});
  CHECK(records("a,b\n\nc,\"d\ne") == Records{"1:a|b", "line 3, column 3:"});
}
