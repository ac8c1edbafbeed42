#pragma once

#include "alerts/life_cycle.hpp"

// By which labels an alert is itself: those of its element and the rule's own, as their texts read at that evaluation.
namespace pgtend::alerts {

// What the texts of one element read. REQUIRES: all arguments outlive the result.
[[nodiscard]] TemplateScope scope_of(const Firing& firing, const Evaluation& evaluation, const Labels& external_labels);

// The labels of the alert that an element of an evaluation makes. An alert whose labels change is another alert.
[[nodiscard]] Labels alert_labels(const CompiledRule& rule, const Firing& firing, const Evaluation& evaluation,
                                  const Labels& external_labels);

}  // namespace pgtend::alerts
