#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/series.hpp"

namespace pgtend::collectors {

// The keys that one collector's rows had in its last run, so that the next run gives the same objects: a reader then
// knows a series by its pointer, and no text is copied or compared per sample. Not thread-safe.
class RowKeys {
 public:
  struct Row {
    Labels labels;
    std::vector<SharedKey> keys;      // by name, as begin() got them; empty until first needed
    std::vector<std::uint64_t> seen;  // run in which the key was last used
    std::uint64_t run = 0;            // in which it was last taken, …
    std::size_t turn = 0;             // … as which row
  };

  // Starts a run whose samples have these metric names. Other names than last time forget everything.
  void begin(const std::vector<std::string>& names);
  // The row at this place of the last run, or nullptr: the caller looks whether it is the one it has.
  [[nodiscard]] Row* next_guess() { return place_ < order_.size() ? order_[place_] : nullptr; }
  // Takes the guess.
  Row& take_guess();
  // The row with these labels, made when it is new.
  Row& take(Labels labels);
  // Forgets the rows that this run did not take.
  void end();

  // Whether the row's key of that name was used in this run before; marks it.
  bool use(Row& row, std::size_t name);

 private:
  struct Hash {
    std::size_t operator()(const Labels& labels) const { return fingerprint(labels); }
  };
  Row& note(Row& row);

  std::vector<std::string> names_;
  std::unordered_map<Labels, std::unique_ptr<Row>, Hash> rows_;
  std::vector<Row*> order_, next_order_;  // of the last run and of this one
  std::size_t place_ = 0;
  std::uint64_t run_ = 0;
};

}  // namespace pgtend::collectors
