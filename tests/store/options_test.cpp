#include "config/params.hpp"
#include "store/store.hpp"
#include "tests/support/catch.hpp"

namespace weir {

namespace {

constexpr std::string_view gateway = "[gateway]\ndata_dir = \"/data\"\n";

std::string problems_of(std::string_view store) {
  ConfigFile file = ConfigFile::parse(std::string(gateway) + std::string(store), "weir.toml");
  Params root = file.root();
  (void)StoreOptions::read(root);
  root.finish();
  return file.problems().text();
}

}  // namespace

TEST_CASE("without [store] the defaults hold") {
  ConfigFile file = ConfigFile::parse(gateway, "weir.toml");
  Params root = file.root();
  const StoreOptions options = StoreOptions::read(root);
  root.finish();
  CHECK(file.problems().text().empty());
  CHECK(options.directory == "/data");
  CHECK(options.max_size == Bytes{256u << 20});
  CHECK(options.durability == Durability::power);
  CHECK(options.checkpoint_after == Bytes{1u << 20});
  CHECK(options.dead_letters == 1000);
  CHECK(options.dead_letter_payload == Bytes{1024});
}

TEST_CASE("[store] is read, its bounds checked against each other") {
  CHECK(problems_of("[store]\nmax_size = \"8MiB\"\ndurability = \"process\"\n"
                    "checkpoint_after = \"1MiB\"\ndead_letters = 1000\n")
            .empty());
  CHECK(problems_of("[store]\nmax_size = \"7MiB\"\n").find("store.max_size") != std::string::npos);
  CHECK(problems_of("[store]\ndurability = \"maybe\"\n").find("store.durability") !=
        std::string::npos);
  CHECK(problems_of("[store]\nmax_size = \"8MiB\"\ncheckpoint_after = \"2MiB\"\n")
            .find("an eighth of max_size, which is 1MiB") != std::string::npos);
  CHECK(problems_of("[store]\nmax_size = \"8MiB\"\ndead_letter_payload = \"4KiB\"\n")
            .find("store.dead_letters") != std::string::npos);
  CHECK(problems_of("[store]\nmax_sise = \"8MiB\"\n").find("max_size") != std::string::npos);
}

}  // namespace weir
