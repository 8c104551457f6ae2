#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "store/ledger.hpp"

namespace weir {

/// How a counter of the ledger is shown, in /metrics and /status alike.
struct CounterFamily {
  Counter counter;
  std::string_view label;  ///< what tells its parts apart: "reason", "kind", "lane"; empty: none
  std::string_view help;
};

/// One line a counter; a test fails where one is missing.
std::span<const CounterFamily> counter_families();

/// One equation of promise P4 with its sides as they stand.
struct LedgerEquation {
  struct Term {
    std::string_view name;  ///< "journaled"
    std::uint64_t value = 0;
  };
  std::string_view subject;  ///< "messages", "readings" or "results"
  Term left;
  std::vector<Term> right;

  bool balanced() const;
};

/// All of them; `waiting` as for Ledger::imbalance.
std::vector<LedgerEquation> ledger_equations(const Ledger& ledger, std::uint64_t waiting);

}  // namespace weir
