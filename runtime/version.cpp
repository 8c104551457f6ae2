#include "runtime/version.hpp"

#include <iostream>

#include "runtime/commands.hpp"
#include "runtime/json_writer.hpp"

namespace weir {

std::string_view version_text() {
  return WEIR_VERSION;
}

int version_command(bool json) {
  if (json) {
    JsonWriter out;
    out.begin_object().member("name", "weir").member("version", version_text()).end_object();
    std::cout << out.take() << '\n';
  } else {
    std::cout << "weir " << version_text() << '\n';
  }
  return exit_ok;
}

}  // namespace weir
