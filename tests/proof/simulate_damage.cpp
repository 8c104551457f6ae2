#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "store/directory.hpp"
#include "tests/proof/simulator.hpp"

// A database with results that wait and open windows is damaged while weir is down. A twin of the
// same seed goes on undamaged: what the damaged one delivers must be what the twin delivers, byte
// for byte, or the honest result of fewer readings.

namespace weir {

namespace {

namespace fs = std::filesystem;

enum class Damage { bit_flip, zero_page, truncation, torn_sector, lost_header, deleted_wal };
constexpr std::array kinds = {"bit_flip",    "zero_page",   "truncation",
                              "torn_sector", "lost_header", "deleted_wal"};

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// What stands in the directory when the process is killed, log included.
struct Files {
  std::string database, log;

  explicit Files(const std::string& directory)
      : database(content_of(directory + "/weir.db")), log(content_of(directory + "/weir.db-wal")) {}

  void restore(const std::string& directory) const {
    put(directory + "/weir.db", database);
    if (log.empty())
      fs::remove(directory + "/weir.db-wal");
    else
      put(directory + "/weir.db-wal", log);
    fs::remove(directory + "/weir.db-shm");
  }
};

std::size_t place(SeededRandom& random, std::size_t size, std::size_t unit) {
  return random.below(std::max<std::size_t>(size / unit, 1)) * unit;
}

void fill(std::string& file, std::size_t at, std::size_t size, SeededRandom* random) {
  for (std::size_t i = at; i < std::min(file.size(), at + size); ++i)
    file[i] = random ? static_cast<char>(random->next()) : '\0';
}

void damage(Files& files, Damage kind, SeededRandom& random) {
  std::string& file = files.log.empty() || random.one_in(2) ? files.database : files.log;
  switch (kind) {
    case Damage::bit_flip:
      for (std::uint64_t n = 1 + random.below(32); n > 0 && !file.empty(); --n)
        file[random.below(file.size())] ^= static_cast<char>(1u << random.below(8));
      return;
    case Damage::zero_page:
      return fill(file, place(random, file.size(), 1024), 1024, nullptr);
    case Damage::truncation:
      return file.resize(random.below(file.size() + 1));
    case Damage::torn_sector: {
      // Half of it is something else: of another place, or noise.
      const std::size_t at = place(random, file.size(), 512);
      if (random.one_in(2)) return fill(file, at, random.below(512), &random);
      const std::string other = file.substr(place(random, file.size(), 512), random.below(512));
      file.replace(at, std::min(other.size(), file.size() - at), other, 0,
                   std::min(other.size(), file.size() - at));
      return;
    }
    case Damage::lost_header:
      return fill(file, 0, random.one_in(2) ? 100 : 1024, random.one_in(2) ? &random : nullptr);
    case Damage::deleted_wal:
      return files.log.clear();
  }
}

class Damaged {
 public:
  explicit Damaged(const SimulationOptions& options) : world_(options), random_(options.seed) {
    world_.may_set_aside = true;
  }

  /// A while of operation without a link, but for its beginning; then the kill, and with `damaged`
  /// what happens to the files.
  void run(bool damaged) {
    const std::string& directory = world_.options.directory;
    std::optional<Files> files;
    bool orderly = false;
    {
      Life life(world_.parts());
      world_.broker.connect();
      const std::uint64_t rounds = 100 + world_.data.below(400);
      const std::uint64_t linked = world_.data.below(100);
      orderly = world_.data.one_in(2);
      for (std::uint64_t i = 0; i < rounds && life.alive(); ++i) go(life, i < linked);
      world_.observe(life);
      // An orderly stop moves everything into the database; a kill leaves most of it in the log.
      if (orderly) life.stop();
      files.emplace(directory);
      if (!orderly) world_.disk.kill();
    }
    if (orderly) files.emplace(directory);
    world_.reboot();
    if (damaged) {
      const auto kind = static_cast<Damage>(random_.below(kinds.size()));
      ++world_.report.counts[kinds[static_cast<std::size_t>(kind)]];
      damage(*files, kind, random_);
    }
    files->restore(directory);
    go_on();
  }

  World& world() { return world_; }

 private:
  void go(Life& life, bool linked) {
    for (std::uint64_t n = world_.data.below(12); n > 0; --n) world_.publish({});
    world_.broker.pump(life.inbox());
    life.step();
    world_.clock.pass(Duration(static_cast<std::int64_t>(world_.data.below(120'000))));
    life.step();
    if (linked) life.deliver();
    if (world_.data.one_in(100)) world_.clock.pass(std::chrono::seconds(40));
  }

  /// Starts, again when weir stops over what it found, and drains. As `weir run` does, one that
  /// meets damage is begun once more.
  void go_on() {
    bool begun_again = false;
    for (int starts = 0; starts < 5; ++starts) {
      Life life(world_.parts());
      if (!life.alive() && !begun_again && check_wanted(world_.options.directory)) {
        begun_again = true;
        ++world_.report.counts["begun_again"];
        continue;
      }
      if (!life.alive()) {
        ++world_.report.counts["refused_starts"];
        return world_.failed("a start was refused: " + life.death());
      }
      begun_again = false;
      if (life.store().set_aside()) ++world_.report.counts["set_aside"];
      world_.broker.connect();
      for (int i = 0; i < 50 && life.alive(); ++i) go(life, true);
      bool drained = false;
      if (life.alive() && !life.restart_wanted()) drained = quiet(life);
      if (drained) return;
      ++world_.report.counts["stops"];
    }
    world_.failed("five starts, and it still stops");
  }

  /// False: it stopped on the way, which a damaged page may make it do.
  bool quiet(Life& life) {
    for (int i = 0, still = 0; i < 600 && still < 45; ++i) {
      world_.broker.pump(life.inbox());
      life.step();
      world_.clock.pass(std::chrono::seconds(1));
      life.step();
      life.deliver();
      if (!life.alive() || life.restart_wanted()) return false;
      still = world_.broker.drained() && life.waiting() == 0 ? still + 1 : 0;
    }
    world_.observe(life);
    if (!world_.broker.drained()) world_.failed("messages wait at the broker");
    if (life.waiting() > 0) world_.failed("results wait in the outbox");
    return true;
  }

  World world_;
  SeededRandom random_;
};

/// What the twin delivered, without the headers, which name the database.
std::set<std::string> distinct_records(const World& world) {
  std::set<std::string> bytes;
  for (const SinkRecord& record : world.sink.records())
    bytes.insert(record.topic + " " + record.key + " " + record.value);
  return bytes;
}

}  // namespace

SimulationReport simulate_damage(const SimulationOptions& options) {
  Damaged twin({options.seed, 0, options.directory + "/twin"});
  twin.run(false);
  twin.world().judge(true);
  Damaged damaged({options.seed, 0, options.directory + "/damaged"});
  damaged.run(true);
  World& world = damaged.world();
  const std::set<std::string> right = distinct_records(twin.world());
  for (const SinkRecord& record : world.sink.records()) {
    if (right.contains(record.topic + " " + record.key + " " + record.value)) {
      ++world.report.counts["as_the_twin"];
      continue;
    }
    ++world.report.counts["of_fewer_readings"];
    const std::string wrong = world.oracle.check(record);
    if (wrong.empty()) continue;
    ++world.report.counts["wrong"];
    world.failed(wrong);
  }
  ++world.report.counts["damages"];
  for (std::string& failure : twin.world().report.failures)
    world.report.failures.push_back("the twin: " + std::move(failure));
  return std::move(world.report);
}

}  // namespace weir
