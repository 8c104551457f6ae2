#include "operators/aggregate.hpp"

namespace weir {

extern const AggregateEntry count_aggregate;
constinit const AggregateEntry count_aggregate{
    "count", "how many readings", nullptr,
    [](const void*, std::uint64_t count) -> std::optional<FieldValue> {
      return static_cast<std::int64_t>(count);
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      return static_cast<std::int64_t>(a.result.count + b.result.count);
    }};

}  // namespace weir
