#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "agent/store/codec/block.hpp"

namespace pgtend::store {

// Blocks that a reader has opened, kept for its next question: the panels of a board ask for other columns of the same
// blocks, and opening them was half of what a small question took (measured). Which one leaves for another is left to
// chance: questions come in the same order again and again, and by age each would leave just before it is asked for.
// Private to agent/store. REQUIRES: one thread at a time.
class OpenBlocks {
 public:
  // `most`: bytes of memory.
  explicit OpenBlocks(std::size_t most = kMostBytes) : most_(most) {}

  // The block of a row, by its id and the check sum that its row has now; null when it is not kept.
  // Valid until the next call.
  [[nodiscard]] const codec::Block* find(std::int64_t id, std::int64_t crc);
  // Keeps it, however large it is; others leave for it. Valid until the next call.
  const codec::Block& keep(std::int64_t id, std::int64_t crc, codec::Block block);
  void clear();

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Source: a full block, opened, takes 0.2 MB (measured), so these are six hours at 15 s of 700 series.
  static constexpr std::size_t kMostBytes = 4 << 20;

 private:
  struct Kept {
    std::int64_t id = 0, crc = 0;
    std::size_t bytes = 0;
    std::unique_ptr<const codec::Block> block;
  };
  void drop(std::size_t at);

  std::size_t most_, bytes_ = 0;
  std::vector<Kept> kept_;
  std::unordered_map<std::int64_t, std::size_t> by_id_;  // place in kept_
  std::minstd_rand chance_;
};

}  // namespace pgtend::store
