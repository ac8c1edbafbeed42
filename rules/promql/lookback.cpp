#include "rules/promql/lookback.hpp"

#include <algorithm>

namespace pgtend::promql {

namespace {

bool may_give(const VectorSelector& selector, std::string_view metric) {
  return std::ranges::all_of(selector.matchers, [&](const Matcher& matcher) {
    return matcher.label() != "__name__" || matcher.matches(metric);
  });
}

}  // namespace

Millis lookback_for(const EvalOptions& options, std::string_view metric) {
  if (options.lookbacks == nullptr) return options.lookback;
  const auto own = options.lookbacks->find(metric);
  return own == options.lookbacks->end() ? options.lookback : std::max(options.lookback, own->second);
}

std::vector<Lookbacks::value_type> longer_lookbacks(const EvalOptions& options, const VectorSelector& selector) {
  std::vector<Lookbacks::value_type> out;
  if (options.lookbacks == nullptr) return out;
  if (!selector.name.empty()) {
    const auto own = options.lookbacks->find(selector.name);
    if (own != options.lookbacks->end() && own->second > options.lookback) out.push_back(*own);
    return out;
  }
  for (const auto& own : *options.lookbacks)
    if (own.second > options.lookback && may_give(selector, own.first)) out.push_back(own);
  return out;
}

}  // namespace pgtend::promql
