#include "agent/engine/unread_samples.hpp"

namespace pgtend::engine {

void UnreadSamples::add(const SnapshotPtr& snapshot) {
  auto& last = last_[{snapshot->collector, snapshot->database}];
  // What a run left out has not ended.
  unread_.push_back({snapshot, snapshot->left_out == 0 ? last : nullptr});
  samples_ += snapshot->samples.size();
  // What a failed run did not bring is unknown, not gone.
  if (snapshot->status == CollectStatus::ok) last = snapshot;
  while (samples_ > kMostSamples && unread_.size() > 1) forget_oldest();
}

void UnreadSamples::were_read(std::uint64_t until) {
  while (first_ < until && !unread_.empty()) forget_oldest();
}

void UnreadSamples::forget_oldest() {
  samples_ -= unread_.front().snapshot->samples.size();
  unread_.pop_front();
  ++first_;
}

}  // namespace pgtend::engine
