#include "alerts/template.hpp"

#include "alerts/template_parser.hpp"
#include "alerts/template_run.hpp"

namespace pgtend::alerts {

namespace {

using namespace templates;

bool asks_in(const Nodes& nodes);

bool asks_in(const Pipeline& pipeline) {
  for (const auto& command : pipeline.commands)
    for (const auto& operand : command.operands) {
      if (operand.kind == Operand::Kind::function && operand.name == "query") return true;
      if (operand.group != nullptr && asks_in(*operand.group)) return true;
    }
  return false;
}

bool asks_in(const Nodes& nodes) {
  for (const auto& node : nodes)
    if (asks_in(node.pipeline) || asks_in(node.then) || asks_in(node.otherwise)) return true;
  return false;
}

Result<Elements> answer_of(const TemplateScope& scope, const std::string& expr) {
  auto out = std::make_shared<std::vector<ElementPtr>>();
  if (!scope.query) return Elements(std::move(out));
  auto answer = scope.query(expr);
  if (!answer.why.empty()) return fail(Errc::invalid_argument, answer.why);
  for (auto& element : answer.elements)
    out->push_back(std::make_shared<const Element>(Element{std::move(element.labels), element.value}));
  return Elements(std::move(out));
}

}  // namespace

struct Template::Tree {
  ParsedText text;
};

Result<Template> Template::parse(std::string_view text) {
  auto parsed = parse_text(text);
  if (!parsed) return fail(std::move(parsed.error()));
  Template out;
  out.asks_ = asks_in(parsed->nodes);
  for (const auto& [name, nodes] : parsed->defined) out.asks_ = out.asks_ || asks_in(nodes);
  out.tree_ = std::make_shared<const Tree>(Tree{std::move(*parsed)});
  return out;
}

std::string Template::render(const TemplateScope& scope) const {
  const auto query = [&scope](const std::string& expr) { return answer_of(scope, expr); };
  const RunInput input{scope.labels, scope.external_labels, scope.value, {scope.external_url, query}};
  auto text = run(tree_->text, input);
  return text ? std::move(*text) : "<error expanding template: " + text.error().message + ">";
}

}  // namespace pgtend::alerts
