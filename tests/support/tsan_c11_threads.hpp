#pragma once

namespace weir {

/// Does nothing, but makes the linker take tsan_c11_threads.cpp: whatever starts librdkafka in a
/// test calls it.
void know_c11_threads();

}  // namespace weir
