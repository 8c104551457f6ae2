#include "runtime/simulate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "runtime/json_writer.hpp"

namespace weir {
namespace {

constexpr Duration progress_interval{200'000};

Duration scaled(Duration due, double speed) {
  if (speed <= 0) return Duration(0);
  return Duration(static_cast<std::int64_t>(static_cast<double>(due.count()) / speed));
}

std::string fixed(double value, int digits) {
  std::array<char, 40> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, digits);
  return end.ec == std::errc() ? std::string(buffer.data(), end.ptr) : "?";
}

std::string padded(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(width > text.size() ? width - text.size() : 1, ' ');
}

/// "press012, press044 and 3 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > shown) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

void write_fault(const FleetSummary::OfFault& fault, JsonWriter& json) {
  json.begin_object().member("messages", fault.messages).key("devices").begin_array();
  for (const std::string& device : fault.devices) json.value(device);
  json.end_array().end_object();
}

}  // namespace

double SimulateSummary::per_second() const {
  return elapsed > Duration(0) ? static_cast<double>(messages) / as_seconds(elapsed) : 0;
}

Duration interval_of(double rate, std::uint32_t devices) {
  const double interval_us = 1e6 * static_cast<double>(std::max(devices, 1U)) / rate;
  return Duration(std::max<std::int64_t>(static_cast<std::int64_t>(interval_us), 1));
}

Result<SimulateSummary> play(const MessageFeed& feed, double speed, Pacer& pacer, Outlet& outlet,
                             const std::function<void(const SimulateSummary&)>& progress) {
  SimulateSummary summary;
  const Duration start = pacer.elapsed();
  Duration report_at = start;
  FleetMessage message;
  while (!summary.interrupted && feed(message)) {
    // The message that was waited for is sent all the same, so that a fleet's counts stay true.
    summary.interrupted = !pacer.wait_until(start + scaled(message.due, speed));
    if (const auto sent = outlet.publish(message.topic, message.payload); !sent) {
      return fail(sent.error());
    }
    ++summary.messages;
    summary.bytes += message.payload.size();
    summary.elapsed = pacer.elapsed() - start;
    if (start + summary.elapsed >= report_at) {
      progress(summary);
      report_at = start + summary.elapsed + progress_interval;
    }
  }
  if (const auto flushed = outlet.flush(); !flushed) return fail(flushed.error());
  summary.elapsed = pacer.elapsed() - start;
  return summary;
}

std::string summary_text(const SimulateSummary& summary, const FleetSummary* fleet) {
  std::string text = "sent " + std::to_string(summary.messages) + " messages (" +
                     std::to_string(summary.bytes) + " bytes) in " +
                     fixed(as_seconds(summary.elapsed), 1) + " s, " +
                     fixed(summary.per_second(), 0) + " a second" +
                     (summary.interrupted ? "; interrupted\n" : "\n");
  if (fleet == nullptr) return text;
  for (std::size_t i = 1; i < fault_count; ++i) {
    const auto& fault = fleet->faults[i];
    if (fault.devices.empty()) continue;
    const std::string_view name = fault_name(static_cast<Fault>(i));
    const bool dead = static_cast<Fault>(i) == Fault::dead;
    text += "  " + padded(name, 14) +
            padded(std::to_string(fault.messages) + (dead ? " not sent" : " messages"), 16) +
            some_of(fault.devices) + '\n';
  }
  return text;
}

std::string summary_json(const SimulateSummary& summary, const FleetSummary* fleet) {
  JsonWriter json;
  json.begin_object().member("messages", summary.messages).member("bytes", summary.bytes);
  json.member("seconds", as_seconds(summary.elapsed)).member("interrupted", summary.interrupted);
  if (fleet != nullptr) {
    json.key("faults").begin_object();
    for (std::size_t i = 1; i < fault_count; ++i) {
      if (fleet->faults[i].devices.empty()) continue;
      json.key(fault_name(static_cast<Fault>(i)));
      write_fault(fleet->faults[i], json);
    }
    json.end_object().key("broken_payloads").begin_object();
    for (std::size_t i = 0; i < broken_payload_count; ++i) {
      json.member(broken_payload_name(static_cast<BrokenPayload>(i)), fleet->broken[i]);
    }
    json.end_object();
  }
  return json.end_object().take() + '\n';
}

}  // namespace weir
