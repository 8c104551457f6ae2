#include <CLI/CLI.hpp>
#include <limits>

#include "runtime/simulate.hpp"

namespace weir {
namespace {

/// An option whose text is read by one of our own parsers; its message is the user's.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& command, const std::string& name, T& target, Parse parse,
                        const std::string& help) {
  const auto read = [&target, parse, name](const std::string& text) {
    auto value = parse(text);
    if (!value) throw CLI::ValidationError(name, value.error().message);
    target = *std::move(value);
  };
  return command.add_option_function<std::string>(name, read, help);
}

CLI::Option* add_duration(CLI::App& command, const std::string& name, Duration& target,
                          const std::string& help) {
  return add_parsed(
             command, name, target, [](const std::string& text) { return parse_duration(text); },
             help)
      ->type_name("DURATION")
      ->default_str(format_duration(target));
}

void add_target(CLI::App& command, SimulateOptions& options) {
  const std::string group = "Where to";
  command.add_option("--url", options.url, "the broker, mqtt:// or mqtts://")
      ->capture_default_str()
      ->group(group);
  command.add_option("--username", options.username)->group(group);
  CLI::Option* password = command.add_option("--password", options.password)->group(group);
  command.add_option("--password-file", options.password_file, "a file whose first line it is")
      ->excludes(password)
      ->group(group);
  command.add_option("--ca-file", options.ca_file, "mqtts: authorities, PEM")->group(group);
  command.add_option("--client-id", options.client_id, "default: one of its own each time")
      ->group(group);
  command.add_option("--qos", options.qos)
      ->check(CLI::Range(0, 2))
      ->capture_default_str()
      ->group(group);
  command.add_flag("--retain", options.retain, "the broker keeps the last message of each topic")
      ->group(group);
}

void add_fleet(CLI::App& command, SimulateOptions& options) {
  const std::string group = "A fleet";
  FleetOptions& fleet = options.fleet;
  command.add_option("-n,--devices", fleet.devices)
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str()
      ->group(group);
  command.add_option("--lines", fleet.lines, "how many lines they stand in")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str()
      ->group(group);
  CLI::Option* interval =
      add_duration(command, "--interval", fleet.interval, "between two messages of a device")
          ->group(group);
  command.add_option("--rate", options.rate, "messages a second of them all, instead")
      ->check(CLI::Range(0.001, 1e7))
      ->excludes(interval)
      ->group(group);
  add_duration(command, "--duration", fleet.duration, "0: until it is interrupted")->group(group);
  command.add_option("--seed", fleet.seed, "another seed, another fleet")
      ->capture_default_str()
      ->group(group);
  const auto faults = [](const std::string& text) { return parse_faults(text); };
  fleet.faults = parse_faults("all").value_or(std::vector<Fault>());
  add_parsed(command, "--faults", fleet.faults, faults,
             "all, none, or some of stuck, spike, drift, dead, clock_past, clock_future, late,\n"
             "repeated, out_of_order, broken, flood, separated by commas")
      ->type_name("LIST")
      ->default_str("all")
      ->group(group);
  add_duration(command, "--day", fleet.day, "the cycle of the temperature")->group(group);
  add_duration(command, "--late-by", fleet.late_by, "how long late messages are held back")
      ->group(group);
  command.add_option("--topic", fleet.topic, "with {line} and {device}")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--payload", fleet.payload,
                  "with {ts} {ts_s} {ts_us} {ts_ns} {time} {seq} {temperature} {pressure}\n"
                  "{vibration} {line} {device}")
      ->capture_default_str()
      ->group(group);
}

void add_recorded(CLI::App& command, SimulateOptions& options) {
  const std::string group = "Recorded files, instead of a fleet";
  command.add_option("file", options.files, "CSV or JSON lines (.jsonl, .ndjson)")
      ->type_name("FILE...")
      ->check(CLI::ExistingFile);
  const auto speed = [&options](const std::string& text) {
    if (text == "max") {
      options.speed = 0;
    } else if (!CLI::detail::lexical_cast(text, options.speed) || !(options.speed > 0)) {
      throw CLI::ValidationError("--speed", "must be a number above 0, or max");
    }
  };
  command
      .add_option_function<std::string>("--speed", speed,
                                        "times as fast as it was recorded, or max: no pauses")
      ->type_name("NUMBER|max")
      ->default_str("1")
      ->group(group);
  command.add_option("--time", options.time_column, "CSV: the column of the time")->group(group);
  command.add_option("--time-unit", options.time_unit)
      ->check(CLI::IsMember({"s", "ms", "us", "ns", "rfc3339", "naive"}))
      ->group(group);
  command
      .add_option("--device", options.device_column,
                  "CSV: the column of the device, or =NAME for one device")
      ->group(group);
  command.add_option("--metric", options.metric_column, "CSV: the column of the metric's name")
      ->group(group);
  command.add_option("--value", options.value_columns, "CSV: the columns of the values")
      ->group(group);
}

}  // namespace

CLI::App* add_simulate_options(CLI::App& app, SimulateOptions& options) {
  CLI::App* command = app.add_subcommand(
      "simulate", "publish a fleet of sensors with seeded faults, or recorded files, over MQTT");
  add_target(*command, options);
  add_fleet(*command, options);
  add_recorded(*command, options);
  command->add_flag("--json", options.json, "the summary as JSON");
  command->add_flag("--quiet", options.quiet, "no progress");
  return command;
}

}  // namespace weir
