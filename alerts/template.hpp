#pragma once

#include <functional>
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

// One element of what an expression gave.
struct Firing {
  Labels labels;
  double value = 0;
};

// What texts of a rule read besides the element that they are about: the answers to their queries, by expression.
// `why` says that there is none.
struct QueryAnswer {
  std::vector<Firing> elements;
  std::string why = {};
};
using QueryAnswers = std::map<std::string, QueryAnswer>;

// What a template may read.
struct TemplateScope {
  const Labels& labels;
  const Labels& external_labels;
  double value = 0;
  std::string external_url = {};
  // Answers `query`; without it there is no element.
  std::function<QueryAnswer(const std::string& expr)> query = {};
};

// A label or annotation text of a rule file: Go's template language with Prometheus's functions, checked when loaded.
// Left out are the functions call, js, slice and tmpl, and methods with arguments.
class Template {
 public:
  // Errors: parse, with the byte position and the name of what is not supported; not retryable.
  static Result<Template> parse(std::string_view text);
  // Never fails: a missing label is empty, and what cannot be expanded is said in the text, as in Prometheus. Safe from
  // any thread.
  [[nodiscard]] std::string render(const TemplateScope& scope) const;
  // Whether it asks `query`.
  [[nodiscard]] bool asks() const { return asks_; }

 private:
  struct Tree;
  std::shared_ptr<const Tree> tree_;
  bool asks_ = false;
};

}  // namespace pgtend::alerts
