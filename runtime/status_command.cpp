#include <iostream>

#include "runtime/commands.hpp"
#include "runtime/http_client.hpp"

namespace weir {

int status_command(const StatusOptions& options) {
  const auto reply =
      http_get(options.address, options.json ? "/status" : "/status.txt", std::chrono::seconds(5));
  if (!reply) {
    std::cerr << "weir status: " << reply.error().message << '\n';
    return exit_unavailable;
  }
  std::cout << reply->body;
  if (!reply->body.ends_with('\n')) std::cout << '\n';
  return reply->status == 200 ? exit_ok : exit_failed;
}

}  // namespace weir
