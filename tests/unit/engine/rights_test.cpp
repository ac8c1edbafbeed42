#include "agent/engine/rights.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using engine::Rights;

namespace {

pg::Capability right(const std::string& name, bool present) {
  pg::Capability out;
  out.name = name;
  out.present = present;
  return out;
}

}  // namespace

TEST_CASE("what is still missing is asked for half as often each time, and what changed soon again") {
  Rights::Known known;
  const Deadline start{};
  REQUIRE(known.is_due(start));
  const auto look = [&](std::vector<pg::Capability> found) {
    known.take(std::move(found));
    known.looked_at = start;
    return known.wait;
  };
  CHECK(look({right("act_as:bob", false)}) == Rights::kLook);
  CHECK_FALSE(known.is_due(start + Rights::kLook - Millis(1)));
  CHECK(known.is_due(start + Rights::kLook));
  CHECK(look({right("act_as:bob", false)}) == Rights::kLook * 2);
  CHECK(look({right("act_as:bob", false), right("alter_system", true)}) == Rights::kLook * 4);
  CHECK(look({right("act_as:bob", false), right("alter_system", false)}) == Rights::kLook);
  for (int i = 0; i < 10; ++i) look({right("act_as:bob", false), right("alter_system", false)});
  CHECK(known.wait == std::chrono::minutes(10));
  CHECK(look({right("act_as:bob", true), right("alter_system", false)}) == Rights::kLook);
  CHECK(look({right("act_as:bob", true), right("alter_system", true)}) == std::chrono::minutes(10));
}
