#include <cmath>
#include <limits>

#include "agent/store/codec/block.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/crc32c.hpp"
#include "agent/store/codec/packing.hpp"
#include "agent/store/codec/tick_row.hpp"
#include "agent/store/codec/ticks.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;
using namespace pgtend::store::codec;

namespace {

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  std::uint64_t bits() { return static_cast<std::uint64_t>(random_()) << 32 | random_(); }

  // The next value of a series of some kind.
  double next(int kind, double last) {
    switch (kind) {
      case 0:
        return last;
      case 1:
        return below(10) == 0 ? last + static_cast<double>(below(100)) : last;
      case 2:
        return std::floor(last) + static_cast<double>(below(1'000'000));
      case 3:
        return std::round((last + 0.25) * 100) / 100;
      case 4:
        return last + static_cast<double>(random_()) / 7.0;
      case 5:
        return below(20) == 0 ? stale_marker() : last + 1;
      case 6:
        return std::bit_cast<double>(bits());  // NaN payloads, denormals and infinities among them
      default:
        return below(2) == 0 ? -0.0 : 9007199254740993.0;
    }
  }

 private:
  std::mt19937 random_;
};

using Samples = std::vector<std::pair<std::size_t, std::uint64_t>>;

Samples samples_of(const Column& column) {
  Samples out;
  column.each([&](std::size_t tick, std::uint64_t bits) { out.emplace_back(tick, bits); });
  return out;
}

}  // namespace

TEST_CASE("a block gives back every sample bit by bit, whatever the values are and wherever they are missing") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const auto ticks = 1 + dice.below(kBlockTicks);
    std::vector<Column> columns(1 + dice.below(round % 10 == 0 ? kBlockSlots : 20));
    std::vector<Samples> expected(columns.size());
    std::vector<EpochStart> starts;
    for (std::size_t slot = 0; slot < columns.size(); ++slot) {
      const int kind = static_cast<int>(dice.below(8));
      const auto missing = dice.below(3) == 0 ? 1 + dice.below(10) : 0;
      double value = static_cast<double>(dice.below(1'000));
      for (std::size_t tick = 0; tick < ticks; ++tick) {
        if (missing > 0 && dice.below(missing + 1) == 0) continue;
        value = dice.next(kind, std::isnan(value) ? 0 : value);
        columns[slot].put(tick, bits(value));
        expected[slot].emplace_back(tick, bits(value));
        if (dice.below(50) == 0) starts.push_back({static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(tick)});
      }
      REQUIRE(columns[slot].count() == expected[slot].size());
    }
    const auto block = Block::open(encode_block(columns, starts, ticks));
    REQUIRE(block);
    REQUIRE(block->ticks() == ticks);
    REQUIRE(std::vector<EpochStart>(block->starts().begin(), block->starts().end()) == starts);
    for (std::size_t slot = 0; slot < columns.size(); ++slot) {
      CAPTURE(slot);
      const auto column = block->column(slot);
      REQUIRE(column);
      REQUIRE(samples_of(*column) == expected[slot]);
    }
    REQUIRE(block->column(columns.size() + 5)->empty());
  }
}

TEST_CASE("constant and slowly rising series take a few bytes") {
  std::vector<Column> columns(kBlockSlots);
  for (std::size_t slot = 0; slot < columns.size(); ++slot)
    for (std::size_t tick = 0; tick < kBlockTicks; ++tick)
      columns[slot].put(tick, bits(static_cast<double>(slot % 2 == 0 ? slot : tick * 3)));
  REQUIRE(encode_block(columns, {}, kBlockTicks).size() < 600);
}

