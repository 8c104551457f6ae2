#include "runtime/dimension_files.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <utility>

#include "config/read_file.hpp"
#include "firmware-bridge/source_config.hpp"
#include "firmware-bridge/utf8.hpp"
#include "operators/enrichment.hpp"
#include "runtime/configured_pipeline.hpp"
#include "store/sqlite.hpp"

namespace weir {

namespace {

constexpr Duration look_every = std::chrono::seconds(1);

ConfigFile parse_recorded(const std::string& configuration) {
  return ConfigFile::parse(configuration, "configuration",
                           [](const std::string&) { return std::optional<std::string>(); });
}

std::string path_of(Params& enrich, const std::string& folder) {
  return (std::filesystem::path(folder) / enrich.text("file", "")).string();
}

void append_cell(std::string_view text, char separator, std::string& csv) {
  const char special[] = {separator, '"', '\n', '\r'};
  if (text.find_first_of(std::string_view(special, sizeof(special))) == text.npos) {
    csv += text;
    return;
  }
  csv += '"';
  for (const char c : text) csv.append(c == '"' ? 2 : 1, c);
  csv += '"';
}

/// A table or view of an SQLite database, as the text of a file would be.
Result<std::string> read_table(const std::string& path, const std::string& table, char separator) {
  auto database = Database::open(path, Database::Mode::read_only);
  if (!database) return fail(database.error());
  std::string name;
  for (const char c : table) name.append(c == '"' ? 2 : 1, c);
  auto select = (*database)->prepare("SELECT * FROM \"" + name + "\"");
  if (!select) return fail(select.error());
  std::string csv;
  Rows rows = select->query();
  for (int column = 0; column < rows.columns(); ++column) {
    if (column > 0) csv += separator;
    append_cell(rows.name(column), separator, csv);
  }
  while (true) {
    const Result<bool> more = rows.next();
    if (!more) return fail(more.error());
    if (!*more) return csv;
    csv += '\n';
    for (int column = 0; column < rows.columns(); ++column) {
      if (column > 0) csv += separator;
      append_cell(rows.blob(column), separator, csv);
    }
    if (csv.size() > Enrichment::csv_bytes_max)
      return fail(ErrorKind::full, "has more than 1MiB of rows");
  }
}

Result<std::string> read_rows(Params& enrich, const std::string& folder) {
  const std::string path = path_of(enrich, folder), table = enrich.text("table", "");
  const char separator = Enrichment::read_separator(enrich);
  auto rows = table.empty() ? detail::read_file(path, Enrichment::csv_bytes_max)
                            : read_table(path, table, separator);
  if (!rows) return fail(rows.error().kind, path + ": " + rows.error().message);
  if (!is_utf8(*rows)) return fail(ErrorKind::invalid, path + ": is not UTF-8");
  if (rows->empty()) return fail(ErrorKind::invalid, path + ": is empty; a header is missing");
  return rows;
}

/// What changes whenever a file does; empty if there is none. Of a database also the log beside it.
std::string look_at(const std::string& path) {
  std::string seen;
  for (const char* beside : {"", "-wal"}) {
    struct stat found {};
    if (::stat((path + beside).c_str(), &found) != 0) continue;
    for (const auto number :
         {static_cast<std::int64_t>(found.st_ino), static_cast<std::int64_t>(found.st_size),
          static_cast<std::int64_t>(found.st_mtim.tv_sec),
          static_cast<std::int64_t>(found.st_mtim.tv_nsec)})
      seen += std::to_string(number) + " ";
  }
  return seen;
}

/// Why the configuration can't be used; empty if it can.
std::string problem_of(const std::string& configuration) {
  ConfigFile file = parse_recorded(configuration);
  std::vector<SourceOptions> sources;
  for (SourceConfig& source : SourceConfig::read_all(file.root()))
    sources.push_back(std::move(source.options));
  Params root = file.root();
  read_pipeline_options(root, sources);
  if (file.problems().empty()) return {};
  const Problem& first = file.problems().list().front();
  return first.key + ": " + first.message;
}

}  // namespace

void embed_dimension_files(Params root, const std::string& folder) {
  for (Params& source : root.tables("source")) {
    if (source.form("enrich") != Params::Form::table) continue;
    Params enrich = source.table("enrich");
    if (enrich.text("file", "").empty()) continue;
    if (enrich.has("csv")) {
      enrich.problem("csv", "is given beside file; give either");
      continue;
    }
    auto rows = read_rows(enrich, folder);
    if (rows)
      enrich.put_text("csv", *std::move(rows), "file");
    else
      enrich.problem("file", rows.error().message);
  }
}

DimensionFiles::DimensionFiles(std::string configuration, std::string folder)
    : configuration_(std::move(configuration)), folder_(std::move(folder)) {
  ConfigFile file = parse_recorded(configuration_);
  for (Params& source : file.root().tables("source")) {
    Params enrich = source.table("enrich");
    if (!enrich.text("file", "").empty()) files_.push_back({path_of(enrich, folder_), {}, {}});
  }
}

std::optional<DimensionFiles::News> DimensionFiles::poll(Duration elapsed) {
  if (files_.empty() || (looked_ && elapsed - *looked_ < look_every)) return std::nullopt;
  looked_ = elapsed;
  bool changed = false;
  for (File& file : files_) {
    std::string now = look_at(file.path);
    changed = changed || (now == file.seen && now != file.read);
    file.seen = std::move(now);
  }
  return changed ? read() : std::nullopt;
}

std::optional<DimensionFiles::News> DimensionFiles::read() {
  for (File& file : files_) file.read = file.seen;
  ConfigFile file = parse_recorded(configuration_);
  for (Params& source : file.root().tables("source")) {
    Params enrich = source.table("enrich");
    if (enrich.text("file", "").empty()) continue;
    auto rows = read_rows(enrich, folder_);
    if (!rows) return News{{}, rows.error().message};
    enrich.put_text("csv", *std::move(rows), "file");
  }
  std::string configuration = pipeline_text(file);
  if (configuration == configuration_) return std::nullopt;
  if (std::string problem = problem_of(configuration); !problem.empty())
    return News{{}, std::move(problem)};
  configuration_ = configuration;
  return News{std::move(configuration), {}};
}

}  // namespace weir
