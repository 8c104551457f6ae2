// The yardstick: an MQTT subscriber on Paho C++ as its own samples write it, which only counts.
// Usage: bare_subscriber URL TOPIC QOS COUNT; prints JSON when COUNT messages have arrived.

#include <mqtt/async_client.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: bare_subscriber URL TOPIC QOS COUNT\n";
    return 64;
  }
  const std::uint64_t wanted = std::stoull(argv[4]);
  std::atomic<std::uint64_t> seen = 0;
  std::chrono::steady_clock::time_point first, last;

  mqtt::async_client client(argv[1], "bare-subscriber");
  client.set_message_callback([&](mqtt::const_message_ptr) {
    if (seen == 0) first = std::chrono::steady_clock::now();
    last = std::chrono::steady_clock::now();
    if (++seen == wanted) seen.notify_all();
  });
  client.connect(mqtt::connect_options_builder().clean_session(true).finalize())->wait();
  client.subscribe(argv[2], std::stoi(argv[3]))->wait();
  std::cerr << "ready\n";
  for (std::uint64_t n = seen; n < wanted; n = seen) seen.wait(n);

  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  const double cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  const double wall = std::chrono::duration<double>(last - first).count();
  std::cout << "{\"messages\":" << seen << ",\"seconds\":" << wall << ",\"cpu_seconds\":" << cpu
            << ",\"resident_kib\":" << usage.ru_maxrss << "}\n";
  client.disconnect()->wait();
}
