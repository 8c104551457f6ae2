#include "store/sqlite.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

namespace weir {

TEST_CASE("a transaction that is not committed leaves nothing, and the next one can begin") {
  const TempDir dir;
  auto database = Database::open(dir.path() + "/a.db", Database::Mode::read_write);
  REQUIRE(database);
  REQUIRE((*database)->execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y)"));
  {
    Transaction given_up(**database);
    REQUIRE(given_up.begin());
    REQUIRE((*database)->execute("INSERT INTO t VALUES(1, 'a')"));
    // An error that SQLite does not roll back by itself.
    REQUIRE_FALSE((*database)->execute("INSERT INTO t VALUES(1, 'b')"));
  }
  CHECK((*database)->number("SELECT count(*) FROM t") == 0);
  Transaction kept(**database);
  REQUIRE(kept.begin());
  REQUIRE((*database)->execute("INSERT INTO t VALUES(2, 'c')"));
  REQUIRE(kept.commit());
  CHECK((*database)->number("SELECT max(x) FROM t") == 2);
  CHECK((*database)->text("SELECT y FROM t") == "c");
}

TEST_CASE("a statement tells how many rows it changed, and can be run again after an error") {
  const TempDir dir;
  auto database = Database::open(dir.path() + "/a.db", Database::Mode::read_write);
  REQUIRE(database);
  REQUIRE((*database)->execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y)"));
  auto insert = (*database)->prepare("INSERT INTO t VALUES(?1, ?2)");
  REQUIRE(insert);
  CHECK(insert->run(std::int64_t{1}, std::string_view("a\0b", 3)) == 1);
  CHECK(insert->run(std::int64_t{1}, std::string_view()).error().kind == ErrorKind::corrupt);
  CHECK(insert->run(std::int64_t{2}, std::string_view()) == 1);
  auto select = (*database)->prepare("SELECT x, y FROM t WHERE x <= ?1 ORDER BY x");
  REQUIRE(select);
  {
    Rows rows = select->query(std::int64_t{2});
    REQUIRE(rows.next() == true);
    CHECK(rows.blob(1) == std::string_view("a\0b", 3));
    REQUIRE(rows.next() == true);
    CHECK(rows.blob(1).empty());
    CHECK(rows.next() == false);
  }
  auto remove = (*database)->prepare("DELETE FROM t");
  REQUIRE(remove);
  CHECK(remove->run() == 2);
  CHECK((*database)->prepare("SELECT nothing FROM nowhere").error().kind == ErrorKind::corrupt);
}

}  // namespace weir
