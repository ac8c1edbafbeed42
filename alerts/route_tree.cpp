#include "alerts/route_tree.hpp"

#include <algorithm>
#include <map>

#include "agent/model/matcher_text.hpp"

namespace pgtend::alerts {

namespace {

RouteNode resolve(const Route& route, const RouteNode& parent, std::string key) {
  RouteNode node;
  node.key = std::move(key);
  node.receiver = route.receiver.empty() ? parent.receiver : route.receiver;
  node.matchers = route.matchers;
  node.group_by = parent.group_by;
  node.by_all = parent.by_all;
  if (route.group_by) {
    node.by_all = std::find(route.group_by->begin(), route.group_by->end(), "...") != route.group_by->end();
    node.group_by = node.by_all ? std::vector<std::string>() : *route.group_by;
  }
  node.group_wait = route.group_wait.value_or(parent.group_wait);
  node.group_interval = route.group_interval.value_or(parent.group_interval);
  node.repeat_interval = route.repeat_interval.value_or(parent.repeat_interval);
  node.continues = route.continues;
  node.mute_time_intervals = route.mute_time_intervals;
  node.active_time_intervals = route.active_time_intervals;
  node.escalate = route.escalate.empty() ? parent.escalate : route.escalate;
  std::map<std::string, int> seen;
  for (const auto& child : route.routes) {
    std::string child_key = node.key + "/" + to_string(child.matchers);
    // Siblings with equal matchers are different routes all the same.
    if (const int n = seen[child_key]++; n > 0) child_key += "#" + std::to_string(n);
    node.children.push_back(resolve(child, node, std::move(child_key)));
  }
  return node;
}

bool collect(const RouteNode& node, const Labels& labels, std::vector<const RouteNode*>& out) {
  if (!match_all(node.matchers, labels)) return false;
  const auto before = out.size();
  for (const auto& child : node.children)
    if (collect(child, labels, out) && !child.continues) break;
  if (out.size() == before) out.push_back(&node);
  return true;
}

const RouteNode* find_in(const RouteNode& node, const std::string& key) {
  if (node.key == key) return &node;
  for (const auto& child : node.children)
    if (const auto* found = find_in(child, key)) return found;
  return nullptr;
}

void add_receivers(const RouteNode& node, std::set<std::string>& out) {
  out.insert(node.receiver);
  for (const auto& step : node.escalate) out.insert(step.receiver);
  for (const auto& child : node.children) add_receivers(child, out);
}

}  // namespace

RouteTree::RouteTree(const Route& root) {
  RouteNode defaults;
  defaults.group_wait = kGroupWait;
  defaults.group_interval = kGroupInterval;
  defaults.repeat_interval = kRepeatInterval;
  root_ = resolve(root, defaults, to_string(root.matchers));
}

std::vector<const RouteNode*> RouteTree::match(const Labels& labels) const {
  std::vector<const RouteNode*> out;
  collect(root_, labels, out);
  return out;
}

const RouteNode* RouteTree::find(const std::string& key) const {
  return find_in(root_, key);
}

std::set<std::string> RouteTree::receivers() const {
  std::set<std::string> out;
  add_receivers(root_, out);
  out.erase("");
  return out;
}

Labels group_labels(const RouteNode& route, const Labels& labels) {
  if (route.by_all) return labels;
  Labels out;
  for (const auto& name : route.group_by) out.set(name, std::string(labels.get(name)));
  return out;
}

std::string group_key(const RouteNode& route, const Labels& labels) {
  return route.key + ":" + to_string(group_labels(route, labels));
}

}  // namespace pgtend::alerts
