#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/units.hpp"
#include "runtime/fault.hpp"

namespace weir {

struct FleetOptions {
  std::uint32_t devices = 50;
  std::uint32_t lines = 4;
  Duration interval{1'000'000};  ///< between two messages of one device
  Duration duration{0};          ///< 0: endless
  std::uint64_t seed = 1;
  std::vector<Fault> faults;     ///< empty: none
  Timestamp start{};             ///< event time of offset 0
  Duration day{86'400'000'000};  ///< length of the temperature's cycle
  Duration late_by{10'000'000};  ///< how long a late message is held back
  std::uint32_t flood_factor = 50;
  /// Templates; the names are line, device, seq (counts the device's messages from 1), ts
  /// (milliseconds), ts_s, ts_us, ts_ns, time (RFC 3339), temperature, pressure, vibration.
  std::string topic = "plant/{line}/{device}/state";
  std::string payload =
      R"({"ts":{ts},"temperature":{temperature},"pressure":{pressure},"vibration":{vibration}})";
};

struct FleetMessage {
  Duration due{};  ///< after the start
  std::string topic;
  std::string payload;
};

/// What was produced so far: the truth that a receiver's counts can be held against.
struct FleetSummary {
  struct OfFault {
    std::vector<std::string> devices;
    /// Messages the fault changed or added; of `dead`: messages that were not sent.
    std::uint64_t messages = 0;
  };
  std::array<OfFault, fault_count> faults;  ///< index: Fault
  std::array<std::uint64_t, broken_payload_count> broken{};
  std::uint64_t messages = 0;
};

/// A fleet of machines on several lines that report temperature, pressure and vibration, some of
/// them faulty. Pure and seeded: the same options give the same messages on any machine. Messages
/// come in the order of `due`; of an endless fleet there is always one more.
///
/// Faults that last "for a while" do so in the middle of the duration (30 % to 75 % of it), or of
/// every minute of an endless fleet. What is held back at the end of the duration is sent then.
/// Each fault has one device in fifty, at least one; a fleet with fewer devices than faults has
/// only the first of them.
class Fleet {
 public:
  explicit Fleet(const FleetOptions& options);
  ~Fleet();

  /// Replaces `out` by the next message; false when there is none.
  bool next(FleetMessage& out);
  const FleetSummary& summary() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
