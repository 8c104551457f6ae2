#include "config/time_zone.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "config/read_file.hpp"

namespace weir {

namespace {

constexpr std::int64_t day_seconds = 86'400;

std::int64_t floor_seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::int32_t year_of(std::int64_t seconds) {
  const auto days = std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::seconds>(std::chrono::seconds(seconds)));
  return static_cast<std::int32_t>(static_cast<int>(std::chrono::year_month_day(days).year()));
}

}  // namespace

TimeZone TimeZone::utc() {
  TimeZone zone;
  zone.name_ = "UTC";
  return zone;
}

std::int64_t TimeZone::Day::in_year(std::int32_t year_number) const {
  using namespace std::chrono;
  const std::chrono::year year(year_number);
  sys_days found = sys_days(year / January / 1);
  if (form == Form::month_week) {
    const auto wanted = weekday(static_cast<unsigned>(this->day));
    const auto in = std::chrono::month(static_cast<unsigned>(month));
    found = week == 5 ? sys_days(year / in / wanted[last])
                      : sys_days(year / in / wanted[static_cast<unsigned>(week)]);
  } else if (form == Form::zero_based) {
    found += days(day);
  } else {  // 1 to 365, where the 29th of February is never counted
    found += days(day - 1 + (year.is_leap() && day >= 60 ? 1 : 0));
  }
  return found.time_since_epoch().count() * day_seconds + seconds;
}

/// The changes by the rule from the year before to the year after, in order.
std::vector<TimeZone::Change> TimeZone::changes_around(std::int64_t at) const {
  std::vector<Change> found;
  const std::int32_t year = year_of(at);
  for (std::int32_t each = year - 1; each <= year + 1; ++each) {
    found.push_back({rule_->end->in_year(each) - rule_->summer, rule_->standard});
    found.push_back({rule_->begin->in_year(each) - rule_->standard, rule_->summer});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Change& a, const Change& b) { return a.at < b.at; });
  return found;
}

std::int32_t TimeZone::seconds_at(std::int64_t at) const {
  const auto last_of = [at](const std::vector<Change>& changes, std::int32_t before) {
    const auto next =
        std::upper_bound(changes.begin(), changes.end(), at,
                         [](std::int64_t time, const Change& change) { return time < change.at; });
    return next == changes.begin() ? before : (next - 1)->offset;
  };
  const bool listed = !rule_ || (!changes_.empty() && at < changes_.back().at);
  if (listed) return last_of(changes_, first_offset_);
  if (!rule_->begin) return rule_->standard;
  return last_of(changes_around(at), rule_->standard);
}

Duration TimeZone::offset_at(Timestamp time) const {
  return std::chrono::seconds(seconds_at(floor_seconds(time)));
}

Timestamp TimeZone::first_at(Duration local) const {
  const std::int64_t wanted = floor_seconds(Timestamp(local));
  // Every change that may stand before it, and the stretches of one offset between them.
  std::vector<std::int64_t> begins = {wanted - offset_max};
  const auto add = [&](const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      if (change.at > begins.front() && change.at <= wanted + offset_max)
        begins.push_back(change.at);
    }
  };
  add(changes_);
  if (rule_ && rule_->begin) add(changes_around(wanted));
  std::sort(begins.begin(), begins.end());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const std::int64_t reached = wanted - seconds_at(begins[i]);
    if (i + 1 < begins.size() && reached >= begins[i + 1]) continue;
    // Behind a gap the clocks show more than was wanted at once.
    if (reached < begins[i]) return Timestamp(std::chrono::seconds(begins[i]));
    return Timestamp(local - std::chrono::seconds(seconds_at(begins[i])));
  }
  return Timestamp(local);
}

Result<TimeZone> load_time_zone(std::string_view name) {
  if (name == "UTC") return TimeZone::utc();
  const bool plain = !name.empty() && name.front() != '/' && name.find("..") == name.npos &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
                     });
  const char* directory = std::getenv("TZDIR");
  const std::string path = std::string(directory != nullptr ? directory : "/usr/share/zoneinfo") +
                           "/" + std::string(name);
  constexpr std::size_t most = std::size_t{256} * 1024;
  const auto bytes = plain ? detail::read_file(path, most)
                           : Result<std::string>(fail(ErrorKind::invalid, "is no name"));
  if (!bytes) {
    return fail(ErrorKind::invalid, "unknown time zone \"" + std::string(name) +
                                        "\"; names are those of the system's time zone data, as "
                                        "\"Europe/Berlin\" (Debian: the package tzdata)");
  }
  return TimeZone::parse(std::string(name), *bytes);
}

}  // namespace weir
