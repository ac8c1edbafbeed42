#include "agent/config/rule_file.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>

#include "agent/config/decode.hpp"

namespace pgtend::config {

namespace {

constexpr Millis kLongest{365LL * 24 * 3600 * 1000};

struct RuleText {
  std::string alert, record, expr;
  Millis hold{0}, keep_firing_for{0};
  std::map<std::string, std::string> labels, annotations;
  RulePlace place;
};

struct GroupText {
  std::string name;
  Millis interval{0}, query_offset{0};
  int limit = 0;
  std::vector<RuleText> rules;
};

struct FileText {
  std::vector<GroupText> groups;
};

Field<RuleText> labels_field() {
  return {{"labels", "map of text", "labels added to the result; an empty one is taken away", "", {}, {}},
          [](Reader& r, const Entry& e, RuleText& out) { r.label_map(e, out.labels); },
          nullptr};
}

Field<RuleText> annotations_field() {
  return {{"annotations", "map of text", "templates rendered for each alert", "", {}, {}},
          [](Reader& r, const Entry& e, RuleText& out) { r.label_map(e, out.annotations); },
          nullptr};
}

// A whole number as YAML spells it, which is more than our own keys take: 0x10, 0b11, 0o17, 017, 1_000.
std::optional<std::int64_t> yaml_integer(std::string text) {
  std::erase(text, '_');
  const bool negative = text.starts_with('-');
  std::string_view digits = text;
  if (negative || text.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  for (const auto& [prefix, its] : {std::pair{"0x", 16}, std::pair{"0b", 2}, std::pair{"0o", 8}, std::pair{"0", 8}})
    if (base == 10 && digits.size() > 1 && digits.starts_with(prefix)) {
      digits.remove_prefix(std::string_view(prefix).size());
      base = its;
    }
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  if (digits.starts_with('-') || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return negative ? -out : out;
}

// Negative ones limit nothing, as in Prometheus.
Field<GroupText> limit_field() {
  return {{"limit", "whole number", "most results of one rule; 0: any number", "", {}, {}},
          [](Reader& r, const Entry& e, GroupText& out) {
            constexpr std::int64_t most = std::numeric_limits<int>::max();
            const bool plain = e.value->kind == NodeKind::scalar && !e.value->quoted;
            auto value = plain ? yaml_integer(e.value->scalar) : std::nullopt;
            std::int64_t read = 0;
            if (!value && r.integer(e, read, -most, most)) value = read;
            if (value) out.limit = static_cast<int>(std::clamp<std::int64_t>(*value, 0, most));
          },
          nullptr};
}

void check_rule(Reader& reader, const Node& node, RuleText& rule) {
  rule.place.name = node.at;
  for (const auto& entry : node.entries) {
    if (entry.key == "alert" || entry.key == "record") rule.place.name = entry.at;
    if (entry.key == "expr") rule.place.expr = Reader::where(entry);
    if (entry.key == "labels" || entry.key == "annotations")
      for (const auto& item : entry.value->entries) rule.place.texts[entry.key + "." + item.key] = Reader::where(item);
    const bool only_alert = entry.key == "for" || entry.key == "keep_firing_for" || entry.key == "annotations";
    if (!rule.record.empty() && only_alert)
      reader.error(entry.at, "'" + entry.key + "' belongs to an alert, not to a recording rule");
  }
  if (rule.alert.empty() && rule.record.empty()) reader.error(node.at, "a rule needs 'alert' or 'record'");
  if (!rule.alert.empty() && !rule.record.empty()) reader.error(node.at, "a rule has 'alert' or 'record', not both");
  if (!rule.record.empty() && !is_metric_name(rule.record))
    reader.error(node.at, "'" + rule.record + "' is not a metric name");
}

Table<RuleText> rule_table() {
  using R = RuleText;
  return {
      text("alert", &R::alert, "name of the alert"),
      text("record", &R::record, "name of the recorded metric"),
      text("expr", &R::expr, "PromQL expression").required(),
      duration("for", &R::hold, Millis(0), kLongest, "how long it must hold before it fires"),
      duration("keep_firing_for", &R::keep_firing_for, Millis(0), kLongest,
               "how long it fires after it stopped holding"),
      labels_field(),
      annotations_field(),
  };
}

Table<FileText> file_table() {
  using G = GroupText;
  Table<GroupText> group{
      text("name", &G::name, "name of the group, once in a file").required(),
      duration("interval", &G::interval, Millis(0), kLongest, "evaluation interval; 0s: the global one"),
      limit_field(),
      duration("query_offset", &G::query_offset, Millis(0), kLongest, "evaluate this far in the past"),
      list_of("rules", &G::rules, rule_table(), "rules, evaluated in order", {check_rule}),
  };
  return {list_of("groups", &FileText::groups, std::move(group), "groups of rules")};
}

RuleGroup finished(GroupText& from, const std::string& file) {
  RuleGroup group;
  group.name = std::move(from.name);
  group.file = file;
  group.interval = from.interval;
  group.limit = from.limit;
  group.query_offset = from.query_offset;
  for (auto& text : from.rules) {
    Rule rule;
    rule.kind = text.record.empty() ? RuleKind::alert : RuleKind::record;
    rule.name = text.record.empty() ? std::move(text.alert) : std::move(text.record);
    rule.expr = std::move(text.expr);
    rule.hold = text.hold;
    rule.keep_firing_for = text.keep_firing_for;
    rule.labels = std::move(text.labels);
    rule.annotations = std::move(text.annotations);
    rule.file = file;
    rule.line = text.place.name.line;
    group.rules.push_back(std::move(rule));
  }
  return group;
}

}  // namespace

RuleFile decode_rules(std::string_view text, const std::string& file_name) {
  RuleFile out;
  FileText file;
  Origins origins;
  decode_text(text, file_name, file_table(), file, out.errors, origins);
  Reader reader(file_name, out.errors, origins);
  std::set<std::string> names;
  for (std::size_t i = 0; i < file.groups.size(); ++i) {
    const auto& name = file.groups[i].name;
    const auto written = origins.find("groups[" + std::to_string(i) + "].name");
    if (name.empty() && written != origins.end()) reader.error(written->second.at, "a group's name must not be empty");
    if (!name.empty() && !names.insert(name).second)
      reader.error(origins["groups[" + std::to_string(i) + "].name"].at, "a second group is named '" + name + "'");
    out.groups.push_back(finished(file.groups[i], file_name));
    const auto offset = origins.find("groups[" + std::to_string(i) + "].query_offset");
    out.query_offsets.push_back(offset == origins.end() ? Position{} : offset->second.at);
    auto& places = out.places.emplace_back();
    for (auto& rule : file.groups[i].rules) places.push_back(std::move(rule.place));
  }
  order_errors(out.errors);
  return out;
}

}  // namespace pgtend::config
