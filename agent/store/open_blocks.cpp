#include "agent/store/open_blocks.hpp"

#include <utility>

namespace pgtend::store {

void OpenBlocks::drop(std::size_t at) {
  bytes_ -= kept_[at].bytes;
  by_id_.erase(kept_[at].id);
  if (at + 1 < kept_.size()) {
    kept_[at] = std::move(kept_.back());
    by_id_[kept_[at].id] = at;
  }
  kept_.pop_back();
}

const codec::Block* OpenBlocks::find(std::int64_t id, std::int64_t crc) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return nullptr;
  const auto& kept = kept_[known->second];
  if (kept.crc == crc) return kept.block.get();
  drop(known->second);
  return nullptr;
}

const codec::Block& OpenBlocks::keep(std::int64_t id, std::int64_t crc, codec::Block block) {
  if (const auto known = by_id_.find(id); known != by_id_.end()) drop(known->second);
  const auto bytes = block.bytes();
  while (!kept_.empty() && bytes_ + bytes > most_) drop(chance_() % kept_.size());
  by_id_.emplace(id, kept_.size());
  kept_.push_back({id, crc, bytes, std::make_unique<const codec::Block>(std::move(block))});
  bytes_ += bytes;
  return *kept_.back().block;
}

void OpenBlocks::clear() {
  kept_.clear();
  by_id_.clear();
  bytes_ = 0;
}

}  // namespace pgtend::store
