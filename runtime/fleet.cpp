#include "runtime/fleet.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "runtime/message_template.hpp"
#include "runtime/seeded_random.hpp"

namespace weir {
namespace {

constexpr Duration second{1'000'000};
constexpr Duration minute = 60 * second;
constexpr Timestamp far_future = timestamp_us(3'692'217'600'000'000);  // 2087-01-01

/// One device in this many has a given fault.
constexpr std::uint32_t fault_share = 50;

/// A wave of period 1 between -1 and 1, made of two parabolas: close to a sine and, unlike it, the
/// same on every machine.
double wave(double turns) {
  const double x = turns - static_cast<double>(static_cast<std::int64_t>(turns));
  return x < 0.5 ? 16 * x * (0.5 - x) : -16 * (x - 0.5) * (1 - x);
}

double ratio(Duration part, Duration whole) {
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

std::string numbered(std::string_view word, std::uint64_t number, std::size_t digits) {
  const std::string text = std::to_string(number);
  const std::size_t zeros = text.size() < digits ? digits - text.size() : 0;
  return std::string(word) + std::string(zeros, '0') + text;
}

enum Name : std::size_t {
  line_name,
  device_name,
  seq,
  ts,
  ts_s,
  ts_us,
  ts_ns,
  time_name,
  temperature,
  pressure,
  vibration,
  name_count
};
constexpr std::array<std::string_view, name_count> template_names = {
    "line",  "device", "seq",         "ts",       "ts_s",     "ts_us",
    "ts_ns", "time",   "temperature", "pressure", "vibration"};

struct Values {
  double temperature = 0, pressure = 0, vibration = 0;
};

struct Device {
  SeededRandom random{0};
  std::string line, name;
  Fault fault = Fault::none;
  double temperature = 0, pressure = 0, vibration = 0;  ///< what its values swing around
  double phase = 0;                                     ///< of its day, 0 to 1
  Values last;
  std::uint64_t sequence = 0;
  bool overtaken = false;  ///< its last message is held back for the next one to overtake
};

/// A sample that is to be taken, or a message that is held back.
struct Event {
  Duration due{};
  std::uint64_t order = 0;  ///< makes the order of equal `due` definite
  std::uint32_t device = 0;
  bool is_sample = true;
  FleetMessage held;

  friend bool operator>(const Event& a, const Event& b) {
    return a.due != b.due ? a.due > b.due : a.order > b.order;
  }
};

}  // namespace

struct Fleet::State {
  explicit State(const FleetOptions& fleet_options);

  FleetOptions options;
  MessageTemplate topic, payload;
  std::vector<Device> devices;
  std::vector<Event> events;  ///< a heap, the next one in front
  std::uint64_t order = 0;
  FleetSummary summary;

  void add_device(std::uint32_t number);
  void assign_faults();
  Event pop();
  void push(Event event);
  void schedule_sample(std::uint32_t index, Duration now);
  void hold(std::uint32_t index, Duration until, const FleetMessage& message);
  bool sample(std::uint32_t index, Duration now, FleetMessage& out);
  bool send_or_hold(std::uint32_t index, FleetMessage& message);

  Duration period() const { return options.duration > Duration(0) ? options.duration : minute; }
  /// How far an episode has come, 0 to 1; negative outside of episodes.
  double episode(Duration now) const;
  Values measure(Device& device, Duration now);
  Timestamp device_time(const Device& device, Duration now) const;
  void render(const Device& device, Duration now, std::string_view instead,
              FleetMessage& out) const;
  void break_payload(const Device& device, Duration now, FleetMessage& out);
  std::uint64_t& affected(Fault fault) {
    return summary.faults[static_cast<std::size_t>(fault)].messages;
  }
};

Fleet::State::State(const FleetOptions& fleet_options)
    : options(fleet_options),
      topic(fleet_options.topic, template_names),
      payload(fleet_options.payload, template_names) {
  options.devices = std::max(options.devices, 1U);
  options.lines = std::clamp(options.lines, 1U, options.devices);
  options.flood_factor = std::max(options.flood_factor, 1U);
  options.interval = std::max(options.interval, Duration(1));
  options.day = std::max(options.day, Duration(1));
  devices.reserve(options.devices);
  for (std::uint32_t i = 0; i < options.devices; ++i) add_device(i);
  assign_faults();
}

void Fleet::State::add_device(std::uint32_t number) {
  Device device;
  device.random = SeededRandom(SeededRandom(options.seed ^ (std::uint64_t{number} << 32)).next());
  SeededRandom& random = device.random;
  device.line = numbered("line", number % options.lines + 1, 1);
  device.name = numbered("press", number + 1, 3);
  device.temperature = random.between(55, 75);
  device.pressure = random.between(2.8, 3.4);
  device.vibration = random.between(0.8, 1.6);
  device.phase = random.uniform();
  // Devices are not in step: each starts somewhere within the first interval.
  const auto interval = static_cast<std::uint64_t>(options.interval.count());
  const Duration first(static_cast<std::int64_t>(random.below(interval)));
  devices.push_back(std::move(device));
  push({first, 0, number, true, {}});
}

void Fleet::State::assign_faults() {
  std::vector<std::uint32_t> order_of_devices(devices.size());
  std::iota(order_of_devices.begin(), order_of_devices.end(), 0U);
  SeededRandom random(~options.seed);
  for (std::size_t i = order_of_devices.size(); i > 1; --i) {
    std::swap(order_of_devices[i - 1], order_of_devices[static_cast<std::size_t>(random.below(i))]);
  }
  const std::uint32_t each = std::max(options.devices / fault_share, 1U);
  std::size_t next = 0;
  for (const Fault fault : options.faults) {
    for (std::uint32_t i = 0; i < each && next < order_of_devices.size(); ++i, ++next) {
      Device& device = devices[order_of_devices[next]];
      device.fault = fault;
      summary.faults[static_cast<std::size_t>(fault)].devices.push_back(device.name);
    }
  }
}

void Fleet::State::push(Event event) {
  const bool ends = options.duration > Duration(0);
  if (ends && event.due >= options.duration) {
    if (event.is_sample) return;
    event.due = options.duration;
  }
  event.order = order++;
  events.push_back(std::move(event));
  std::ranges::push_heap(events, std::greater<>());
}

Event Fleet::State::pop() {
  std::ranges::pop_heap(events, std::greater<>());
  Event event = std::move(events.back());
  events.pop_back();
  return event;
}

void Fleet::State::schedule_sample(std::uint32_t index, Duration now) {
  Device& device = devices[index];
  Duration interval = options.interval;
  if (device.fault == Fault::flood && episode(now) >= 0) interval /= options.flood_factor;
  const double jitter = device.random.between(0.95, 1.05);
  const auto step = static_cast<std::int64_t>(static_cast<double>(interval.count()) * jitter);
  push({now + Duration(std::max<std::int64_t>(step, 1)), 0, index, true, {}});
}

void Fleet::State::hold(std::uint32_t index, Duration until, const FleetMessage& message) {
  push({until, 0, index, false, message});
}

double Fleet::State::episode(Duration now) const {
  const double at = ratio(now % period(), period());
  return at >= 0.3 && at < 0.75 ? (at - 0.3) / 0.45 : -1;
}

Values Fleet::State::measure(Device& device, Duration now) {
  SeededRandom& random = device.random;
  const double swing = wave(ratio(now % options.day, options.day) + device.phase);
  // Samples that follow each other within milliseconds differ little.
  const double noise = device.fault == Fault::flood ? 0.1 : 1;
  Values values;
  values.temperature = device.temperature + 4 * swing + 0.3 * noise * random.noise();
  values.pressure = device.pressure + 0.05 * swing + 0.01 * noise * random.noise();
  values.vibration = std::max(device.vibration + 0.05 * noise * random.noise(), 0.0);

  const double progress = episode(now);
  if (progress < 0) return values;
  if (device.fault == Fault::stuck && device.sequence > 1) {
    values = device.last;
    ++affected(Fault::stuck);
  }
  if (device.fault == Fault::drift) {
    values.temperature += 30 * progress;
    ++affected(Fault::drift);
  }
  if (device.fault == Fault::spike && random.one_in(8)) {
    values.temperature += 60;
    ++affected(Fault::spike);
  }
  if (device.fault == Fault::flood) ++affected(Fault::flood);
  return values;
}

Timestamp Fleet::State::device_time(const Device& device, Duration now) const {
  if (device.fault == Fault::clock_past) return timestamp_us(0) + now;
  if (device.fault == Fault::clock_future) return far_future + now;
  return options.start + now;
}

/// Renders topic and payload of the device's newest values; `instead` (if any) stands for each.
void Fleet::State::render(const Device& device, Duration now, std::string_view instead,
                          FleetMessage& out) const {
  TemplateValues values;
  values.text(line_name, device.line);
  values.text(device_name, device.name);
  values.integer(seq, static_cast<std::int64_t>(device.sequence));
  values.time(ts, device_time(device, now));
  values.number(temperature, device.last.temperature, 2);
  values.number(pressure, device.last.pressure, 4);
  values.number(vibration, device.last.vibration, 3);
  if (!instead.empty()) {
    for (const Name name : {temperature, pressure, vibration}) values.text(name, instead);
  }
  topic.render(values, out.topic);
  payload.render(values, out.payload);
}

void Fleet::State::break_payload(const Device& device, Duration now, FleetMessage& out) {
  const auto kind = static_cast<std::size_t>(affected(Fault::broken) % broken_payload_count);
  ++affected(Fault::broken);
  ++summary.broken[kind];
  switch (static_cast<BrokenPayload>(kind)) {
    case BrokenPayload::truncated:
      out.payload.resize(out.payload.size() / 2);
      break;
    case BrokenPayload::not_json:
      out.payload = "ERROR 503: sensor board offline";
      break;
    case BrokenPayload::empty:
      out.payload.clear();
      break;
    case BrokenPayload::not_a_number:
      render(device, now, "NaN", out);
      break;
    case BrokenPayload::wrong_type:
      render(device, now, R"(["hot"])", out);
      break;
  }
}

/// False if the message waits for its time and nothing is to be sent now.
bool Fleet::State::send_or_hold(std::uint32_t index, FleetMessage& message) {
  Device& device = devices[index];
  SeededRandom& random = device.random;
  switch (device.fault) {
    case Fault::late: {
      if (!random.one_in(5)) return true;
      ++affected(Fault::late);
      hold(index, message.due + options.late_by, message);
      return false;
    }
    case Fault::out_of_order: {
      device.overtaken = !device.overtaken && random.one_in(3);
      if (!device.overtaken) return true;
      ++affected(Fault::out_of_order);
      hold(index, message.due + options.interval * 3 / 2, message);
      return false;
    }
    case Fault::repeated: {
      if (!random.one_in(4)) return true;
      ++affected(Fault::repeated);
      hold(index, message.due + options.interval / 4, message);
      return true;
    }
    default:
      return true;
  }
}

/// Takes the device's sample of this instant; true if `out` is to be sent now.
bool Fleet::State::sample(std::uint32_t index, Duration now, FleetMessage& out) {
  Device& device = devices[index];
  schedule_sample(index, now);
  if (device.fault == Fault::dead && ratio(now, period()) >= 0.3) {
    ++affected(Fault::dead);
    return false;
  }
  ++device.sequence;
  device.last = measure(device, now);
  if (device.fault == Fault::clock_past || device.fault == Fault::clock_future) {
    ++affected(device.fault);
  }
  out.due = now;
  render(device, now, {}, out);
  if (device.fault == Fault::broken && device.sequence % 2 == 0) break_payload(device, now, out);
  return send_or_hold(index, out);
}

Fleet::Fleet(const FleetOptions& options) : state_(std::make_unique<State>(options)) {}
Fleet::~Fleet() = default;

bool Fleet::next(FleetMessage& out) {
  while (!state_->events.empty()) {
    Event event = state_->pop();
    if (event.is_sample) {
      if (!state_->sample(event.device, event.due, out)) continue;
    } else {
      out = std::move(event.held);
      out.due = event.due;
    }
    ++state_->summary.messages;
    return true;
  }
  return false;
}

const FleetSummary& Fleet::summary() const {
  return state_->summary;
}

}  // namespace weir
