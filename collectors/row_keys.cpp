#include "collectors/row_keys.hpp"

#include <utility>

namespace pgtend::collectors {

void RowKeys::begin(const std::vector<std::string>& names) {
  if (names != names_) {
    names_ = names;
    rows_.clear();
    order_.clear();
  }
  next_order_.clear();
  place_ = 0;
  ++run_;
}

RowKeys::Row& RowKeys::note(Row& row) {
  if (row.run == run_) return row;
  row.run = run_;
  row.turn = next_order_.size();
  next_order_.push_back(&row);
  return row;
}

RowKeys::Row& RowKeys::take_guess() {
  return note(*order_[place_++]);
}

RowKeys::Row& RowKeys::take(Labels labels) {
  auto [it, fresh] = rows_.try_emplace(std::move(labels));
  if (fresh) {
    it->second = std::make_unique<Row>();
    it->second->labels = it->first;
    it->second->keys.resize(names_.size());
    it->second->seen.resize(names_.size());
    it->second->places.resize(names_.size());
  }
  // Behind rows that are gone the order goes on.
  auto& row = *it->second;
  if (row.turn < order_.size() && order_[row.turn] == &row) place_ = row.turn + 1;
  return note(row);
}

RowKeys::Row* RowKeys::taken(const Labels& labels) {
  const auto found = rows_.find(labels);
  return found != rows_.end() && found->second->run == run_ ? found->second.get() : nullptr;
}

void RowKeys::end() {
  std::erase_if(rows_, [this](const auto& entry) { return entry.second->run != run_; });
  order_.swap(next_order_);
}

std::optional<std::size_t> RowKeys::use(Row& row, std::size_t name, std::size_t place) {
  if (std::exchange(row.seen[name], run_) == run_) return row.places[name];
  row.places[name] = place;
  return std::nullopt;
}

}  // namespace pgtend::collectors
