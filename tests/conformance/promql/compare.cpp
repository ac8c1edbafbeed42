#include "tests/conformance/promql/compare.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

namespace pgtend::test {

namespace {

using Json = nlohmann::json;

bool same_number(const std::string& a, const std::string& b) {
  const double x = std::strtod(a.c_str(), nullptr), y = std::strtod(b.c_str(), nullptr);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  if (x == y) return true;
  if (std::isinf(x) || std::isinf(y)) return false;
  return std::abs(x - y) <= 1e-9 * std::max({std::abs(x), std::abs(y)});
}

std::string sample_difference(const Json& theirs, const Json& ours) {
  const double before = theirs.at(0).get<double>(), now = ours.at(0).get<double>();
  if (before == now && same_number(theirs.at(1).get<std::string>(), ours.at(1).get<std::string>())) return {};
  return "theirs " + theirs.dump() + ", ours " + ours.dump();
}

std::map<std::string, Json> by_labels(const Json& result) {
  std::map<std::string, Json> out;
  for (const auto& series : result) out[series.at("metric").dump()] = series;
  return out;
}

std::string series_difference(const Json& theirs, const Json& ours) {
  const bool many = theirs.contains("values");
  if (many != ours.contains("values")) return "one is a value, the other are values";
  if (!many) return sample_difference(theirs.at("value"), ours.at("value"));
  const auto &before = theirs.at("values"), &now = ours.at("values");
  if (before.size() != now.size())
    return std::to_string(before.size()) + " values theirs, " + std::to_string(now.size()) +
           " ours: " + before.dump().substr(0, 300) + " / " + now.dump().substr(0, 300);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (auto found = sample_difference(before[i], now[i]); !found.empty()) return found;
  return {};
}

std::string result_difference(const Json& theirs, const Json& ours) {
  const auto &before = theirs.at("data"), &now = ours.at("data");
  if (before.at("resultType") != now.at("resultType"))
    return "type " + before.at("resultType").dump() + " theirs, " + now.at("resultType").dump() + " ours";
  const auto type = before.at("resultType").get<std::string>();
  if (type == "string") return before == now ? "" : before.dump() + " / " + now.dump();
  if (type == "scalar") return sample_difference(before.at("result"), now.at("result"));
  const auto left = by_labels(before.at("result")), right = by_labels(now.at("result"));
  for (const auto& [labels, series] : left) {
    const auto found = right.find(labels);
    if (found == right.end()) return "only theirs: " + series.dump().substr(0, 300);
    if (auto differs = series_difference(series, found->second); !differs.empty()) return labels + ": " + differs;
  }
  for (const auto& [labels, series] : right)
    if (!left.contains(labels)) return "only ours: " + series.dump().substr(0, 300);
  if (before.at("result").size() != now.at("result").size()) return "a series twice";
  return {};
}

std::string comparable(const std::string& message) {
  return message.substr(0, message.find(": ["));
}

}  // namespace

std::string difference(const HttpAnswer& theirs, const HttpAnswer& ours, Strictness strictness) {
  const auto before = Json::parse(theirs.body), now = Json::parse(ours.body);
  if (theirs.status != ours.status || before.at("status") != now.at("status"))
    return "theirs " + std::to_string(theirs.status) + " " + theirs.body.substr(0, 300) + ", ours " +
           std::to_string(ours.status) + " " + ours.body.substr(0, 300);
  if (before.at("status") == "success") return result_difference(before, now);
  if (before.at("errorType") != now.at("errorType")) return theirs.body + " / " + ours.body;
  if (strictness == Strictness::kind_of_error) return {};
  const auto a = comparable(before.at("error").get<std::string>()), b = comparable(now.at("error").get<std::string>());
  return a == b ? "" : "error theirs: " + a + "\nerror ours:   " + b;
}

}  // namespace pgtend::test
