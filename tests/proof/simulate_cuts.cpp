#include <chrono>

#include "tests/proof/simulator.hpp"

// Power cuts at random writes, with an honest card or one that lies about syncs.

namespace weir {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t cuts_a_run = 50;

/// Windows go soon, and readings come for windows that are complete, or gone. What a card that lies
/// has lost can't be told from what came late.
constexpr Pace straggling{.stragglers = 8};

/// The next start finds nothing but the checkpoint; at times every device was silent before.
void end_in_order(World& world, Life& life) {
  if (world.random.one_in(2)) world.clock.pass(40s);
  life.step();
  life.stop();
  ++world.report.counts["orderly_stops"];
}

/// One life, which ends with a power cut at the `steps`-th changing call, in order, or by itself.
void live(World& world, std::uint64_t steps) {
  world.disk.arm(steps);
  {
    Life life(world.parts());
    world.begun(life);
    world.broker.connect();
    const bool short_life = world.options.lies == 0 && world.random.one_in(6);
    if (short_life) world.disk.arm(0);
    const int rounds = short_life ? 1 + static_cast<int>(world.random.below(60)) : 400;
    for (int i = 0; life.alive() && !world.disk.dead() && !life.restart_wanted() && i < rounds; ++i)
      world.round(life, world.options.lies > 0 ? Pace{} : straggling);
    if (life.restart_wanted()) world.lose_history();
    if (short_life) end_in_order(world, life);
    if (!world.disk.dead() && !life.alive()) {
      ++world.report.counts["stops"];
      // A page that the card lost may be met at any time; the next start sees to it.
      if (world.options.lies == 0) world.failed("it died by itself: " + life.death());
    }
    world.observe(life);
  }
  if (!world.disk.dead()) return;
  ++world.report.counts["cuts"];
  world.reboot();
  if (world.random.one_in(10))
    world.clock.jump(std::chrono::hours(world.random.below(20)) - std::chrono::hours(10));
}

}  // namespace

SimulationReport simulate_cuts(const SimulationOptions& options) {
  World world(options, options.lies > 0 ? WorldShape{} : WorldShape{.lateness = 20s});
  world.may_set_aside = options.lies > 0;
  std::uint64_t tries = 0;
  while (world.report.counts["cuts"] < cuts_a_run && world.report.failures.size() < 5) {
    live(world, 1 + world.random.below(world.random.one_in(8) ? 2000 : 150));
    if (++tries > 20 * cuts_a_run + 100) {
      world.failed("the power does not fail any more");
      break;
    }
  }
  world.drain();
  world.judge(options.lies == 0);
  return std::move(world.report);
}

SimulationReport simulate_lies(const SimulationOptions& options) {
  SimulationOptions lying = options;
  if (lying.lies == 0) lying.lies = 5;
  return simulate_cuts(lying);
}

}  // namespace weir
