#pragma once

#include <algorithm>
#include <cstdint>

#include "store/schema.hpp"

namespace weir {

/// How max_size is shared out between the database and its write-ahead log.
struct Bounds {
  std::uint64_t pages;    ///< of the database, SQLite's own hard bound
  std::uint64_t reserve;  ///< of these, kept from results: so that deleting never lacks a page
  std::uint64_t coarsen_margin;  ///< so many before the bound, results become coarser windows
  std::uint64_t wal_soft;        ///< bytes after which the log is moved into the database
  std::uint64_t wal_limit;       ///< bytes it never exceeds, save by one record that is larger
  std::uint64_t results;   ///< row_cost of results one commit takes; the rest is evicted at once
  std::uint64_t removals;  ///< delivered rows one commit deletes in a lane; the rest waits

  static constexpr Bounds of(std::uint64_t max_size) {
    // A page is moved once, however often it changed: in a log that is longer than what the journal
    // takes up, its pages change several times. The limit is for bursts, and for readers that keep
    // the log from starting again.
    const std::uint64_t limit = max_size / 4;
    const std::uint64_t pages = (max_size - limit) / page_size;
    return {.pages = pages,
            .reserve = pages / 16,
            .coarsen_margin = pages / 8,
            .wal_soft = std::clamp<std::uint64_t>(max_size / 16, 256u << 10, 16u << 20),
            .wal_limit = limit,
            // The log takes these, as much again that is evicted for them, and the removals.
            .results = limit * 5 / 16,
            .removals = limit / 16 / page_size};
  }
};

constexpr std::uint64_t frame_size = page_size + 24;  ///< a page in the write-ahead log

/// The bytes of pages that a row takes among rows of its size, appended one by one.
constexpr std::uint64_t row_cost(std::uint64_t body_size) {
  const std::uint64_t row = body_size + 16;  // its lengths, its id, the pointer to it
  if (row > page_size - 32) return (row / (page_size - 4) + 2) * page_size;  // pages of its own
  return page_size / ((page_size - 12) / row);
}

}  // namespace weir
