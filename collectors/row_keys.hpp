#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
    std::vector<std::uint64_t> seen;  // run in which the key was last used, …
    std::vector<std::size_t> places;  // … and where its sample is
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
  // The row with these labels if this run has taken it, else nullptr.
  [[nodiscard]] Row* taken(const Labels& labels);
  // How many rows this run has taken.
  [[nodiscard]] std::size_t size() const { return next_order_.size(); }
  // Forgets the rows that this run did not take.
  void end();

  // Where the sample of the row's key of that name is when this run has one already; else nullopt, and it is at
  // `place`.
  std::optional<std::size_t> use(Row& row, std::size_t name, std::size_t place);

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
