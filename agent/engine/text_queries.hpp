#pragma once

#include "alerts/life_cycle.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

// Gives an evaluation the answers to what the rule's texts ask of history at that moment. Reads history where one does.
void answer_texts(const alerts::CompiledRule& rule, alerts::Evaluation& evaluation, const Labels& external_labels,
                  HistoryReader& history, UtcTime at, const promql::EvalOptions& options);

}  // namespace pgtend::engine
