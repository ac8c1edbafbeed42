#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/model/routing.hpp"
#include "agent/model/series.hpp"

namespace pgtend::alerts {

// What a configured tree means where it says nothing. Source: Alertmanager, dispatch/route.go, DefaultRouteOpts.
inline constexpr Millis kGroupWait{30'000}, kGroupInterval{300'000}, kRepeatInterval{14'400'000};

// A route with everything that it inherits filled in.
struct RouteNode {
  std::string key;  // matchers from the root on: {}/{severity="critical"}
  std::string receiver;
  std::vector<Matcher> matchers;
  std::vector<std::string> group_by;
  bool by_all = false;
  Millis group_wait{0}, group_interval{0}, repeat_interval{0};
  bool continues = false;
  std::vector<std::string> mute_time_intervals, active_time_intervals;
  std::vector<EscalationStep> escalate;
  std::vector<RouteNode> children;
};

// The routing tree, ready to be asked.
class RouteTree {
 public:
  RouteTree() : RouteTree(Route{}) {}
  explicit RouteTree(const Route& root);

  // The routes that take an alert: depth first, the deepest that match; without a matching child the node itself. As
  // Alertmanager, dispatch/route.go, Match.
  [[nodiscard]] std::vector<const RouteNode*> match(const Labels& labels) const;
  // nullptr when no route has this key (any more).
  [[nodiscard]] const RouteNode* find(const std::string& key) const;
  [[nodiscard]] const RouteNode& root() const { return root_; }
  // Names of all receivers in it, escalation included.
  [[nodiscard]] std::set<std::string> receivers() const;

 private:
  RouteNode root_;
};

// The labels that a route groups an alert by.
[[nodiscard]] Labels group_labels(const RouteNode& route, const Labels& labels);
// {}/{severity="critical"}:{alertname="X"}
[[nodiscard]] std::string group_key(const RouteNode& route, const Labels& labels);

}  // namespace pgtend::alerts
