#include "agent/base/log_repeats.hpp"

namespace pgtend::log {

namespace {

// One line a minute tells that a cause lasts; a person reads no more.
constexpr std::chrono::minutes kEvery{1};
// More different warnings in a minute than this are not one cause.
constexpr std::size_t kRemembered = 256;

}  // namespace

std::optional<std::size_t> Repeats::admit(const std::string& line, Deadline now) {
  const std::lock_guard lock(mutex_);
  if (seen_.size() >= kRemembered && !seen_.contains(line)) {
    std::erase_if(seen_, [now](const auto& each) { return now - each.second.written_at >= kEvery; });
    if (seen_.size() >= kRemembered) seen_.clear();
  }
  const auto [at, is_new] = seen_.try_emplace(line, Seen{now, 0});
  if (is_new) return 0;
  auto& seen = at->second;
  if (now - seen.written_at < kEvery) {
    ++seen.held_back;
    return std::nullopt;
  }
  const auto held_back = seen.held_back;
  seen = {now, 0};
  return held_back;
}

}  // namespace pgtend::log
