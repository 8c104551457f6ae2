#include "store/schema.hpp"

#include <array>
#include <random>

namespace weir {

namespace {

constexpr std::int64_t application_id = 0x57454952;

/// Step i brings version i to i + 1. Append only: databases out there have run the earlier ones.
constexpr std::array<std::string_view, schema_version> migrations = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE journal(slot INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE checkpoint(id INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE outbox_0(seq INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE outbox_1(seq INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE outbox_2(seq INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE outbox_3(seq INTEGER PRIMARY KEY, body BLOB NOT NULL);"
    "CREATE TABLE dead_letters(id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
    "CREATE TABLE gaps(id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
};

Result<void> run_step(Database& database, std::int64_t from) {
  Transaction transaction(database);
  std::string sql(migrations[static_cast<std::size_t>(from)]);
  if (from == 0) {
    sql += "INSERT INTO meta VALUES('uuid', '" + make_uuid() + "');";
    sql += "PRAGMA application_id = " + std::to_string(application_id) + ";";
  }
  sql += "PRAGMA user_version = " + std::to_string(from + 1);
  return transaction.begin().and_then([&] { return database.execute(sql); }).and_then([&] {
    return transaction.commit();
  });
}

}  // namespace

std::string make_uuid() {
  static constexpr char digits[] = "0123456789abcdef";
  std::random_device random;
  std::string uuid;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) uuid += '-';
    unsigned digit = random() & 15u;
    if (i == 12) digit = 4;
    if (i == 16) digit = 8 | (digit & 3u);
    uuid += digits[digit];
  }
  return uuid;
}

std::uint64_t random_jump(std::uint64_t most) {
  std::random_device random;
  return 1 + ((std::uint64_t{random()} << 32) | random()) % most;
}

Result<void> migrate(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return fail(version.error());
  const auto id = database.number("PRAGMA application_id");
  if (!id) return fail(id.error());
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return fail(tables.error());

  // A start that was cut short leaves a database without any table: made anew.
  const bool empty = *version == 0 && *tables == 0;
  if (!empty && (*id != application_id || *version < 1))
    return fail(ErrorKind::corrupt, "it is not a database of weir");
  if (*version > schema_version)
    return fail(ErrorKind::unsupported,
                "a newer weir wrote it (schema " + std::to_string(*version) + ", this weir knows " +
                    std::to_string(schema_version) +
                    "): install that weir again, or move the file away to start empty");
  for (std::int64_t from = *version; from < schema_version; ++from)
    if (auto done = run_step(database, from); !done) return done;
  return {};
}

}  // namespace weir
