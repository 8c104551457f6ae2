#include <algorithm>

#include "operators/keyed.hpp"
#include "operators/stage.hpp"

namespace weir {

namespace {

/// A token bucket for each device, filled by the gateway's elapsed time: a reading takes one token.
/// All in whole millionths of a token, so that a refill is exact: a microsecond gives as many of
/// them as tokens come in a second.
class RateLimit final : public Stage {
 public:
  RateLimit(std::int64_t per_second, std::int64_t burst, const StageParts& parts)
      : name_("source " + parts.source.name + " rate_limit"),
        per_second_(per_second),
        full_(burst * token),
        table_(parts.table) {}

  Verdict judge(Reading& reading, const Moment& now) override {
    Bucket& bucket = buckets_[table_.series(reading.series).device];
    if (!bucket.begun) bucket = {now.elapsed, full_, true};
    // A full bucket is full however long ago; so nothing overflows.
    const std::int64_t missing = full_ - bucket.tokens;
    const std::int64_t passed = std::max((now.elapsed - bucket.seen).count(), std::int64_t{0});
    bucket.tokens += passed > missing / per_second_ ? missing : passed * per_second_;
    bucket.seen = now.elapsed;
    if (bucket.tokens < token) return Verdict::drop;
    bucket.tokens -= token;
    return Verdict::pass;
  }

  std::string name() const override { return name_; }
  void define(ByteWriter& out) const override {
    out.varint(1);
    out.zigzag(per_second_);
    out.zigzag(full_);
  }
  void save(ByteWriter& out) const override { buckets_.save(out); }
  bool load(ByteReader& in) override {
    if (!buckets_.load(in, table_.mark().devices)) return false;
    const auto fits = [this](const Bucket& bucket) {
      return bucket.tokens >= 0 && bucket.tokens <= full_;
    };
    return std::all_of(buckets_.states().begin(), buckets_.states().end(), fits);
  }
  std::size_t memory_bytes() const override { return buckets_.memory_bytes(); }

 private:
  static constexpr std::int64_t token = 1'000'000;
  struct Bucket {
    Duration seen{0};
    std::int64_t tokens = 0;
    bool begun = false;

    void save(ByteWriter& out) const {
      out.zigzag(seen.count());
      out.zigzag(tokens);
    }
    bool load(ByteReader& in) {
      seen = Duration(in.zigzag());
      tokens = in.zigzag();
      begun = true;
      return in.ok() && seen >= -longest && seen <= longest;
    }
    static constexpr Duration longest = Duration::max() / 4;  // beyond it only damage can be
  };

  std::string name_;
  std::int64_t per_second_, full_;
  const SeriesTable& table_;
  Keyed<DeviceId, Bucket> buckets_;
};

StageChoice read_rate_limit(Params& source, const ExpressionScope&) {
  if (!source.has("rate_limit")) return {};
  Params options = source.table("rate_limit");
  const std::int64_t per_second = options.integer("per_second", 100, {1, 1'000'000});
  const std::int64_t burst = options.integer("burst", 60 * per_second, {1, 1'000'000'000});
  const auto make = [=](const StageParts& parts) {
    return std::make_unique<RateLimit>(per_second, burst, parts);
  };
  return {make, 36};
}

}  // namespace

extern const StageEntry rate_limit_stage = {
    "rate_limit", "rate_limit", "takes a number of readings a second of a device", read_rate_limit};

}  // namespace weir
