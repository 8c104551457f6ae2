// A publisher as fast as a socket goes: MQTT 3.1.1, QoS 0 or 1 with a window of unacknowledged
// messages, flat 77-byte JSON payloads of 3 values from as many devices as asked for.
// Usage: flood HOST PORT COUNT QOS DEVICES RATE   (RATE 0: as fast as it goes)

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <thread>

namespace {

constexpr std::uint64_t window = 2000;

void put_length(std::string& out, std::size_t n) {
  do {
    out.push_back(static_cast<char>((n & 127) | (n > 127 ? 128 : 0)));
    n >>= 7;
  } while (n > 0);
}

std::string packet(std::uint64_t i, int qos, std::uint64_t devices, std::int64_t now_ms) {
  const std::uint64_t device = i % devices;
  const std::string topic =
      "bench/line" + std::to_string(device % 4) + "/dev" + std::to_string(device) + "/state";
  const auto number = [](std::uint64_t n, std::uint64_t whole) {
    return std::to_string(whole + n % 10) + '.' + std::to_string(10 + n % 90);
  };
  std::string payload = "{\"ts\":" + std::to_string(now_ms) + ",\"temperature\":" + number(i, 20) +
                        ",\"pressure\":" + number(i * 7, 100) + ",\"hum\":" + number(i * 3, 40) +
                        "}";
  payload.resize(77, ' ');
  std::string body;
  body.push_back(static_cast<char>(topic.size() >> 8));
  body.push_back(static_cast<char>(topic.size() & 255));
  body += topic;
  if (qos > 0) {
    const std::uint64_t id = i % 65535 + 1;
    body.push_back(static_cast<char>(id >> 8));
    body.push_back(static_cast<char>(id & 255));
  }
  body += payload;
  std::string out(1, static_cast<char>(0x30 | qos << 1));
  put_length(out, body.size());
  return out + body;
}

void send_all(int fd, const std::string& data) {
  for (std::size_t at = 0; at < data.size();) {
    const ssize_t n = ::send(fd, data.data() + at, data.size() - at, 0);
    if (n <= 0) throw std::runtime_error("the broker closed the connection");
    at += static_cast<std::size_t>(n);
  }
}

int connected(const char* host, const char* port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  ::inet_pton(AF_INET, host, &address.sin_addr);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("can't connect to the broker");
  }
  using namespace std::string_literals;
  send_all(fd, "\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05"s + "flood");
  std::array<char, 4> reply{};
  if (::recv(fd, reply.data(), reply.size(), MSG_WAITALL) != 4 || reply[3] != 0) {
    throw std::runtime_error("the broker refused the connection");
  }
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: flood HOST PORT COUNT QOS DEVICES RATE\n";
    return 64;
  }
  const std::uint64_t total = std::stoull(argv[3]), devices = std::stoull(argv[5]);
  const int qos = std::stoi(argv[4]);
  const double rate = std::stod(argv[6]);
  const int fd = connected(argv[1], argv[2]);
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t acknowledged = 0;
  std::array<char, 65536> replies{};
  const auto take_acks = [&](int flags) {
    const ssize_t n = ::recv(fd, replies.data(), replies.size() / 4 * 4, flags);
    if (n > 0) acknowledged += static_cast<std::uint64_t>(n);
  };
  std::string out;
  for (std::uint64_t i = 0; i < total; ++i) {
    if (rate > 0) {
      std::this_thread::sleep_until(begun +
                                    std::chrono::duration<double>(static_cast<double>(i) / rate));
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    out +=
        packet(i, qos, devices, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    if (rate > 0 || out.size() > 16'000 || i + 1 == total) {
      send_all(fd, out);
      out.clear();
    }
    if (qos > 0) take_acks(MSG_DONTWAIT);
    while (qos > 0 && i + 1 - acknowledged / 4 >= window) take_acks(0);
  }
  while (qos > 0 && acknowledged / 4 < total) take_acks(0);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::cout << "{\"sent\":" << total << ",\"seconds\":" << seconds << "}\n";
  ::close(fd);
}
