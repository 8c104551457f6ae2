#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace weir {

/// What went wrong, for the code that must decide what to do next. The message is for people.
enum class ErrorKind {
  invalid,      ///< the input is wrong and will stay wrong: count it, keep a sample, go on
  unavailable,  ///< a peer or a device is not there now: wait and try again
  timeout,      ///< the outcome is unknown: find it out before acting on it
  full,         ///< no room: the caller holds on to its data
  corrupt,      ///< stored bytes are not what was written: set them aside
  unsupported,  ///< the peer can't do this at all: fall back or refuse
  fatal,        ///< the object is of no further use: make a new one
};

struct Error {
  ErrorKind kind = ErrorKind::invalid;
  std::string message;  ///< one sentence without a full stop; never holds a secret
};

/// For what is expected at run time. Member names are those of std::expected.
template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorKind::full, "the queue holds 8 MiB already");`
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace weir
