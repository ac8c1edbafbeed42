#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.hpp"

namespace pgtend {

using Label = std::pair<std::string, std::string>;

// Labels sorted by name, each name once, no empty value (an empty value is an absent label, as in Prometheus). Copies
// share their texts until one of them is changed. One object serves one thread at a time; copies may go to others.
class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<Label> labels);
  explicit Labels(std::vector<Label> labels);

  // Empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return !get(name).empty(); }
  // An empty value erases.
  void set(std::string_view name, std::string value);
  void erase(std::string_view name);

  [[nodiscard]] const Label* begin() const { return items_ ? items_->data() : nullptr; }
  [[nodiscard]] const Label* end() const { return items_ ? items_->data() + items_->size() : nullptr; }
  [[nodiscard]] std::size_t size() const { return items_ ? items_->size() : 0; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  bool operator==(const Labels& other) const;
  std::strong_ordering operator<=>(const Labels& other) const;

 private:
  std::vector<Label>& own();

  // Never changed while somebody else has it, too; nullptr: no labels.
  std::shared_ptr<std::vector<Label>> items_;
};

// FNV-1a 64 over sorted name, 0xFF, value, 0xFF: the fingerprint Prometheus and Alertmanager use.
[[nodiscard]] std::uint64_t fingerprint(const Labels& labels);

struct SeriesKey {
  std::string name;
  Labels labels;
  auto operator<=>(const SeriesKey&) const = default;
};

// A key that samples of many runs share. Two that are the same object are equal without a look at their texts.
class SharedKey {
 public:
  SharedKey() = default;
  SharedKey(SeriesKey key) : key_(std::make_shared<const SeriesKey>(std::move(key))) {}
  SharedKey(std::string name, Labels labels) : SharedKey(SeriesKey{std::move(name), std::move(labels)}) {}

  // False only of one that was made from nothing; it may not be read.
  [[nodiscard]] explicit operator bool() const { return key_ != nullptr; }
  [[nodiscard]] const SeriesKey& operator*() const { return *key_; }
  [[nodiscard]] const SeriesKey* operator->() const { return key_.get(); }
  operator const SeriesKey&() const { return *key_; }
  [[nodiscard]] bool is_same(const SharedKey& other) const { return key_ == other.key_; }
  bool operator==(const SharedKey& other) const { return key_ == other.key_ || *key_ == *other.key_; }

 private:
  std::shared_ptr<const SeriesKey> key_;
};

// name{a="b",c="d"}
[[nodiscard]] std::string to_string(const SeriesKey& key);
// {a="b",c="d"}; values escaped as in the exposition format.
[[nodiscard]] std::string to_string(const Labels& labels);

struct SeriesKeyHash {
  [[nodiscard]] std::size_t operator()(const SeriesKey& key) const;
};

struct Sample {
  UtcTime time;
  double value = 0;
};

// Prometheus's stale marker: a NaN with this payload says "the series ended here".
inline constexpr std::uint64_t kStaleNanBits = 0x7ff0000000000002ULL;
[[nodiscard]] double stale_marker();
[[nodiscard]] inline bool is_stale(double value) {
  return std::bit_cast<std::uint64_t>(value) == kStaleNanBits;
}

enum class MetricKind { gauge, counter };

// What a metric means; made by collectors, read by the store, /metrics and the documentation.
struct MetricDef {
  std::string name;
  MetricKind kind = MetricKind::gauge;
  std::string unit;  // base unit: seconds, bytes, ratio, or empty for a count
  std::string help;
  std::string source;         // view or file it is read from
  std::string exporter_name;  // the postgres_exporter name, empty when none exists
};

}  // namespace pgtend

template <>
struct std::hash<pgtend::SeriesKey> {
  std::size_t operator()(const pgtend::SeriesKey& key) const { return pgtend::SeriesKeyHash{}(key); }
};
