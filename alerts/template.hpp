#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/series.hpp"

namespace pgtend::alerts {

// A number as Go's %v prints it: shortest digits, an exponent below 1e-4 and from 1e+06 on (1e+06, 0.95, +Inf).
[[nodiscard]] std::string go_number(double value);

// What a template may read.
struct TemplateScope {
  const Labels& labels;
  const Labels& external_labels;
  double value = 0;
};

// A label or annotation text of a rule file: the subset of Go templates that alert texts use, checked when loaded.
// {{ $value }}, {{ $labels.NAME }}, {{ $externalLabels.NAME }}, {{ .Value }}, {{ .Labels.NAME }}, literals, pipelines
// of printf, humanize, humanize1024, humanizeDuration, humanizePercentage, title, toUpper, toLower, and {{- -}}
// trimming.
class Template {
 public:
  // Errors: parse, with the byte position and the name of what is not supported; not retryable.
  static Result<Template> parse(std::string_view text);
  // Never fails: a missing label is empty, as in Prometheus. Safe from any thread.
  [[nodiscard]] std::string render(const TemplateScope& scope) const;

 private:
  struct Node;
  std::shared_ptr<const std::vector<Node>> nodes_;
};

}  // namespace pgtend::alerts
