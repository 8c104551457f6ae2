#pragma once

#include <string_view>

namespace weir {

std::string_view version_text();  ///< "0.1.0"

}  // namespace weir
