#include "agent/store/names.hpp"

#include <algorithm>

#include "agent/store/history_schema.hpp"

namespace pgtend::store {

std::string_view SeriesName::get(std::string_view label) const {
  for (const auto& pair : pairs)
    if (pair->name == label) return pair->value;
  return {};
}

SeriesKey SeriesName::key() const {
  SeriesKey key;
  key.name = metric();
  std::vector<Label> labels;
  labels.reserve(pairs.size() - 1);
  for (std::size_t i = 1; i < pairs.size(); ++i) labels.emplace_back(pairs[i]->name, pairs[i]->value);
  key.labels = Labels(std::move(labels));
  return key;
}

bool SeriesName::is(const SeriesKey& key) const {
  if (pairs.size() != key.labels.size() + 1 || metric() != key.name) return false;
  auto pair = pairs.begin();
  for (const auto& [name, value] : key.labels) {
    ++pair;
    if ((*pair)->value != value || (*pair)->name != name) return false;
  }
  return true;
}

PairPtr Names::pair(std::string_view name, std::string_view value, std::vector<PairPtr>& fresh) {
  if (const auto it = known_.find(std::pair(name, value)); it != known_.end()) return it->first;
  auto made = std::make_shared<const LabelPair>(LabelPair{next_id_++, std::string(name), std::string(value)});
  known_.emplace(made, true);
  by_id_.emplace(made->id, made);
  fresh.push_back(made);
  return made;
}

NamePtr Names::make(const SeriesKey& key, std::vector<PairPtr>& fresh) {
  auto name = std::make_shared<SeriesName>();
  name->pairs.reserve(key.labels.size() + 1);
  name->pairs.push_back(pair(kNameLabel, key.name, fresh));
  for (const auto& [label, value] : key.labels) name->pairs.push_back(pair(label, value, fresh));
  return name;
}

void Names::reserve(std::int64_t id) {
  if (id >= 1 && id < kMaxId) next_id_ = std::max(next_id_, id + 1);
}

void Names::load(std::int64_t id, std::string name, std::string value) {
  if (id < 1 || id >= kMaxId) return;
  auto made = std::make_shared<const LabelPair>(LabelPair{id, std::move(name), std::move(value)});
  reserve(id);
  known_.emplace(made, true);
  by_id_.insert_or_assign(id, std::move(made));
}

NamePtr Names::of_ids(const std::vector<std::int64_t>& ids) const {
  auto name = std::make_shared<SeriesName>();
  for (const auto id : ids) {
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return nullptr;
    name->pairs.push_back(it->second);
  }
  if (name->pairs.empty() || name->pairs.front()->name != kNameLabel) return nullptr;
  const auto by_name = [](const PairPtr& a, const PairPtr& b) { return a->name < b->name; };
  if (!std::is_sorted(name->pairs.begin() + 1, name->pairs.end(), by_name)) return nullptr;
  return name;
}

std::vector<std::int64_t> Names::sweep() {
  std::vector<std::int64_t> gone;
  for (auto it = by_id_.begin(); it != by_id_.end();) {
    // One reference here, one in known_.
    if (it->second.use_count() > 2) {
      ++it;
      continue;
    }
    gone.push_back(it->first);
    known_.erase(it->second);
    it = by_id_.erase(it);
  }
  return gone;
}

std::vector<PairPtr> Names::all() const {
  std::vector<PairPtr> out;
  out.reserve(by_id_.size());
  for (const auto& [id, pair] : by_id_) out.push_back(pair);
  return out;
}

namespace {

// Length of the UTF-8 sequence that begins the text, 0 when it is none. Source: Unicode 15, table 3-7.
std::size_t sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF)
    return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_utf8(const SeriesKey& key) {
  return is_utf8(key.name) && std::all_of(key.labels.begin(), key.labels.end(),
                                          [](const Label& l) { return is_utf8(l.first) && is_utf8(l.second); });
}

std::string as_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = sequence(text);
    out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

SeriesKey as_utf8(const SeriesKey& key) {
  SeriesKey out{as_utf8(key.name), {}};
  std::vector<Label> labels;
  for (const auto& [name, value] : key.labels) labels.emplace_back(as_utf8(name), as_utf8(value));
  out.labels = Labels(std::move(labels));
  return out;
}

}  // namespace pgtend::store
