#include "firmware-bridge/inbox.hpp"

#include <string>
#include <thread>

#include "tests/support/catch.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

Batch batch_of(const std::string& topic, const std::string& payload, std::uint16_t id = 0) {
  Batch batch;
  batch.add({topic, payload, timestamp_us(7), {3, id, 1}, true, false});
  return batch;
}

}  // namespace

TEST_CASE("a batch gives back what was added") {
  Batch batch = batch_of("a/b", "one", 1);
  batch.add({"", "", timestamp_us(8), {}, false, true});
  batch.add({"c", std::string(1000, 'x'), timestamp_us(9), {3, 2, 2}, false, false});
  REQUIRE(batch.size() == 3);
  CHECK(batch[0].topic == "a/b");
  CHECK(batch[0].payload == "one");
  CHECK(batch[0].arrival == timestamp_us(7));
  CHECK(batch[0].ack.connection == 3);
  CHECK(batch[0].ack.packet_id == 1);
  CHECK(batch[0].retained);
  CHECK(batch[1].topic.empty());
  CHECK(batch[1].duplicate);
  CHECK(batch[2].payload == std::string(1000, 'x'));
  CHECK(batch[2].ack.qos == 2);
  CHECK(batch.bytes() >= 1000);
  batch.clear();
  CHECK(batch.empty());
}

TEST_CASE("a copied or moved batch keeps its texts") {
  Batch batch = batch_of("topic", "payload");
  const Batch copy = batch;
  const Batch moved = std::move(batch);
  CHECK(copy[0].topic == "topic");
  CHECK(moved[0].payload == "payload");
}

TEST_CASE("the inbox keeps the order and hands over everything that is little") {
  Inbox inbox(Bytes{1'000'000});
  inbox.push(batch_of("1", ""));
  inbox.push(batch_of("2", ""));
  inbox.push(Batch{});
  CHECK(inbox.depth().messages == 2);
  std::vector<Batch> out(1);
  REQUIRE(inbox.pop(out, 0us));
  REQUIRE(out.size() == 3);
  CHECK(out[1][0].topic == "1");
  CHECK(out[2][0].topic == "2");
  CHECK(inbox.depth().bytes == 0);
  CHECK_FALSE(inbox.pop(out, 0us));
}

TEST_CASE("a full inbox is handed over in portions, and takes more when half of it is gone") {
  Inbox inbox(Bytes{1'000'000});
  for (int i = 0; i < 10; ++i) inbox.push(batch_of("t", std::string(100'000, 'x')));
  REQUIRE(inbox.full());
  int calls = 0;
  inbox.when_room([&] { ++calls; });
  std::vector<Batch> out;
  REQUIRE(inbox.pop(out, 0us));
  CHECK(out.size() == 3);  // the third is the first to reach the portion
  CHECK(inbox.depth().messages == 7);
  CHECK_FALSE(inbox.full());
  CHECK(calls == 0);
  REQUIRE(inbox.pop(out, 0us));
  CHECK(calls == 1);
  while (inbox.pop(out, 0us)) {
  }
  CHECK(out.size() == 10);
  CHECK(inbox.depth().bytes == 0);
}

TEST_CASE("the inbox is full by bytes, and calls once when there is room") {
  Inbox inbox(Bytes{1000});
  int calls = 0;
  inbox.when_room([&] { ++calls; });
  CHECK(calls == 1);  // at once: it is empty

  inbox.push(batch_of("t", std::string(600, 'x')));
  CHECK_FALSE(inbox.full());
  inbox.push(batch_of("t", std::string(600, 'x')));
  CHECK(inbox.full());
  inbox.when_room([&] { ++calls; });
  CHECK(calls == 1);
  std::vector<Batch> out;
  REQUIRE(inbox.pop(out, 0us));
  CHECK(calls == 2);
  CHECK_FALSE(inbox.full());
  inbox.push(batch_of("t", "x"));
  REQUIRE(inbox.pop(out, 0us));
  CHECK(calls == 2);
}

TEST_CASE("who is told of room may push at once") {
  Inbox inbox(Bytes{10});
  inbox.push(batch_of("t", "first"));
  inbox.when_room([&] { inbox.push(batch_of("t", "second")); });
  std::vector<Batch> out;
  REQUIRE(inbox.pop(out, 0us));
  REQUIRE(inbox.pop(out, 0us));
  CHECK(out[1][0].payload == "second");
}

TEST_CASE("a waiting pop is ended by a push or by wake") {
  Inbox inbox(Bytes{1000});
  std::vector<Batch> out;
  std::thread pusher([&] { inbox.push(batch_of("t", "x")); });
  CHECK(inbox.pop(out, 20s));
  pusher.join();

  std::thread waker([&] { inbox.wake(); });
  const auto began = std::chrono::steady_clock::now();
  CHECK_FALSE(inbox.pop(out, 20s));
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  waker.join();

  inbox.wake();  // remembered, once
  CHECK_FALSE(inbox.pop(out, 20s));
  CHECK_FALSE(inbox.pop(out, 1us));
}
