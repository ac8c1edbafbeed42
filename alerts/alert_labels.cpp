#include "alerts/alert_labels.hpp"

namespace pgtend::alerts {

TemplateScope scope_of(const Firing& firing, const Evaluation& evaluation, const Labels& external_labels) {
  const auto answer = [&evaluation](const std::string& expr) {
    const auto found = evaluation.answers.find(expr);
    return found == evaluation.answers.end() ? QueryAnswer{{}, "more than a hundred questions"} : found->second;
  };
  return {firing.labels, external_labels, firing.value, evaluation.external_url, answer};
}

Labels alert_labels(const CompiledRule& rule, const Firing& firing, const Evaluation& evaluation,
                    const Labels& external_labels) {
  Labels labels = firing.labels;
  labels.erase("__name__");
  const auto scope = scope_of(firing, evaluation, external_labels);
  for (const auto& [name, text] : rule.labels) labels.set(name, text.render(scope));
  labels.set("alertname", rule.rule.name);
  return labels;
}

}  // namespace pgtend::alerts
