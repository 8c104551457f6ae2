#include "operators/alert.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/describe.hpp"

namespace weir {

void Alert::save(ByteWriter& out) const {
  out.u8(raised ? 1 : 0);
  out.varint(streak);
  out.varint(readings);
  out.f64(peak);
  out.u8(static_cast<std::uint8_t>(quality));
  for (const Timestamp time : {raised_at, first, last}) out.zigzag(count_us(time));
}

bool Alert::load(ByteReader& in) {
  const std::uint8_t flag = in.u8();
  raised = flag == 1;
  streak = static_cast<std::uint32_t>(in.varint());
  readings = in.varint();
  peak = in.f64();
  quality = static_cast<Quality>(in.u8());
  for (Timestamp* time : {&raised_at, &first, &last}) *time = timestamp_us(in.zigzag());
  return in.ok() && flag <= 1;
}

AlertWriter::AlertWriter(const DetectorOptions& options, const SourceOptions& source,
                         const SeriesTable& table)
    : name_(options.name),
      topic_(options.topic),
      method_(options.method),
      metrics_(options.metrics),
      raise_after_(options.raise_after),
      clear_after_(options.clear_after),
      rows_(source, table),
      table_(table) {}

void AlertWriter::follow(std::unique_ptr<Alert>& alert, const Reading& reading,
                         const Judgement& judgement, Outputs& out) const {
  if (!judgement.judged) return;
  if (!alert) {
    if (!judgement.breach) return;
    alert = std::make_unique<Alert>();
    alert->first = reading.time;
  } else if (!alert->raised && !judgement.breach) {
    alert.reset();
    return;
  }
  ++alert->readings;
  alert->last = reading.time;
  alert->peak = std::max(alert->peak, judgement.score);
  alert->quality |= reading.quality;
  const bool counts = judgement.breach != alert->raised;
  alert->streak = counts ? alert->streak + 1 : 0;
  if (!alert->raised && alert->streak >= raise_after_) {
    alert->raised = true;
    alert->raised_at = reading.time;
    alert->streak = 0;
    write(State::raised, *alert, reading.series, reading.value, judgement, Duration(0), out);
  } else if (alert->raised && alert->streak >= clear_after_ && reading.time > alert->raised_at) {
    // Not at the time it was raised: the next one raised then could not be told from it.
    const Duration duration = saturating_difference(reading.time, alert->raised_at);
    write(State::cleared, *alert, reading.series, reading.value, judgement, duration, out);
    alert.reset();
  }
}

void AlertWriter::write(State state, const Alert& alert, SeriesId series, double value,
                        const Judgement& judgement, Duration duration, Outputs& out) const {
  const SeriesTable::Series& of = table_.series(series);
  Output& output = out.emplace_back();
  output.kind = OutputKind::alert;
  output.name = name_;
  output.topic = topic_;
  output.group = device_tags(table_, of.device);
  output.attributes = row_tags(rows_, of.device);
  output.metric = table_.metric(of.metric);
  output.window = {alert.raised_at, alert.raised_at};
  output.revision = state == State::raised ? 0 : 1;
  output.quality = alert.quality;
  output.count = alert.readings;
  output.first = alert.first;
  output.last = alert.last;
  const auto number = [&output](const char* name, double figure) {
    if (std::isfinite(figure)) output.fields.push_back({name, figure});
  };
  output.fields.push_back({"state", std::string(state == State::raised ? "raised" : "cleared")});
  output.fields.push_back({"method", method_});
  number("value", value);
  number("score", judgement.score);
  number("bound", judgement.bound);
  if (judgement.expected) number("expected", *judgement.expected);
  if (state == State::raised) return;
  number("peak", alert.peak);
  number("duration_s", as_seconds(duration));
  output.fields.push_back({"readings", static_cast<std::int64_t>(alert.readings)});
}

void AlertWriter::end(const Alert& alert, SeriesId series, Outputs& out) const {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  Judgement judgement;
  judgement.score = judgement.bound = none;
  write(State::cleared, alert, series, none, judgement,
        saturating_difference(alert.last, alert.raised_at), out);
}

bool AlertWriter::takes(SeriesId series) const {
  return takes_metric(metrics_, table_.metric(table_.series(series).metric));
}

void AlertWriter::define(ByteWriter& out) const {
  out.text(method_);
  out.varint(metrics_.size());
  for (const std::string& metric : metrics_) out.text(metric);
  out.varint(raise_after_);
  out.varint(clear_after_);
}

}  // namespace weir
