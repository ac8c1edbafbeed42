// Opened blocks are kept as far as there is room, and never given for a row that has changed.
#include "agent/store/open_blocks.hpp"

#include <bit>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::store;

namespace {

// One slot that goes from 0 to `ticks` - 1, in steps of `step`.
codec::Block block_of(std::size_t ticks, double step) {
  codec::Column column;
  for (std::size_t tick = 0; tick < ticks; ++tick)
    column.put(tick, std::bit_cast<std::uint64_t>(static_cast<double>(tick) * step));
  const std::vector<codec::Column> columns{std::move(column)};
  return codec::Block::open(codec::encode_block(columns, {}, ticks)).value();
}

double last_value(const codec::Block& block) {
  double out = -1;
  block.column(0).value().each([&](std::size_t, std::uint64_t bits) { out = std::bit_cast<double>(bits); });
  return out;
}

}  // namespace

TEST_CASE("a block is found by its row as long as the row's check sum is the same") {
  OpenBlocks blocks;
  CHECK(blocks.find(7, 1) == nullptr);
  CHECK(last_value(blocks.keep(7, 1, block_of(10, 2))) == 18);
  REQUIRE(blocks.find(7, 1) != nullptr);
  CHECK(last_value(*blocks.find(7, 1)) == 18);
  CHECK(blocks.find(7, 2) == nullptr);
  // It is gone with the row that it was of.
  CHECK(blocks.find(7, 1) == nullptr);
  CHECK(blocks.bytes() == 0);
  blocks.keep(7, 2, block_of(10, 3));
  CHECK(last_value(blocks.keep(7, 3, block_of(10, 4))) == 36);
  CHECK(blocks.find(7, 2) == nullptr);
}

TEST_CASE("open blocks stay within their room, and questions in the same order find some of them") {
  const auto one = block_of(200, 0.5).bytes();
  OpenBlocks blocks(10 * one);
  int found = 0;
  for (int round = 0; round < 50; ++round)
    for (std::int64_t id = 1; id <= 15; ++id) {
      const auto* known = blocks.find(id, id);
      found += known != nullptr ? 1 : 0;
      const auto& block = known != nullptr ? *known : blocks.keep(id, id, block_of(200, static_cast<double>(id)));
      REQUIRE(last_value(block) == 199.0 * static_cast<double>(id));
      REQUIRE(blocks.bytes() <= 10 * one);
    }
  // By age none would be: of 15 in turn the one that is due left five questions ago.
  CHECK(found > 50 * 15 / 4);
  blocks.clear();
  CHECK(blocks.bytes() == 0);
  CHECK(blocks.find(1, 1) == nullptr);
}

TEST_CASE("a block larger than all the room is kept alone") {
  OpenBlocks blocks(1);
  CHECK(last_value(blocks.keep(1, 1, block_of(10, 1))) == 9);
  CHECK(last_value(blocks.keep(2, 1, block_of(10, 2))) == 18);
  CHECK(blocks.find(1, 1) == nullptr);
  CHECK(blocks.find(2, 1) != nullptr);
}
