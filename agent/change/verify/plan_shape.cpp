#include "agent/change/verify/plan_shape.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/base/units.hpp"

namespace pgtend::change {
namespace {

using Json = nlohmann::json;

constexpr std::array<const char*, 5> kNames{"Node Type", "Relation Name", "Index Name", "Join Type", "Strategy"};
constexpr std::array<const char*, 2> kNumbers{"Total Cost", "Plan Rows"};
constexpr auto kParts = "Plans";
constexpr int kDeepest = 100;

Json shape_of(const Json& node, int depth) {
  auto out = Json::object();
  for (const auto* name : kNames)
    if (const auto it = node.find(name); it != node.end() && it->is_string()) out[name] = *it;
  for (const auto* name : kNumbers)
    if (const auto it = node.find(name); it != node.end() && it->is_number()) out[name] = *it;
  const auto parts = node.find(kParts);
  if (parts == node.end() || !parts->is_array() || depth >= kDeepest) return out;
  for (const auto& part : *parts)
    if (part.is_object()) out[kParts].push_back(shape_of(part, depth + 1));
  return out;
}

std::string text_of(const Json& node, const char* name) {
  const auto it = node.find(name);
  return it != node.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// What reads a table or an index, left to right.
void add_scans(const Json& node, std::vector<std::string>& out) {
  const auto table = text_of(node, "Relation Name"), index = text_of(node, "Index Name");
  if (!table.empty() || !index.empty())
    out.push_back(text_of(node, "Node Type") + (index.empty() ? "" : " using " + index) +
                  (table.empty() ? "" : " on " + table));
  if (const auto parts = node.find(kParts); parts != node.end())
    for (const auto& part : *parts) add_scans(part, out);
}

std::string summary_of(const Json& plan) {
  std::vector<std::string> scans;
  add_scans(plan, scans);
  if (scans.empty()) scans.push_back(text_of(plan, "Node Type"));
  std::string out;
  for (const auto& scan : scans) out += (out.empty() ? "" : ", ") + scan;
  const auto cost = plan.find("Total Cost");
  return out + (cost != plan.end() ? ", cost " + format_number(cost->get<double>()) : "");
}

// Nothing but what shape_of leaves.
bool is_shape(const Json& node, int depth) {
  if (!node.is_object() || depth > kDeepest || text_of(node, "Node Type").empty()) return false;
  for (const auto& [key, value] : node.items()) {
    const auto is = [&, &name = key](const auto& names) {
      return std::any_of(names.begin(), names.end(), [&](const char* each) { return name == each; });
    };
    if (key == kParts) {
      if (!value.is_array()) return false;
      for (const auto& part : value)
        if (!is_shape(part, depth + 1)) return false;
    } else if (is(kNumbers)) {
      if (!value.is_number() || !std::isfinite(value.get<double>())) return false;
    } else if (!is(kNames) || !value.is_string()) {
      return false;
    }
  }
  return true;
}

void add_relations(const Json& node, std::set<std::string>& out) {
  if (auto table = text_of(node, "Relation Name"); !table.empty()) out.insert(std::move(table));
  if (const auto parts = node.find(kParts); parts != node.end())
    for (const auto& part : *parts) add_relations(part, out);
}

Json without_numbers(Json node) {
  if (!node.is_object()) return node;
  for (const auto* name : kNumbers) node.erase(name);
  if (const auto parts = node.find(kParts); parts != node.end())
    for (auto& part : *parts) part = without_numbers(std::move(part));
  return node;
}

// Estimates move with the statistics; another way to the rows is what counts.
std::string way_of(const std::string& summary) {
  return summary.substr(0, summary.rfind(", cost "));
}

std::string summary_in(const Json& plans, const std::string& id) {
  const auto it = plans.find(id);
  return it != plans.end() && it->is_object() ? text_of(*it, "summary") : std::string();
}

}  // namespace

std::string no_plan(const std::string& why) {
  return Json{{"error", why}}.dump();
}

std::string plan_shape(const std::string& explained) {
  const auto json = Json::parse(explained, nullptr, false);
  if (!json.is_array() || json.empty() || !json[0].is_object() || !json[0].contains("Plan") ||
      !json[0]["Plan"].is_object())
    return no_plan("EXPLAIN's answer cannot be read");
  auto plan = shape_of(json[0]["Plan"], 0);
  auto summary = summary_of(plan);
  auto out = Json{{"plan", std::move(plan)}, {"summary", std::move(summary)}}.dump();
  return out.size() > kMostPlan ? no_plan("the plan is larger than what is kept of one") : out;
}

std::string flaw_of_plans(const std::string& plans) {
  const auto json = Json::parse(plans, nullptr, false);
  if (!json.is_object()) return "they are no JSON object";
  for (const auto& [id, entry] : json.items()) {
    if (!entry.is_object()) return "that of statement " + id + " is of another form";
    if (entry.contains("error")) continue;
    if (!entry.contains("plan") || !is_shape(entry["plan"], 0)) return "that of statement " + id + " is no plan";
    if (text_of(entry, "summary") != summary_of(entry["plan"]))
      return "that of statement " + id + " is not what is said of it";
  }
  return {};
}

std::vector<std::string> changed_plans(const std::string& before, const std::string& after) {
  const auto was = Json::parse(before, nullptr, false), is = Json::parse(after, nullptr, false);
  std::vector<std::string> out;
  if (!was.is_object() || !is.is_object()) return out;
  for (const auto& [id, entry] : was.items()) {
    const auto from = summary_in(was, id), to = summary_in(is, id);
    if (!from.empty() && !to.empty() && way_of(from) != way_of(to))
      out.push_back("statement " + id + ": " + from + " -> " + to);
  }
  return out;
}

std::optional<std::set<std::string>> relations_of(const std::string& shape) {
  const auto json = Json::parse(shape, nullptr, false);
  if (!json.is_object() || !json.contains("plan") || !json["plan"].is_object()) return std::nullopt;
  std::set<std::string> out;
  add_relations(json["plan"], out);
  return out;
}

bool differ(const std::string& shape, const std::string& other) {
  const auto one = Json::parse(shape, nullptr, false), two = Json::parse(other, nullptr, false);
  if (!one.is_object() || !two.is_object() || !one.contains("plan") || !two.contains("plan")) return false;
  return without_numbers(one["plan"]) != without_numbers(two["plan"]);
}

int parameters_of(const std::string& text) {
  int out = 0;
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
    int number = 0;
    // A statement has at most 65,535 parameters; more digits are something else.
    for (std::size_t i = at + 1;
         i < text.size() && i <= at + 5 && std::isdigit(static_cast<unsigned char>(text[i])) != 0; ++i)
      number = number * 10 + (text[i] - '0');
    out = std::max(out, number);
  }
  return out;
}

}  // namespace pgtend::change
