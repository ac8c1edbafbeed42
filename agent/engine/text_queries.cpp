#include "agent/engine/text_queries.hpp"

namespace pgtend::engine {

namespace {

// Elements that a text may go through. Source: as many as a person reads, tenfold.
constexpr std::size_t kMostElements = 1'000;

alerts::QueryAnswer answer_to(const std::string& text, HistoryReader& history, UtcTime at,
                              const promql::EvalOptions& options) {
  const auto expr = promql::parse(text);
  if (!expr) return {{}, expr.error().message};
  auto value = promql::evaluate(**expr, history, at, options);
  if (!value) return {{}, value.error().message};
  alerts::QueryAnswer out;
  if (auto* vector = std::get_if<promql::Vector>(&*value)) {
    if (vector->size() > kMostElements) return {{}, "more than " + std::to_string(kMostElements) + " elements"};
    for (auto& element : *vector) out.elements.push_back({std::move(element.labels), element.value});
  } else if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) {
    out.elements.push_back({Labels{}, scalar->value});
  } else {
    out.why = "query result is not a vector or scalar";
  }
  return out;
}

}  // namespace

void answer_texts(const alerts::CompiledRule& rule, alerts::Evaluation& evaluation, const Labels& external_labels,
                  HistoryReader& history, UtcTime at, const promql::EvalOptions& options) {
  if (evaluation.firing.empty()) return;
  const auto query = [&](const std::string& expr) { return answer_to(expr, history, at, options); };
  evaluation.answers = alerts::ask(rule, evaluation, external_labels, query);
}

}  // namespace pgtend::engine
