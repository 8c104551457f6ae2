#pragma once

/// The one place that includes Asio (and OpenSSL through it).
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

namespace weir {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

}  // namespace weir
