#include "runtime/redeliveries.hpp"

#include "tests/support/catch.hpp"

using namespace weir;

namespace {

Batch::Message message(std::uint16_t id, std::string_view payload, bool duplicate = false,
                       std::uint32_t session = 0) {
  Batch::Message one;
  one.topic = "plant/1";
  one.payload = payload;
  one.ack = {1, id, 1};
  one.duplicate = duplicate;
  one.session = session;
  return one;
}

constexpr bool again = true;  ///< delivered with the DUP flag

}  // namespace

TEST_CASE("a duplicate of what was taken is recognised, as often as it comes") {
  Redeliveries redeliveries;
  CHECK_FALSE(redeliveries.repeats(message(7, "a")));
  CHECK(redeliveries.repeats(message(7, "a", again)));
  CHECK(redeliveries.repeats(message(7, "a", again)));
}

TEST_CASE("a duplicate of what never arrived is a message") {
  Redeliveries redeliveries;
  CHECK_FALSE(redeliveries.repeats(message(7, "a", again)));
  CHECK(redeliveries.repeats(message(7, "a", again)));
  CHECK_FALSE(redeliveries.repeats(message(8, "a", again)));
  CHECK_FALSE(redeliveries.repeats(message(7, "b", again)));
}

TEST_CASE("the same text without the flag is another message, with the flag the topic counts") {
  Redeliveries redeliveries;
  CHECK_FALSE(redeliveries.repeats(message(7, "a")));
  CHECK_FALSE(redeliveries.repeats(message(7, "a")));
  Batch::Message elsewhere = message(7, "a", again);
  elsewhere.topic = "plant/2";
  CHECK_FALSE(redeliveries.repeats(elsewhere));
}

TEST_CASE("messages of QoS 0 are never duplicates") {
  Redeliveries redeliveries;
  CHECK_FALSE(redeliveries.repeats(message(0, "a")));
  CHECK_FALSE(redeliveries.repeats(message(0, "a", again)));
  JournalRecord record;
  redeliveries.take(record);
  CHECK(record.deliveries.empty());
}

TEST_CASE("in a new session packet ids stand for other messages") {
  Redeliveries redeliveries;
  redeliveries.repeats(message(7, "a"));
  CHECK_FALSE(redeliveries.repeats(message(7, "a", again, 1)));
  CHECK(redeliveries.repeats(message(7, "a", again, 1)));
  JournalRecord record;
  redeliveries.take(record);
  CHECK(record.new_session);
  CHECK(record.deliveries == std::vector<Delivery>{{7, delivery_hash("plant/1", "a")}});
}

TEST_CASE("what journal and checkpoint say is known after a restart") {
  Redeliveries before;
  before.repeats(message(1, "in the checkpoint"));
  JournalRecord record;
  before.take(record);
  std::string saved;
  ByteWriter writer(saved);
  before.save(writer);
  before.repeats(message(2, "in the journal"));
  before.take(record);

  Redeliveries after;
  ByteReader reader(saved);
  REQUIRE(after.load(reader));
  CHECK(reader.at_end());
  after.replay(record);
  CHECK(after.repeats(message(1, "in the checkpoint", again)));
  CHECK(after.repeats(message(2, "in the journal", again)));
  CHECK_FALSE(after.repeats(message(3, "neither", again)));
}

TEST_CASE("a record that begins a new session makes those before forgotten") {
  Redeliveries redeliveries;
  JournalRecord record;
  record.deliveries = {{1, delivery_hash("plant/1", "a")}};
  redeliveries.replay(record);
  record.new_session = true;
  record.deliveries = {{2, delivery_hash("plant/1", "b")}};
  redeliveries.replay(record);
  CHECK_FALSE(redeliveries.repeats(message(1, "a", again)));
  CHECK(redeliveries.repeats(message(2, "b", again)));
}

