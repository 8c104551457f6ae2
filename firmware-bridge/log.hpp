#pragma once

#include <functional>
#include <string>

namespace weir {

enum class LogLevel { debug, info, warning, error };

/// Where a part says that it started, stopped or changed its state, in a sentence without a full
/// stop; never once a message. Called from any thread, must not throw.
using Log = std::function<void(LogLevel, const std::string&)>;

}  // namespace weir
