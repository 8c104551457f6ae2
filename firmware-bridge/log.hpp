#pragma once

#include <functional>
#include <string_view>

namespace weir {

enum class LogLevel { debug, info, warning, error };

/// Where a part says that it started, stopped or changed its state, in a sentence without a full
/// stop; never once a message. Called from any thread, also those of libraries; must not throw.
using Log = std::function<void(LogLevel, std::string_view)>;

}  // namespace weir
