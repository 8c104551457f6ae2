// Any text as the rows of a dimension table: it is refused with a message, or every row can be
// looked for and has what the options ask for.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "operators/enrichment.hpp"

using namespace weir;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ConfigFile file = ConfigFile::parse(
      "[enrich]\nkey = ['d']\ntags = ['s']\nnumbers = ['n']\nfile = 'x'\n", "weir.toml");
  Params source = file.root();
  source.table("enrich").put_text("csv", "d,s,n\n" + text, "file");
  const auto read = Enrichment::read(source, {"d"}, {});
  require(read != nullptr);
  if (!file.problems().empty()) {
    require(file.problems().text().size() <= 2 * size + 1000);
    return 0;
  }
  std::size_t found = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min({text.find(',', at), text.find('\n', at), text.size()});
    if (const auto* row = read->find(std::vector<std::string>{text.substr(at, end - at)})) {
      require(row->tags.size() == 1 && row->numbers.size() == 1);
      ++found;
    }
    at = end + 1;
  }
  require(text.find('"') != text.npos || text.find('\r') != text.npos || found >= read->rows());
  return 0;
}
