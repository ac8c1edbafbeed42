#include "agent/engine/held_messages.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using engine::HeldMessages;

namespace {

OutboxMessage message(int id, Urgency urgency, const std::string& receiver = "oncall") {
  OutboxMessage out;
  out.id = id;
  out.receiver = receiver;
  out.dedup_key = std::to_string(id);
  out.urgency = urgency;
  return out;
}

std::vector<std::int64_t> ids_of(const std::vector<OutboxMessage>& messages) {
  std::vector<std::int64_t> out;
  for (const auto& each : messages) out.push_back(each.id);
  return out;
}

}  // namespace

TEST_CASE("messages in memory that are too many go by urgency, the oldest first, and critical ones never") {
  HeldMessages held;
  const auto most = static_cast<int>(HeldMessages::kMost);
  for (int i = 0; i < most; ++i)
    held.add(message(i, i == 3 ? Urgency::info : i < 6 ? Urgency::warning : Urgency::critical));
  CHECK(held.dropped().empty());
  held.add(message(most, Urgency::critical));
  held.add(message(most + 1, Urgency::warning, "chat"));
  CHECK(held.size() == HeldMessages::kMost);
  CHECK(held.dropped() == std::map<std::string, std::int64_t>{{"oncall", 2}});
  for (int i = 0; i < 10; ++i) held.add(message(most + 2 + i, Urgency::critical));
  const auto left = ids_of(held.take_due({}));
  CHECK(left.size() == HeldMessages::kMost + 5);
  CHECK(left.front() == 6);
  CHECK(held.dropped() == std::map<std::string, std::int64_t>{{"chat", 1}, {"oncall", 6}});
}

TEST_CASE("a newer message in memory takes the place of the older one of its key, and waits for its time") {
  HeldMessages held;
  const UtcTime start = from_ms(1'000'000);
  auto first = message(1, Urgency::warning), other = message(2, Urgency::warning);
  held.add(first);
  held.add(other);
  first.body = "newer";
  first.not_before = start + Millis(5'000);
  held.add(first);
  auto over = message(3, Urgency::warning);
  over.expires_at = start;
  held.add(over);
  CHECK(ids_of(held.take_due(start)) == std::vector<std::int64_t>{2});
  CHECK(held.size() == 1);
  const auto due = held.take_due(start + Millis(5'000));
  REQUIRE(due.size() == 1);
  CHECK(due[0].body == "newer");
  CHECK(held.size() == 0);
}
