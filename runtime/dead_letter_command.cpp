#include <algorithm>
#include <iomanip>
#include <iostream>
#include <limits>

#include "runtime/commands.hpp"
#include "runtime/json_writer.hpp"
#include "runtime/log.hpp"
#include "store/store.hpp"

namespace weir {

namespace {

void write_json(const DeadLetter& letter, JsonWriter& json) {
  json.begin_object()
      .member("id", letter.id)
      .member("time", format_time(letter.time))
      .member("source", letter.source)
      .member("topic", letter.topic)
      .member("reason", letter.reason)
      .member("message", letter.message)
      .member("payload_size", letter.payload_size)
      .member("payload", letter.payload)
      .end_object();
}

int failed(const Error& error) {
  std::cerr << "weir dlq: " << error.message << '\n';
  return error.kind == ErrorKind::invalid ? exit_failed : exit_no_input;
}

}  // namespace

int dead_letter_list_command(const DeadLetterOptions& options) {
  auto inspector = StoreInspector::open(options.directory);
  if (!inspector) return failed(inspector.error());
  const auto letters = (*inspector)->dead_letters(options.reason, options.limit);
  if (!letters) return failed(letters.error());
  if (options.json) {
    for (const DeadLetter& letter : *letters) {
      JsonWriter json;
      write_json(letter, json);
      std::cout << json.take() << '\n';
    }
    return exit_ok;
  }
  if (letters->empty()) std::cout << "no dead letters\n";
  for (const DeadLetter& letter : *letters) {
    std::cout << std::setw(8) << letter.id << "  " << format_time(letter.time) << "  " << std::left
              << std::setw(14) << letter.reason << std::right << "  "
              << printable(letter.topic.empty() ? letter.source : letter.topic) << ": "
              << printable(letter.message) << '\n';
  }
  return exit_ok;
}

int dead_letter_export_command(const DeadLetterOptions& options) {
  auto inspector = StoreInspector::open(options.directory);
  if (!inspector) return failed(inspector.error());
  auto letters = (*inspector)
                     ->dead_letters(std::string(kind_name(OutputKind::quarantined)),
                                    std::numeric_limits<std::size_t>::max());
  if (!letters) return failed(letters.error());
  std::reverse(letters->begin(), letters->end());
  std::size_t cut = 0;
  for (const DeadLetter& letter : *letters) {
    if (!options.source.empty() && letter.source != options.source) continue;
    if (letter.payload.empty() || letter.payload.size() < letter.payload_size)
      ++cut;
    else
      std::cout << letter.payload << '\n';
  }
  if (cut > 0)
    std::cerr << "weir dlq: " << cut
              << " readings are not stored as a whole (dead_letter_payload)\n";
  return exit_ok;
}

int dead_letter_show_command(const DeadLetterOptions& options) {
  auto inspector = StoreInspector::open(options.directory);
  if (!inspector) return failed(inspector.error());
  const auto letter = (*inspector)->dead_letter(options.id);
  if (!letter) return failed(letter.error());
  if (options.json) {
    JsonWriter json;
    write_json(*letter, json);
    std::cout << json.take() << '\n';
    return exit_ok;
  }
  std::cout << "id       " << letter->id << "\ntime     " << format_time(letter->time)
            << "\nsource   " << printable(letter->source) << "\ntopic    "
            << printable(letter->topic) << "\nreason   " << letter->reason << "\nmessage  "
            << printable(letter->message) << "\npayload  " << letter->payload.size() << " of "
            << letter->payload_size << " bytes\n\n"
            << printable(letter->payload) << '\n';
  return exit_ok;
}

}  // namespace weir
