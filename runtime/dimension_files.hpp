#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/params.hpp"

namespace weir {

/// Puts the content of the files that the `[source.enrich]` tables name into their `csv`, for
/// whoever reads the sources after it. Problems are recorded there. `folder`: where files without a
/// folder of their own are.
void embed_dimension_files(Params root, const std::string& folder);

/// The dimension files of a configuration while weir runs. Engine thread only.
class DimensionFiles {
 public:
  /// `configuration` as Settings::pipeline_text says it.
  DimensionFiles(std::string configuration, std::string folder);

  struct News {
    std::string configuration;  ///< with the new rows; empty: they can't be used
    std::string problem;        ///< why
  };
  /// To be called often; looks at the files once a second. A file that has changed is read when it
  /// was the same for a second, and again only when it changes again.
  std::optional<News> poll(Duration elapsed);

 private:
  struct File {
    std::string path;
    std::string seen, read;  ///< what the system said of it when it was looked at, and read
  };
  std::optional<News> read();

  std::string configuration_, folder_;
  std::vector<File> files_;
  std::optional<Duration> looked_;
};

}  // namespace weir