TEST_CASE("damaged blocks give an error or samples within bounds, never a crash") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  std::vector<Column> columns(12);
  for (std::size_t slot = 0; slot < columns.size(); ++slot)
    for (std::size_t tick = slot; tick < kBlockTicks; tick += 1 + dice.below(3))
      columns[slot].put(tick, bits(dice.next(static_cast<int>(slot % 8), 5)));
  const auto whole = encode_block(columns, {}, kBlockTicks);
  std::size_t opened = 0;
  const auto look = [&](const std::string& bytes) {
    const auto block = Block::open(bytes);
    if (!block) return;
    ++opened;
    for (std::size_t slot = 0; slot < kBlockSlots; ++slot)
      if (const auto column = block->column(slot))
        column->each([&](std::size_t tick, std::uint64_t) { REQUIRE(tick < kBlockTicks); });
  };
  for (std::size_t length = 0; length < whole.size(); length += 7) look(whole.substr(0, length));
  for (int round = 0; round < 3'000; ++round) {
    auto bytes = whole;
    for (std::size_t i = 0; i <= dice.below(3); ++i)
      bytes[dice.below(bytes.size())] = static_cast<char>(dice.below(256));
    look(bytes);
  }
  // Behind the packing, which catches most damage by itself.
  ByteReader in(whole);
  const auto head = in.bytes(4);
  std::vector<std::string> parts;
  while (in.left() > 0) {
    const auto size = in.varint();
    parts.push_back(*unpack(in.bytes(size), kMaxBlockBytes));
  }
  REQUIRE(parts.size() == 4);
  for (int round = 0; round < 3'000; ++round) {
    ByteWriter out;
    out.bytes(head);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      auto part = parts[i];
      if (i < 2 && !part.empty()) part[dice.below(part.size())] = static_cast<char>(dice.below(256));
      part = pack(part);
      out.varint(part.size());
      out.bytes(part);
    }
    look(out.view());
  }
  REQUIRE(opened > 0);
}

TEST_CASE("a frame that claims to hold more than is allowed is refused before anything is allocated") {
  const auto frame = pack(std::string(1 << 20, 'a'));
  REQUIRE(unpack(frame, 1 << 20));
  const auto refused = unpack(frame, (1 << 20) - 1);
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().code == Errc::corrupt);
  REQUIRE_FALSE(unpack("no frame", 100));
}

TEST_CASE("times of ticks come back, jumps and steps backward included") {
  const std::vector<std::int64_t> times{1'700'000'000'000, 1'700'000'010'003, 1'700'000'019'998, 5, -7, INT64_MAX};
  const auto back = decode_ticks(encode_ticks(times), times.size());
  REQUIRE(back);
  REQUIRE(*back == times);
  REQUIRE_FALSE(decode_ticks(encode_ticks(times), times.size() - 1));
  REQUIRE_FALSE(decode_ticks(encode_ticks(times) + "x", 100));
  REQUIRE(decode_ticks(encode_ticks({}), 0)->empty());
}

TEST_CASE("a tick's row comes back, whole or as changes, and damage in it is an error or a row within bounds") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  std::vector<std::uint64_t> before(500);
  for (auto& value : before) value = bits(dice.next(static_cast<int>(dice.below(8)), 3));
  for (int round = 0; round < 40; ++round) {
    TickRow row;
    row.full = round % 2 == 0;
    for (std::uint32_t place = 0; place < before.size(); ++place) {
      if (dice.below(3) != 0) continue;
      const auto was = row.full ? 0 : before[place];
      if (dice.below(9) == 0 && !row.full) {
        row.values.push_back({place, false, 0, was});
      } else {
        row.values.push_back({place, true, bits(dice.next(static_cast<int>(dice.below(8)), 3)), was});
      }
      if (dice.below(4) == 0) row.epochs.push_back({place, dice.below(2) == 0, dice.below(3) == 0 ? dice.bits() : 77});
    }
    const auto encoded = encode_tick_row(row);
    const auto back = decode_tick_row(encoded, before);
    REQUIRE(back);
    REQUIRE(*back == row);
    for (int damage = 0; damage < 100; ++damage) {
      auto bytes = encoded;
      bytes[dice.below(bytes.size())] = static_cast<char>(dice.below(256));
      const auto other = decode_tick_row(bytes, before);
      if (!other) continue;
      for (const auto& value : other->values) REQUIRE(value.place < before.size());
    }
  }
  REQUIRE_FALSE(decode_tick_row("", before));
}

TEST_CASE("the check sum is CRC-32C") {
  // Source: RFC 3720, B.4.
  REQUIRE(crc32c(std::string(32, '\0')) == 0x8A9136AAU);
  REQUIRE(crc32c("123456789") == 0xE3069283U);
  REQUIRE(crc32c("56789", crc32c("1234")) == 0xE3069283U);
}
