#include "tests/proof/simulator.hpp"

// Power cuts at random writes, with an honest card or one that lies about syncs.

namespace weir {

namespace {

constexpr std::uint64_t cuts_a_run = 50;

/// One life, which ends with a power cut at the `steps`-th changing call, or by itself.
void live(World& world, std::uint64_t steps) {
  world.disk.arm(steps);
  {
    Life life(world.parts());
    world.begun(life);
    world.broker.connect();
    for (int i = 0; life.alive() && !world.disk.dead() && !life.restart_wanted() && i < 400; ++i)
      world.round(life, {});
    if (life.restart_wanted()) world.lose_history();
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
  World world(options);
  world.may_set_aside = options.lies > 0;
  std::uint64_t tries = 0;
  while (world.report.counts["cuts"] < cuts_a_run && world.report.failures.size() < 5) {
    live(world, 1 + world.random.below(world.random.one_in(4) ? 2000 : 150));
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
