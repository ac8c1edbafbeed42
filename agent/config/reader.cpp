#include "agent/config/reader.hpp"

#include <charconv>
#include <cmath>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"

namespace pgtend::config {

namespace {

constexpr std::string_view kDurationForm = "a duration like 500ms, 30s, 5m, 1h30m or 7d";
constexpr std::string_view kBytesForm = "a size like 8192, 64kB, 512MB or 10GB";

std::string_view kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::scalar:
      return "a single value";
    case NodeKind::list:
      return "a list";
    case NodeKind::map:
      return "a map";
  }
  return "nothing";
}

// Values reach error messages only when they are short and printable: a secret pasted under the wrong key stays out.
std::string shown(const std::string& value) {
  constexpr std::size_t kMaxShown = 24;
  if (value.size() > kMaxShown) return "this value";
  for (const char c : value)
    if (static_cast<unsigned char>(c) < 0x20) return "this value";
  return "'" + value + "'";
}

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc() && end == text.data() + text.size();
}

std::string bare_number_hint(const std::string& text, std::string_view example) {
  std::int64_t number = 0;
  if (!parse_number(std::string_view(text), number)) return "";
  return "add a unit, for example " + text + std::string(example);
}

}  // namespace

void Reader::complain(Position at, std::string message, std::string hint) {
  errors_.push_back({file_, at.line, at.column, std::move(message), std::move(hint)});
}

void Reader::error(Position at, std::string message, std::string hint) {
  if (!path_.empty()) origins_[path_].broken = true;
  complain(at, std::move(message), std::move(hint));
}

Position Reader::where(const Entry& entry) {
  if (entry.value && entry.value->kind != NodeKind::null && entry.value->at.line > 0) return entry.value->at;
  return entry.at;
}

bool Reader::wrong_type(const Entry& entry, std::string_view expected) {
  error(where(entry),
        "'" + entry.key + "' must be " + std::string(expected) + ", not " + std::string(kind_name(entry.value->kind)));
  return false;
}

const Node* Reader::scalar(const Entry& entry, std::string_view expected) {
  if (entry.value->kind == NodeKind::scalar) return entry.value.get();
  wrong_type(entry, expected);
  return nullptr;
}

bool Reader::text(const Entry& entry, std::string& out) {
  const Node* node = scalar(entry, "text");
  if (node == nullptr) return false;
  if (node->scalar.find('\0') != std::string::npos) {
    error(where(entry), "'" + entry.key + "' holds a NUL character");
    return false;
  }
  out = node->scalar;
  return true;
}

bool Reader::boolean(const Entry& entry, bool& out) {
  const Node* node = scalar(entry, "true or false");
  if (node == nullptr) return false;
  if (!node->quoted && (node->scalar == "true" || node->scalar == "false")) {
    out = node->scalar == "true";
    return true;
  }
  const std::string lower = to_lower(node->scalar);
  const bool means_true = lower == "yes" || lower == "on" || lower == "true" || lower == "1";
  const bool means_false = lower == "no" || lower == "off" || lower == "false" || lower == "0";
  error(where(entry), "'" + entry.key + "' must be true or false, not " + shown(node->scalar),
        means_true    ? "write true"
        : means_false ? "write false"
                      : "");
  return false;
}

bool Reader::integer(const Entry& entry, std::int64_t& out, std::int64_t low, std::int64_t high) {
  const Node* node = scalar(entry, "a whole number");
  if (node == nullptr) return false;
  std::int64_t value = 0;
  if (node->quoted || !parse_number(std::string_view(node->scalar), value)) {
    error(where(entry), "'" + entry.key + "' must be a whole number, not " + shown(node->scalar));
    return false;
  }
  if (value < low || value > high) {
    error(where(entry), "'" + entry.key + "' must be from " + std::to_string(low) + " to " + std::to_string(high) +
                            ", not " + std::to_string(value));
    return false;
  }
  out = value;
  return true;
}

bool Reader::number(const Entry& entry, double& out, double low, double high) {
  const Node* node = scalar(entry, "a number");
  if (node == nullptr) return false;
  double value = 0;
  if (node->quoted || !parse_number(std::string_view(node->scalar), value) || std::isnan(value)) {
    error(where(entry), "'" + entry.key + "' must be a number, not " + shown(node->scalar));
    return false;
  }
  if (value < low || value > high) {
    error(where(entry), "'" + entry.key + "' must be from " + format_double(low) + " to " + format_double(high) +
                            ", not " + format_double(value));
    return false;
  }
  out = value;
  return true;
}

bool Reader::duration(const Entry& entry, Millis& out, Millis low, Millis high) {
  const Node* node = scalar(entry, kDurationForm);
  if (node == nullptr) return false;
  const auto value = parse_duration(node->scalar);
  if (!value) {
    error(where(entry), "'" + entry.key + "' must be " + std::string(kDurationForm) + ", not " + shown(node->scalar),
          bare_number_hint(node->scalar, "s"));
    return false;
  }
  if (*value < low || *value > high) {
    error(where(entry), "'" + entry.key + "' must be from " + format_duration(low) + " to " + format_duration(high) +
                            ", not " + format_duration(*value));
    return false;
  }
  out = *value;
  return true;
}

