#include "agent/model/series.hpp"

#include <algorithm>
#include <bit>

namespace pgtend {

Labels::Labels(std::initializer_list<Label> labels) : Labels(std::vector<Label>(labels)) {}

Labels::Labels(std::vector<Label> labels) {
  std::erase_if(labels, [](const Label& label) { return label.second.empty(); });
  std::stable_sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.first < b.first; });
  // The last one given wins, as an assignment would.
  for (std::size_t i = 1; i < labels.size();) {
    if (labels[i].first == labels[i - 1].first) {
      labels.erase(labels.begin() + static_cast<std::ptrdiff_t>(i) - 1);
    } else {
      ++i;
    }
  }
  if (!labels.empty()) items_ = std::make_shared<std::vector<Label>>(std::move(labels));
}

namespace {

auto lower_bound_of(auto begin, auto end, std::string_view name) {
  return std::lower_bound(begin, end, name, [](const Label& label, std::string_view key) { return label.first < key; });
}

}  // namespace

std::vector<Label>& Labels::own() {
  if (!items_) {
    items_ = std::make_shared<std::vector<Label>>();
  } else if (items_.use_count() > 1) {
    items_ = std::make_shared<std::vector<Label>>(*items_);
  }
  return *items_;
}

std::string_view Labels::get(std::string_view name) const {
  const auto it = lower_bound_of(begin(), end(), name);
  return it != end() && it->first == name ? std::string_view(it->second) : std::string_view();
}

void Labels::set(std::string_view name, std::string value) {
  if (value.empty()) {
    erase(name);
    return;
  }
  auto& items = own();
  const auto it = lower_bound_of(items.begin(), items.end(), name);
  if (it != items.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    items.insert(it, {std::string(name), std::move(value)});
  }
}

void Labels::erase(std::string_view name) {
  if (!has(name)) return;
  auto& items = own();
  items.erase(lower_bound_of(items.begin(), items.end(), name));
}

bool Labels::operator==(const Labels& other) const {
  return items_ == other.items_ || std::equal(begin(), end(), other.begin(), other.end());
}

std::strong_ordering Labels::operator<=>(const Labels& other) const {
  if (items_ == other.items_) return std::strong_ordering::equal;
  return std::lexicographical_compare_three_way(begin(), end(), other.begin(), other.end());
}

namespace {

// Source: FNV-1a 64-bit offset basis and prime (Fowler, Noll, Vo).
constexpr std::uint64_t kFnvBasis = 14695981039346656037ULL;
constexpr std::uint64_t kFnvPrime = 1099511628211ULL;

std::uint64_t fnv(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return (hash ^ 0xFF) * kFnvPrime;
}

}  // namespace

std::uint64_t fingerprint(const Labels& labels) {
  std::uint64_t hash = kFnvBasis;
  for (const auto& [name, value] : labels) hash = fnv(fnv(hash, name), value);
  return hash;
}

std::size_t SeriesKeyHash::operator()(const SeriesKey& key) const {
  std::uint64_t hash = fnv(kFnvBasis, key.name);
  for (const auto& [name, value] : key.labels) hash = fnv(fnv(hash, name), value);
  return static_cast<std::size_t>(hash);
}

std::string to_string(const Labels& labels) {
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    if (out.size() > 1) out += ',';
    out += name + "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    out += '"';
  }
  return out + "}";
}

std::string to_string(const SeriesKey& key) {
  return key.labels.empty() ? key.name : key.name + to_string(key.labels);
}

double stale_marker() {
  return std::bit_cast<double>(kStaleNanBits);
}

}  // namespace pgtend
