#include "store/seq_runs.hpp"

#include <array>

#include "tests/support/catch.hpp"

namespace weir {

TEST_CASE("the first run begins at one, each further one behind a jump") {
  SeqRuns runs;
  CHECK(runs.begin(0, 1000) == 1);
  CHECK(runs.begin(70, 1000) == 1071);
  CHECK(runs.begin(1080, 5) == 1086);
  for (const auto& [seq, common] : {std::pair{1, 1},
                                    {70, 70},
                                    {71, 70},
                                    {1070, 70},
                                    {1071, 1071},
                                    {1080, 1080},
                                    {1085, 1080},
                                    {1086, 1086},
                                    {99'999, 99'999}})
    CHECK(runs.issued_up_to(static_cast<std::uint64_t>(seq)) == static_cast<std::uint64_t>(common));
  CHECK(SeqRuns::parse(runs.text())->text() == runs.text());
}

TEST_CASE("what a peer has heard of and was not given out tells where the histories part") {
  SeqRuns runs;
  using Seqs = std::array<std::uint64_t, 2>;
  const Seqs nothing{};
  CHECK_FALSE(runs.fork(Seqs{7, 8}, nothing));  // everything counts as given out
  runs.begin(0, 1000);
  runs.begin(70, 1000);
  runs.begin(1080, 5);
  CHECK_FALSE(runs.fork(nothing, nothing));
  CHECK_FALSE(runs.fork(Seqs{70, 1080}, nothing));
  CHECK(runs.fork(Seqs{60, 71}, nothing) == 70);
  CHECK(runs.fork(Seqs{1081, 300}, nothing) == 70);
  CHECK(runs.fork(Seqs{1081, 20}, nothing) == 1080);
  // Of the newest run: what this process has sent.
  CHECK(runs.fork(Seqs{20, 1090}, nothing) == 1080);
  CHECK(runs.fork(Seqs{20, 1090}, Seqs{0, 1089}) == 1080);
  CHECK_FALSE(runs.fork(Seqs{20, 1090}, Seqs{0, 1090}));
}

TEST_CASE("a run that gave nothing out leaves no trace, but jumps again") {
  SeqRuns runs;
  CHECK(runs.begin(10, 5) == 16);  // a database of before there were runs
  CHECK(runs.begin(15, 7) == 23);
  CHECK(runs.issued_up_to(16) == 10);
  CHECK(runs.issued_up_to(22) == 10);
}

TEST_CASE("what was given out and is lost counts no more, over several runs") {
  SeqRuns runs;
  std::uint64_t first = runs.begin(0, 10);
  first = runs.begin(first + 9, 10);  // 1 to 10
  first = runs.begin(first + 9, 10);  // 21 to 30
  first = runs.begin(first + 9, 10);  // 41 to 50
  REQUIRE(first == 61);
  CHECK(runs.begin(25, 100) == 126);
  CHECK(runs.issued_up_to(10) == 10);
  for (const std::uint64_t seq : {26U, 30U, 45U, 61U, 125U}) CHECK(runs.issued_up_to(seq) == 25);
  CHECK(runs.begin(15, 200) == 216);  // in the jump: behind it nothing was kept
  CHECK(runs.issued_up_to(125) == 10);
}

TEST_CASE("only so many runs are kept, and what is older counts as given out") {
  SeqRuns runs;
  std::uint64_t first = runs.begin(0, 10);
  for (int i = 0; i < 200; ++i) first = runs.begin(first + 4, 10);
  CHECK(runs.text().size() < 64 * 16);
  CHECK(runs.issued_up_to(6) == 6);
  CHECK(runs.issued_up_to(first - 1) == first - 11);
}

TEST_CASE("anything but runs is no runs") {
  for (const char* text : {"1", "1-", "1-2", "a-2 ", "2-0 ", "5-9 7-12 ", "1-2 3-x ", "-1-2 ",
                           "1-2  ", "99999999999999999999-1 "})
    CHECK_FALSE(SeqRuns::parse(text));
  CHECK(SeqRuns::parse(""));
}

}  // namespace weir
