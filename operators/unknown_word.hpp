#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/params.hpp"

namespace weir {

/// "unknown source "pres"; did you mean "press"?", or with the whole list if nothing is near.
inline std::string unknown_word(std::string_view what, const std::string& word,
                                const std::vector<std::string>& known) {
  std::string message = "unknown " + std::string(what) + " \"" + word + "\"";
  if (const std::string near = nearest_word(word, known); !near.empty()) {
    return message + "; did you mean \"" + near + "\"?";
  }
  if (known.empty()) return message + "; there is none";
  message += "; known: ";
  for (const std::string& name : known) message += (&name == &known[0] ? "" : ", ") + name;
  return message;
}

}  // namespace weir
