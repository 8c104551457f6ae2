#include "runtime/engine_state.hpp"

#include "tests/runtime/engine_rig.hpp"
#include "tests/support/temp_dir.hpp"

using namespace weir;

namespace {

Batch::Message delivery(bool again) {
  Batch::Message message;
  message.topic = "plant/1";
  message.payload = "21.5";
  message.ack = {1, 700, 1};
  message.duplicate = again;
  return message;
}

/// As version 2 has it: the packet id of each delivery stands before its hash.
std::string as_version_2(std::string_view state) {
  ByteReader in(state);
  std::string bytes, deliveries;
  ByteWriter out(bytes), deliveries_out(deliveries);
  REQUIRE(in.u8() == 3);
  out.u8(2);
  out.zigzag(in.zigzag());  // the wall clock
  out.zigzag(in.zigzag());  // the time that passed
  out.u8(in.u8());          // synchronised
  for (int section = 0; section < 3; ++section) out.text(in.text());
  in.text();
  deliveries_out.varint(1);
  deliveries_out.varint(700);
  deliveries_out.fixed32(delivery_hash("plant/1", "21.5"));
  out.text(deliveries);
  out.varint(in.varint());  // the doubt
  REQUIRE(in.at_end());
  return bytes;
}

}  // namespace

TEST_CASE("a state comes back, and one that an older weir saved") {
  const bool older = GENERATE(false, true);
  const TempDir before, after;
  const ManualClock clock;
  EngineRig saved(before.path(), clock), loaded(after.path(), clock);
  Moment last = clock.now();
  Ledger ledger;
  Redeliveries redeliveries;
  std::uint64_t doubt = 9;
  REQUIRE_FALSE(redeliveries.repeats(delivery(false)));
  std::string bytes =
      encode_state({last, saved.table, ledger, *saved.pipeline, redeliveries, doubt});
  if (older) bytes = as_version_2(bytes);

  Moment last_again;
  Ledger ledger_again;
  Redeliveries redeliveries_again;
  std::uint64_t doubt_again = 0;
  const auto left_out = decode_state(bytes, {last_again, loaded.table, ledger_again,
                                             *loaded.pipeline, redeliveries_again, doubt_again});
  REQUIRE(left_out);
  CHECK(left_out->empty());
  CHECK(last_again.wall == last.wall);
  CHECK(doubt_again == 9);
  CHECK(redeliveries_again.repeats(delivery(true)));
}
