#include "config/toml_scan.hpp"

#include <algorithm>
#include <string>

namespace weir::detail {
namespace {

/// The parser makes one table inside the other for a.b.c… and frees them by recursion: a key of a
/// hundred thousand dots would end the process. No configuration needs more than this.
constexpr int depth_max = 32;
constexpr std::string_view too_deep = "nested more than 32 levels deep; nothing of weir needs that";

/// toml++ asks whether such a character is a blank, by a table that has no answer for most of them.
constexpr std::string_view outside_quotes =
    "not valid TOML: a character that is not plain ASCII; outside of comments it stands in "
    "\"quotes\"";
constexpr std::string_view behind_backslash =
    "a line that goes on behind a \\ at the end of a line begins with a character of plain ASCII; "
    "write both as one line";

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_plain(char c) {
  return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
}

/// Walks over the text as a TOML lexer would, as far as to know what stands in texts and comments.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  std::optional<Obstacle> run() {
    if (text_.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
    while (at_ < text_.size() && !obstacle_) step();
    return obstacle_;
  }

 private:
  void step() {
    const std::size_t here = at_;
    const char c = text_[at_++];
    if (c == '"' || c == '\'') {
      skip_text(c);
    } else if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (!is_plain(c)) {
      obstacle_ = {here, outside_quotes};
    } else if (c == '.') {
      ++dots_;
    } else if (c == '[' || c == '{') {
      ++brackets_;
      dots_ = 0;
    } else if (c == ']' || c == '}') {
      // A stray one is the parser's to report.
      brackets_ = std::max(brackets_ - 1, 0);
    } else if (c == '=' || c == ',' || c == '\n') {
      dots_ = 0;
    }
    if (brackets_ > depth_max || dots_ > depth_max) obstacle_ = {here, too_deep};
  }

  /// Behind its opening quote: over a text of one or of several lines.
  void skip_text(char quote) {
    const std::string fence(3, quote);
    if (text_.substr(at_ - 1, 3) == fence) {
      at_ += 2;
      skip_to(fence, quote == '"');
      // Up to two quotes may stand directly before the closing three.
      for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
    } else {
      skip_to(fence.substr(0, 1), quote == '"');
    }
  }

  void skip_to(std::string_view end, bool escapes) {
    while (at_ < text_.size()) {
      if (text_.substr(at_, end.size()) == end) {
        at_ += end.size();
        return;
      }
      const char c = text_[at_++];
      if (end.size() == 1 && c == '\n') return;
      if (escapes && c == '\\') skip_escaped();
    }
  }

  void skip_escaped() {
    const std::size_t next = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    if (next < text_.size() && !is_plain(text_[next])) obstacle_ = {next, behind_backslash};
    at_ = std::min(at_ + 1, text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int brackets_ = 0, dots_ = 0;
  std::optional<Obstacle> obstacle_;
};

}  // namespace

std::optional<Obstacle> find_obstacle(std::string_view text) {
  return Scan(text).run();
}

}  // namespace weir::detail
