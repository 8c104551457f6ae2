#pragma once

#include <string>
#include <string_view>

#include "config/result.hpp"
#include "config/units.hpp"

namespace weir {

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

/// Fetches a page and waits for it, at most `timeout` in all. `address` as HttpAddress takes it.
/// Any status is a reply, not an error.
/// # Errors
/// `invalid`: the address or what came back. `unavailable`: nobody listens there. `timeout`.
Result<HttpReply> http_get(std::string_view address, std::string_view path, Duration timeout);

}  // namespace weir
