#include "operators/aggregate.hpp"

namespace weir {

extern const AggregateEntry count_aggregate;
constinit const AggregateEntry count_aggregate{
    "count", "how many readings", nullptr,
    [](const void*, const Output& of, double) -> std::optional<FieldValue> {
      return static_cast<std::int64_t>(of.count);
    },
    [](const ResultPart& a, const ResultPart& b) -> std::optional<FieldValue> {
      return static_cast<std::int64_t>(a.result.count + b.result.count);
    }};

}  // namespace weir
