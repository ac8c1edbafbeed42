#include "agent/store/ledger_types.hpp"

namespace pgtend::store {

std::string_view to_string(RecommendationState state) {
  switch (state) {
    case RecommendationState::open:
      return "open";
    case RecommendationState::rejected:
      return "rejected";
    case RecommendationState::superseded:
      return "superseded";
    case RecommendationState::expired:
      return "expired";
    case RecommendationState::applied:
      return "applied";
    case RecommendationState::undone:
      return "undone";
    case RecommendationState::failed:
      return "failed";
  }
  return "open";
}

std::optional<RecommendationState> parse_recommendation_state(std::string_view name) {
  for (const auto state : {RecommendationState::open, RecommendationState::rejected, RecommendationState::superseded,
                           RecommendationState::expired, RecommendationState::applied, RecommendationState::undone,
                           RecommendationState::failed})
    if (to_string(state) == name) return state;
  return std::nullopt;
}

}  // namespace pgtend::store