bool Reader::bytes(const Entry& entry, std::int64_t& out, std::int64_t low, std::int64_t high) {
  const Node* node = scalar(entry, kBytesForm);
  if (node == nullptr) return false;
  const auto value = parse_bytes(node->scalar);
  if (!value) {
    error(where(entry), "'" + entry.key + "' must be " + std::string(kBytesForm) + ", not " + shown(node->scalar),
          "units are B, kB, MB, GB, TB");
    return false;
  }
  if (*value < low || *value > high) {
    error(where(entry), "'" + entry.key + "' must be from " + format_bytes(static_cast<double>(low)) + " to " +
                            format_bytes(static_cast<double>(high)) + ", not " +
                            format_bytes(static_cast<double>(*value)));
    return false;
  }
  out = *value;
  return true;
}

bool Reader::choice(const Entry& entry, std::string& out, std::span<const std::string> names) {
  std::vector<std::string> shown_names(names.begin(), names.end());
  const bool may_be_empty = std::erase(shown_names, "") > 0;
  const std::string expected = "one of " + join(shown_names, ", ") + (may_be_empty ? " or empty" : "");
  const Node* node = scalar(entry, expected);
  if (node == nullptr) return false;
  for (const auto& name : names) {
    if (name != node->scalar) continue;
    out = name;
    return true;
  }
  const auto near = nearest(node->scalar, shown_names);
  error(where(entry), "'" + entry.key + "' must be " + expected + ", not " + shown(node->scalar),
        near ? "did you mean '" + *near + "'?" : "");
  return false;
}

bool Reader::text_list(const Entry& entry, std::vector<std::string>& out, std::size_t first) {
  if (!is_list(entry)) return false;
  std::vector<std::string> values;
  bool all = true;
  for (const auto& item : entry.value->items) {
    std::string value;
    enter("[" + std::to_string(first++) + "]", item->at);
    if (text(Entry{entry.key, item->at, item}, value)) {
      values.push_back(std::move(value));
    } else {
      all = false;
    }
    leave();
  }
  if (all) out = std::move(values);
  return all;
}

bool Reader::text_map(const Entry& entry, std::map<std::string, std::string>& out) {
  if (!is_map(entry)) return false;
  bool all = true;
  for (const auto& item : entry.value->entries) {
    std::string value;
    if (item.value->kind == NodeKind::null || text(item, value)) {
      out[item.key] = std::move(value);
    } else {
      all = false;
    }
  }
  return all;
}

bool Reader::duration_map(const Entry& entry, std::map<std::string, Millis>& out, Millis low, Millis high) {
  if (!is_map(entry)) return false;
  bool all = true;
  for (const auto& item : entry.value->entries) {
    Millis value{0};
    enter(item.key, item.at);
    if (duration(item, value, low, high)) {
      out[item.key] = value;
    } else {
      all = false;
    }
    leave();
  }
  return all;
}

bool Reader::label_name(Position at, const std::string& name) {
  bool good = !name.empty() && !(name[0] >= '0' && name[0] <= '9');
  for (const char c : name)
    good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_');
  if (!good) error(at, "'" + name + "' is not a label name", "letters, digits and _ only, no digit first");
  return good;
}

bool Reader::labels(const Entry& entry, Labels& out) {
  std::map<std::string, std::string> values;
  if (!label_map(entry, values)) return false;
  for (auto& [name, value] : values) out.set(name, std::move(value));
  return true;
}

bool Reader::label_map(const Entry& entry, std::map<std::string, std::string>& out) {
  if (!text_map(entry, out)) return false;
  bool all = true;
  for (const auto& item : entry.value->entries) {
    if (item.key == "__name__") {
      error(item.at, "'__name__' is not a label name", "the name of a metric is not given here");
      all = false;
    } else if (!label_name(item.at, item.key)) {
      all = false;
    }
  }
  return all;
}

bool Reader::is_map(const Entry& entry) {
  if (entry.value->kind == NodeKind::map || entry.value->kind == NodeKind::null) return true;
  return wrong_type(entry, "a map");
}

bool Reader::is_list(const Entry& entry) {
  if (entry.value->kind == NodeKind::list || entry.value->kind == NodeKind::null) return true;
  return wrong_type(entry, "a list");
}

std::optional<std::string> Reader::unknown_key(const Entry& entry, std::span<const std::string> known) {
  // Edit distance over a hostile file's keys would be the only slow part of reading it.
  constexpr std::size_t kMaxKey = 64, kMaxHints = 500;
  const bool worth_a_hint = entry.key.size() <= kMaxKey && errors_.size() < kMaxHints;
  const auto near = worth_a_hint ? nearest(entry.key, known) : std::nullopt;
  const std::string name =
      entry.key.size() <= kMaxKey ? "'" + entry.key + "'" : "of " + std::to_string(entry.key.size()) + " characters";
  complain(entry.at, "unknown key " + name,
           near           ? "did you mean '" + *near + "'?"
           : worth_a_hint ? "known here: " + join(known, ", ")
                          : "");
  return near;
}

void Reader::missing_key(Position at, const std::string& key, const std::string& meaning) {
  complain(at, "'" + key + "' is missing", meaning);
}

void Reader::enter(const std::string& step, Position at) {
  path_lengths_.push_back(path_.size());
  if (!path_.empty() && !step.starts_with('[')) path_ += '.';
  path_ += step;
  origins_[path_] = Origin{file_, at};
}

void Reader::leave() {
  path_.resize(path_lengths_.back());
  path_lengths_.pop_back();
}

}  // namespace pgtend::config
