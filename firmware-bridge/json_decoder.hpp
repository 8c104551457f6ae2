#pragma once

#include <cstddef>
#include <memory>

#include "firmware-bridge/decoder.hpp"
#include "firmware-bridge/json_options.hpp"

namespace weir {

/// More values than this in one message, and it is refused as a whole.
constexpr std::size_t json_values_max = 100'000;

/// `format = "json"`. What it does where JSON leaves it open:
/// - A path is looked up in the record, then in what encloses it, outwards; the first place where
///   the whole path exists counts, also if null stands there. Of a key given twice the first
///   counts.
/// - A number is taken as it is, true and false as 1 and 0, a text by `words` or, in a field that
///   was named, if the whole of it is a number. Other types are counted as not_numeric.
/// - A time that is absent or null makes the record use its arrival; one that is there and can't be
///   read drops the record (bad_time). An absent tag is the empty text; an array, an object or more
///   than 256 bytes drop the record (bad_tag).
/// - A bare number, alone or as a record, is a value named by the one metric that is configured, or
///   "value" if none is.
/// - A number that does not fit 64 bits (1e999, an integer of 21 digits) spoils the whole payload.
std::unique_ptr<Decoder> make_json_decoder(JsonOptions options);

}  // namespace weir
