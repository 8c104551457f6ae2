#pragma once

#include <algorithm>

namespace weir::test {

/// How often a long test goes round: less under a sanitizer or an emulator, where each round takes
/// many times as long, but once at least.
constexpr int rounds(int wanted) {
#if defined(WEIR_SANITIZED) || defined(WEIR_EMULATED)
  return std::max(1, wanted / 10);
#else
  return wanted;
#endif
}

}  // namespace weir::test
