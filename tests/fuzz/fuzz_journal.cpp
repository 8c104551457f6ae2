#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/codec.hpp"

/// The first byte chooses the encoding. What can be read must come back the same once it is written
/// again: then nothing of it was left out or made up.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    if (const auto record = decode_record(bytes)) {
      const std::string again = encode_record(*record);
      const auto back = decode_record(again);
      if (!back || encode_record(*back) != again) std::abort();
    }
  } else if (data[0] % 3 == 1) {
    if (const auto output = decode_output(bytes)) {
      const std::string again = encode_output(*output);
      const auto back = decode_output(again);
      if (!back || encode_output(*back) != again) std::abort();
    }
  } else if (const auto letter = read_dead_letter(bytes)) {
    std::string again;
    write_dead_letter(*letter, again);
    if (!read_dead_letter(again)) std::abort();
  }
  return 0;
}
