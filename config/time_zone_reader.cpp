// Reads TZif files, RFC 8536: a header and a block with times of 32 bits, the same again with 64
// bits, and a line with the rule that holds afterwards, in the form of POSIX's TZ.

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "config/time_zone.hpp"

namespace weir {

namespace {

/// Fixed-size big-endian numbers; past the end everything is zero and `ok` false.
struct BigEndian {
  std::string_view bytes;
  bool ok = true;

  std::uint64_t take(std::size_t size) {
    if (bytes.size() < size) {
      ok = false;
      bytes = {};
      return 0;
    }
    std::uint64_t value = 0;
    for (const char c : bytes.substr(0, size)) value = value << 8 | static_cast<unsigned char>(c);
    bytes.remove_prefix(size);
    return value;
  }
  std::int64_t number(std::size_t size) {
    const std::uint64_t value = take(size);
    return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
  }
  void skip(std::uint64_t size) {
    ok = ok && size <= bytes.size();
    bytes.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size())));
  }
};

struct Header {
  std::uint64_t version, is_ut, is_standard, leaps, times, types, characters;

  std::uint64_t block_bytes(std::uint64_t time_size) const {
    return times * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) +
           is_standard + is_ut;
  }
};

Header read_header(BigEndian& in) {
  constexpr std::uint64_t magic = 0x545a6966;  // "TZif"
  in.ok = in.take(4) == magic && in.ok;
  Header header{};
  header.version = in.take(1);
  in.skip(15);
  for (std::uint64_t* count : {&header.is_ut, &header.is_standard, &header.leaps, &header.times,
                               &header.types, &header.characters}) {
    *count = in.take(4);
  }
  return header;
}

/// The rule's line: "CET-1CEST,M3.5.0,M10.5.0/3".
class RuleText {
 public:
  explicit RuleText(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  bool ok() const { return ok_; }
  bool next_is(char c) const { return !text_.empty() && text_.front() == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void require(char c) { ok_ = take(c) && ok_; }
  void skip_name() {
    const bool quoted = take('<');
    std::size_t size = 0;
    while (size < text_.size() &&
           (quoted ? text_[size] != '>' : std::isalpha(static_cast<unsigned char>(text_[size])))) {
      ++size;
    }
    ok_ = ok_ && size >= 3;
    text_.remove_prefix(size);
    if (quoted) require('>');
  }
  std::int32_t number(std::int32_t low, std::int32_t high) {
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    ok_ = ok_ && error == std::errc() && value >= low && value <= high;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return ok_ ? value : low;
  }
  /// "-3", "+5:30", "167:59:59" in seconds
  std::int32_t time(std::int32_t hours_max) {
    const std::int32_t sign = take('-') ? -1 : 1;
    if (sign > 0) take('+');
    std::int32_t seconds = number(0, hours_max) * 3600;
    if (take(':')) seconds += number(0, 59) * 60;
    if (take(':')) seconds += number(0, 59);
    return sign * seconds;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

}  // namespace

class TimeZoneReader {
 public:
  TimeZoneReader(std::string name, std::string_view bytes) : in_{bytes} {
    zone_.name_ = std::move(name);
  }

  Result<TimeZone> read() {
    Header header = read_header(in_);
    if (header.version >= '2') {
      in_.skip(header.block_bytes(4));
      header = read_header(in_);
    }
    const std::size_t time_size = header.version >= '2' ? 8 : 4;
    if (header.leaps > 0) return refuse("counts leap seconds");
    if (!in_.ok || header.types == 0 || header.block_bytes(time_size) > in_.bytes.size())
      return refuse("is damaged");
    if (!read_changes(header, time_size)) return refuse("is damaged");
    if (header.version >= '2' && !read_rule()) return refuse("is damaged");
    return std::move(zone_);
  }

 private:
  tl::unexpected<Error> refuse(const std::string& why) const {
    return fail(ErrorKind::invalid, "the file of time zone \"" + zone_.name_ + "\" " + why);
  }

  bool read_changes(const Header& header, std::size_t time_size) {
    for (std::uint64_t i = 0; i < header.times; ++i)
      zone_.changes_.push_back({in_.number(time_size), 0});
    std::vector<std::size_t> types;
    for (std::uint64_t i = 0; i < header.times; ++i)
      types.push_back(static_cast<std::size_t>(in_.take(1)));
    std::vector<std::int32_t> offsets;
    for (std::uint64_t i = 0; i < header.types; ++i) {
      offsets.push_back(static_cast<std::int32_t>(in_.number(4)));
      in_.skip(2);
    }
    in_.skip(header.characters + header.is_standard + header.is_ut);
    for (const std::int32_t offset : offsets) {
      if (std::abs(std::int64_t{offset}) >= TimeZone::offset_max) return false;
    }
    zone_.first_offset_ = offsets.front();
    for (std::size_t i = 0; i < types.size(); ++i) {
      const bool ordered = i == 0 || zone_.changes_[i - 1].at < zone_.changes_[i].at;
      if (types[i] >= offsets.size() || !ordered) return false;
      zone_.changes_[i].offset = offsets[types[i]];
    }
    return in_.ok;
  }

  bool read_rule() {
    if (in_.bytes.size() < 2 || in_.bytes.front() != '\n' || in_.bytes.back() != '\n') return false;
    const std::string_view line = in_.bytes.substr(1, in_.bytes.size() - 2);
    if (line.empty()) return true;
    RuleText text(line);
    TimeZone::Rule rule;
    text.skip_name();
    rule.standard = -text.time(24);
    if (!text.at_end()) {
      text.skip_name();
      rule.summer = rule.standard + 3600;
      if (!text.next_is(',')) rule.summer = -text.time(24);
      text.require(',');
      rule.begin = read_day(text);
      text.require(',');
      rule.end = read_day(text);
    }
    zone_.rule_ = rule;
    return text.ok() && text.at_end();
  }

  static TimeZone::Day read_day(RuleText& text) {
    TimeZone::Day day;
    if (text.take('M')) {
      day.month = text.number(1, 12);
      text.require('.');
      day.week = text.number(1, 5);
      text.require('.');
      day.day = text.number(0, 6);
    } else if (text.take('J')) {
      day.form = TimeZone::Day::Form::julian;
      day.day = text.number(1, 365);
    } else {
      day.form = TimeZone::Day::Form::zero_based;
      day.day = text.number(0, 365);
    }
    if (text.take('/')) day.seconds = text.time(167);
    return day;
  }

  BigEndian in_;
  TimeZone zone_;
};

Result<TimeZone> TimeZone::parse(std::string name, std::string_view bytes) {
  return TimeZoneReader(std::move(name), bytes).read();
}

}  // namespace weir
