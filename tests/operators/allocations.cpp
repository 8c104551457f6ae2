#include "tests/operators/allocations.hpp"

#include <cstdlib>
#include <new>

// Under a sanitizer memory is the sanitizer's, which would not know what is taken here.
#ifdef WEIR_SANITIZED

std::optional<std::size_t> weir::test::allocations() {
  return std::nullopt;
}

#else

namespace {

thread_local std::size_t allocated = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocated;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

std::optional<std::size_t> weir::test::allocations() {
  return allocated;
}

#endif