TEST_CASE("a broker may have every packet id in flight, over a restart, too") {
  Redeliveries before;
  const auto text = [](std::uint16_t id) { return "message " + std::to_string(id); };
  for (std::uint16_t id = 65535; id > 0; --id) REQUIRE_FALSE(before.repeats(message(id, text(id))));
  std::string saved;
  ByteWriter writer(saved);
  before.save(writer);
  Redeliveries after;
  ByteReader reader(saved);
  REQUIRE(after.load(reader));
  CHECK(reader.at_end());
  std::size_t known = 0;
  for (std::uint16_t id = 65535; id > 0; --id) known += after.repeats(message(id, text(id), again));
  CHECK(known == 65535);
}

TEST_CASE("packet ids that follow one another are saved as their hashes, with gaps between them") {
  Redeliveries before;
  const std::vector<std::uint16_t> ids = {1, 2, 3, 700, 65534, 65535};
  for (const std::uint16_t id : ids) before.repeats(message(id, std::to_string(id)));
  std::string saved;
  ByteWriter writer(saved);
  before.save(writer);
  CHECK(saved.size() == 6 * 4 + 1 + 2 + 3 + 4);  // hashes; runs; first id and length of each
  Redeliveries after;
  ByteReader reader(saved);
  REQUIRE(after.load(reader));
  CHECK(reader.at_end());
  for (const std::uint16_t id : ids) CHECK(after.repeats(message(id, std::to_string(id), again)));
  for (const std::uint16_t id : std::vector<std::uint16_t>{4, 699, 701, 65533}) {
    INFO(id);
    CHECK_FALSE(after.repeats(message(id, std::to_string(id), again)));
  }
}

TEST_CASE("what an older weir saved, an id before each hash, is known") {
  std::string saved;
  ByteWriter writer(saved);
  writer.varint(2);
  for (const std::uint32_t id : {7U, 40000U}) {
    writer.varint(id);
    writer.fixed32(delivery_hash("plant/1", "a"));
  }
  Redeliveries redeliveries;
  ByteReader reader(saved);
  REQUIRE(redeliveries.load(reader, false));
  CHECK(reader.at_end());
  CHECK(redeliveries.repeats(message(7, "a", again)));
  CHECK(redeliveries.repeats(message(40000, "a", again)));
}

TEST_CASE("runs that no weir saves are refused") {
  struct Run {
    std::uint64_t first, length;
    std::vector<std::uint32_t> hashes;
  };
  constexpr std::uint64_t huge = 0xffff'ffff'ffff'ffff;
  const std::vector<Run> bad = {{0, 1, {5}},    {1, 0, {}},       {65535, 2, {5, 5}},
                                {1, huge, {5}}, {huge, 1, {5}},   {1, 2, {5, 0}},
                                {1, 3, {5}},    {huge, huge, {5}}};
  for (const auto& [first, length, hashes] : bad) {
    INFO(first << ", " << length);
    std::string saved;
    ByteWriter writer(saved);
    writer.varint(1);
    writer.varint(first);
    writer.varint(length);
    for (const std::uint32_t hash : hashes) writer.fixed32(hash);
    Redeliveries redeliveries;
    ByteReader reader(saved);
    CHECK_FALSE(redeliveries.load(reader));
  }
}

TEST_CASE("a packet id that was used again stands for its last message") {
  Redeliveries redeliveries;
  redeliveries.repeats(message(1, "first"));
  redeliveries.repeats(message(1, "again"));
  CHECK(redeliveries.repeats(message(1, "again", again)));
  CHECK_FALSE(redeliveries.repeats(message(1, "first", again)));
}

TEST_CASE("the hash is the same on every machine and sees every byte") {
  CHECK(delivery_hash("plant/1", "{\"v\":21.5}") == 0xc286f4a2);
  CHECK(delivery_hash("a", "bc") != delivery_hash("ab", "c"));
  CHECK(delivery_hash("a", std::string(1, '\0')) != delivery_hash("a", std::string(2, '\0')));
  std::string text(100, 'x');
  const auto whole = delivery_hash("t", text);
  for (char& c : text) {
    c = 'y';
    CHECK(delivery_hash("t", text) != whole);
    c = 'x';
  }
}
