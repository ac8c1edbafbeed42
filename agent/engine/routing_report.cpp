#include "agent/engine/routing_report.hpp"

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/engine/receivers.hpp"
#include "agent/model/matcher_text.hpp"
#include "alerts/shipped.hpp"

namespace pgtend::engine {

namespace {

void describe(const alerts::RouteNode& node, const std::string& indent, std::string& out) {
  out += indent + to_string(node.matchers) + " -> " + (node.receiver.empty() ? "nobody" : node.receiver);
  out += "  by " + (node.by_all ? std::string("all labels") : "[" + join(node.group_by, ", ") + "]");
  out += ", wait " + format_duration(node.group_wait) + ", interval " + format_duration(node.group_interval) +
         ", repeat " + format_duration(node.repeat_interval);
  if (node.continues) out += ", continue";
  if (!node.mute_time_intervals.empty()) out += ", muted in " + join(node.mute_time_intervals, ", ");
  if (!node.active_time_intervals.empty()) out += ", active in " + join(node.active_time_intervals, ", ");
  for (const auto& step : node.escalate) out += ", after " + format_duration(step.after) + " " + step.receiver;
  out += "\n";
  for (const auto& child : node.children) describe(child, indent + "  ", out);
}

// "alerts/runbooks/PgDown.md" -> "PgDown".
std::string_view stem(std::string_view file) {
  const auto slash = file.find_last_of('/');
  auto name = slash == std::string_view::npos ? file : file.substr(slash + 1);
  return name.ends_with(".md") ? name.substr(0, name.size() - 3) : name;
}

}  // namespace

std::vector<std::string> receivers_for(const config::AlertingConfig& alerting, const Labels& labels) {
  const alerts::RouteTree tree(config::effective_route(alerting));
  std::vector<std::string> out;
  for (const auto* route : tree.match(labels))
    if (!route->receiver.empty()) out.push_back(route->receiver);
  return out;
}

alerts::RouteNode effective_routes(const config::AlertingConfig& alerting) {
  return alerts::RouteTree(config::effective_route(alerting)).root();
}

std::string describe_routes(const config::AlertingConfig& alerting) {
  std::string out;
  describe(effective_routes(alerting), "", out);
  return out;
}

std::string runbook(const std::string& rule) {
  for (const auto& file : embedded::runbook_files())
    if (stem(file.name) == rule) return std::string(file.text);
  return {};
}

std::vector<std::string> runbook_names() {
  std::vector<std::string> out;
  for (const auto& file : embedded::runbook_files()) out.emplace_back(stem(file.name));
  return out;
}

}  // namespace pgtend::engine
