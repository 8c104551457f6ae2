#include "runtime/cli.hpp"

#include <CLI/CLI.hpp>

#include "runtime/commands.hpp"
#include "runtime/simulate.hpp"

namespace weir {

namespace {

constexpr auto exit_codes =
    "Exit codes: 0 done, 1 failed, 64 wrong command line, 66 a file can't be read, 69 weir does "
    "not "
    "answer,\n70 stopped because the store can't go on, 73 the data directory can't be used, 78 "
    "wrong "
    "configuration.";

void add_config(CLI::App& command, std::string& path) {
  command.add_option("-c,--config", path, "the configuration file")
      ->capture_default_str()
      ->type_name("FILE");
}

/// One command: its options, and what it runs.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

Command add_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "run the gateway until SIGTERM or SIGINT");
  add_config(*command, options->config);
  return {command, [options] { return run_command(*options); }};
}

Command add_check(CLI::App& app) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "check a configuration without starting anything, and price it: memory, disk, link");
  add_config(*command, options->config);
  command->add_option("--rate", options->rate, "readings a second to price it for")
      ->check(CLI::Range(0.001, 1e7));
  command->add_option("--series", options->series, "series to price it for; default: limits.series")
      ->check(CLI::Range(1, 1'000'000));
  command->add_flag("--json", options->json, "for scripts");
  return {command, [options] { return check_command(*options); }};
}

Command add_replay(CLI::App& app) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand(
      "replay",
      "run recorded readings through the configuration's pipeline; results as JSON lines");
  add_config(*command, options->config);
  command
      ->add_option("file", options->files, "CSV, JSON lines (.jsonl, .ndjson) or a copied weir.db")
      ->required()
      ->type_name("FILE...");
  command->add_option("--source", options->source, "the [[source]] the readings belong to");
  command->add_option("--time", options->time_column, "CSV: the column of the time");
  command
      ->add_option("--time-unit", options->time_unit,
                   "s, ms, us, ns or rfc3339 (without an offset: UTC)")
      ->check(CLI::IsMember({"s", "ms", "us", "ns", "rfc3339"}));
  command->add_option("--device", options->device_column,
                      "CSV: the column of the device, or =NAME for one device");
  command->add_option("--metric", options->metric_column, "CSV: the column of the metric's name");
  command->add_option("--value", options->value_columns, "CSV: the columns of the values");
  command
      ->add_option("--diff", options->diff,
                   "a configuration to compare with: prints what --config adds to its results, "
                   "removes and\nchanges; exit code 1 if anything")
      ->type_name("OLD.toml");
  CLI::Option* recorded = command->add_flag(
      "--as-recorded", options->as_recorded,
      "weir.db: through the configurations it was recorded with, in place of --config's");
  command
      ->add_flag("--diff-recorded", options->diff_recorded,
                 "weir.db: --diff with the configurations it was recorded with")
      ->excludes("--diff")
      ->excludes(recorded);
  command->add_flag("--keep-open", options->keep_open,
                    "print what watermarks completed; not, at the end, what is still open");
  command->add_flag("--quiet", options->quiet, "no progress and no summary, but that of --diff");
  command->add_flag("--json", options->json, "the summary as JSON");
  return {command, [options] { return replay_command(*options); }};
}

Command add_status(CLI::App& app) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command =
      app.add_subcommand("status", "ask a running weir: ledger, lanes, time, links");
  command->add_option("-a,--address", options->address, "its [http] listen")->capture_default_str();
  command->add_flag("--json", options->json, "for scripts");
  return {command, [options] { return status_command(*options); }};
}

Command add_doctor(CLI::App& app) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor",
      "look at everything that is stored, beside a running weir or without one; change nothing");
  command->footer(
      "Checks files and free space, every page, the CRC of every row, both checkpoints, the "
      "journal "
      "for\ngaps, the outbox against the journal's counts, the ledger, and what Kafka knows of "
      "this "
      "database.\nEach check is ok, a warning, or a problem with its remedy.\nExit codes: 0 no "
      "problems, 1 problems, 64 wrong command line, 66 there is no database, or it can't be\nread, "
      "78 wrong configuration.");
  add_config(*command, options->config);
  command
      ->add_option("directory", options->directory,
                   "a gateway.data_dir, or a copy of one, in place of a configuration; offline")
      ->type_name("DIR")
      ->excludes("--config");
  command->add_flag("--offline", options->offline, "don't ask the cluster");
  command->add_flag("--json", options->json, "for scripts");
  return {command, [options] { return doctor_command(*options); }};
}

std::vector<Command> add_dlq(CLI::App& app) {
  auto options = std::make_shared<DeadLetterOptions>();
  CLI::App* dlq =
      app.add_subcommand("dlq", "payloads that could not be used, and quarantined readings");
  dlq->require_subcommand(1);
  const auto shared = [options](CLI::App& command) {
    command.add_option("-d,--data-dir", options->directory, "gateway.data_dir")
        ->capture_default_str()
        ->type_name("DIR");
    command.add_flag("--json", options->json, "for scripts");
  };
  CLI::App* list = dlq->add_subcommand("list", "the newest first");
  shared(*list);
  list->add_option("--reason", options->reason, "only those of this reason");
  list->add_option("-n,--limit", options->limit, "at most so many")->capture_default_str();
  CLI::App* show = dlq->add_subcommand("show", "one, with its payload");
  shared(*show);
  show->add_option("id", options->id, "as `weir dlq list` shows it")->required();
  CLI::App* exported =
      dlq->add_subcommand("export", "quarantined readings as JSON lines for `weir replay`");
  exported->add_option("-d,--data-dir", options->directory, "gateway.data_dir")
      ->capture_default_str()
      ->type_name("DIR");
  exported->add_option("--source", options->source, "only those of this source");
  return {{list, [options] { return dead_letter_list_command(*options); }},
          {show, [options] { return dead_letter_show_command(*options); }},
          {exported, [options] { return dead_letter_export_command(*options); }}};
}

Command add_version(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("version", "the version of weir");
  command->add_flag("--json", *json, "for scripts");
  return {command, [json] { return version_command(*json); }};
}

}  // namespace

int command_line(int argc, char** argv) {
  CLI::App app{"weir: sensors on MQTT in, event-time rollups and alerts on Kafka out", "weir"};
  app.require_subcommand(1);
  app.footer(exit_codes);
  std::vector<Command> commands = {add_run(app),    add_check(app),  add_replay(app),
                                   add_status(app), add_doctor(app), add_version(app)};
  for (Command& command : add_dlq(app)) commands.push_back(std::move(command));
  SimulateOptions simulate;
  CLI::App* simulator = add_simulate_options(app, simulate);
  commands.push_back({simulator, [&simulate] { return simulate_command(simulate); }});

  try {
    app.parse(argc, argv);
    for (const Command& command : commands) {
      if (command.app->parsed()) return command.run();
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  return exit_usage;
}

}  // namespace weir
