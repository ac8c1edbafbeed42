#include "alerts/template_run.hpp"

#include <utility>
#include <vector>

namespace pgtend::alerts::templates {

namespace {

// Source: a message has 1,500 characters; a hundred kilobytes are a mistake.
constexpr std::size_t kLongest = 100'000;
// Nodes and operands that one text may evaluate. Source: two nested ranges over a few hundred elements.
constexpr std::size_t kMostSteps = 200'000;
// Blocks and templates inside each other while it runs. Source: twice what the parser takes, far below the stack.
constexpr int kDeepest = 200;

class Run {
 public:
  Run(const ParsedText& text, const RunInput& input) : text_(text), input_(input) {
    variables_ = {{"$", Value(Root{})},
                  {"$labels", Value(input.labels)},
                  {"$externalLabels", Value(input.external_labels)},
                  {"$externalURL", Value(input.around.external_url)},
                  {"$value", Value(input.value)}};
  }

  Result<std::string> run() {
    if (auto done = walk(text_.nodes, Value(Root{})); !done) return fail(std::move(done.error()));
    return std::move(out_);
  }

 private:
  enum class Flow { on, leave_loop, next_round };

  Result<void> step() {
    if (++steps_ > kMostSteps) return fail(Errc::resource_exhausted, "the text takes too many steps");
    if (out_.size() > kLongest) return fail(Errc::resource_exhausted, "the text is too long");
    return {};
  }

  Result<Flow> walk(const Nodes& nodes, const Value& dot) {
    if (depth_ >= kDeepest) return fail(Errc::resource_exhausted, "the text is nested too deeply");
    ++depth_;
    Result<Flow> flow = Flow::on;
    for (auto node = nodes.begin(); node != nodes.end() && flow && *flow == Flow::on; ++node) {
      if (auto stepped = step(); !stepped) return fail(stepped.error());
      flow = one(*node, dot);
    }
    --depth_;
    return flow;
  }

  Result<Flow> one(const Node& node, const Value& dot) {
    switch (node.kind) {
      case Node::Kind::text:
        out_ += node.text;
        return Flow::on;
      case Node::Kind::break_loop:
        return Flow::leave_loop;
      case Node::Kind::next_round:
        return Flow::next_round;
      case Node::Kind::print: {
        auto value = evaluate(node.pipeline, dot);
        if (!value) return fail(std::move(value.error()));
        assign(node.pipeline, *value);
        if (node.pipeline.variables.empty()) out_ += printed(*value);
        return Flow::on;
      }
      case Node::Kind::use:
        return use(node, dot);
      default:
        break;
    }
    const std::size_t known = variables_.size();
    auto flow = node.kind == Node::Kind::range ? range(node, dot) : branch(node, dot);
    variables_.resize(known);
    return flow;
  }

  Result<Flow> branch(const Node& node, const Value& dot) {
    auto value = evaluate(node.pipeline, dot);
    if (!value) return fail(std::move(value.error()));
    assign(node.pipeline, *value);
    if (!is_true(*value)) return walk(node.otherwise, dot);
    return walk(node.then, node.kind == Node::Kind::with ? *value : dot);
  }

  // What is used sees the value that it is given, and none of the variables around.
  Result<Flow> use(const Node& node, const Value& dot) {
    const auto used = text_.defined.find(node.text);
    if (used == text_.defined.end()) return fail(Errc::invalid_argument, "template \"" + node.text + "\" not defined");
    auto given = evaluate(node.pipeline, dot);
    if (!given) return fail(std::move(given.error()));
    auto around = std::exchange(variables_, {{"$", *given}});
    auto flow = walk(used->second, *given);
    variables_ = std::move(around);
    return flow;
  }

  Result<Flow> range(const Node& node, const Value& dot) {
    auto over = evaluate(node.pipeline, dot);
    if (!over) return fail(std::move(over.error()));
    std::vector<std::pair<Value, Value>> items;
    if (const auto* elements = std::get_if<Elements>(&*over)) {
      for (const auto& each : **elements) items.emplace_back(static_cast<std::int64_t>(items.size()), each);
    } else if (const auto* labels = std::get_if<Labels>(&*over)) {
      for (const auto& [name, value] : *labels) items.emplace_back(name, value);
    } else if (const auto* named = std::get_if<Arguments>(&*over)) {
      for (const auto& [name, value] : **named) items.emplace_back(name, value);
    } else if (!std::holds_alternative<std::monostate>(*over)) {
      return fail(Errc::invalid_argument, "range can't iterate over " + printed(*over));
    }
    if (items.empty()) {
      auto flow = walk(node.otherwise, dot);
      // As in Go: a break there leaves this range, not the one around it.
      return flow && *flow == Flow::leave_loop ? Flow::on : flow;
    }
    const std::size_t known = variables_.size();
    for (const auto& [key, value] : items) {
      if (auto stepped = step(); !stepped) return fail(stepped.error());
      const auto& names = node.pipeline.variables;
      if (names.size() == 2) set(names[0], key, node.pipeline.declares);
      if (!names.empty()) set(names.back(), value, node.pipeline.declares);
      auto flow = walk(node.then, value);
      variables_.resize(known);
      if (!flow) return flow;
      if (*flow == Flow::leave_loop) break;
    }
    return Flow::on;
  }

  void assign(const Pipeline& pipeline, const Value& value) {
    for (const auto& name : pipeline.variables) set(name, value, pipeline.declares);
  }

  void set(const std::string& name, const Value& value, bool declares) {
    if (!declares)
      for (auto at = variables_.rbegin(); at != variables_.rend(); ++at)
        if (at->first == name) {
          at->second = value;
          return;
        }
    variables_.emplace_back(name, value);
  }

  Result<Value> evaluate(const Pipeline& pipeline, const Value& dot) {
    Value out;
    bool piped = false;
    for (const auto& command : pipeline.commands) {
      auto value = run_command(command, dot, piped ? &out : nullptr);
      if (!value) return value;
      out = std::move(*value);
      piped = true;
    }
    return out;
  }

  Result<Value> run_command(const Command& command, const Value& dot, const Value* piped) {
    const auto& head = command.operands.front();
    if (head.kind != Operand::Kind::function) return operand(head, dot);
    std::vector<Value> arguments;
    const bool lazy = head.name == "and" || head.name == "or";
    for (std::size_t i = 1; i < command.operands.size(); ++i) {
      auto value = operand(command.operands[i], dot);
      if (!value) return value;
      // What decides is not evaluated beyond.
      if (lazy && is_true(*value) == (head.name == "or")) return value;
      arguments.push_back(std::move(*value));
    }
    if (piped != nullptr) arguments.push_back(*piped);
    auto out = call(head.name, arguments, input_.around);
    if (!out) return out;
    return fields(std::move(*out), head.fields);
  }

  Result<Value> operand(const Operand& operand, const Value& dot) {
    if (auto stepped = step(); !stepped) return fail(stepped.error());
    switch (operand.kind) {
      case Operand::Kind::literal:
        return operand.literal;
      case Operand::Kind::dot:
        return fields(dot, operand.fields);
      case Operand::Kind::variable:
        for (auto at = variables_.rbegin(); at != variables_.rend(); ++at)
          if (at->first == operand.name) return fields(at->second, operand.fields);
        return fail(Errc::invalid_argument, "undefined variable: " + operand.name);
      case Operand::Kind::group: {
        auto value = evaluate(*operand.group, dot);
        if (!value) return value;
        return fields(std::move(*value), operand.fields);
      }
      case Operand::Kind::function:
        break;
    }
    auto value = call(operand.name, {}, input_.around);
    if (!value) return value;
    return fields(std::move(*value), operand.fields);
  }

  Result<Value> fields(Value of, const std::vector<std::string>& names) const {
    for (const auto& name : names) {
      auto next = field(of, name);
      if (!next) return next;
      of = std::move(*next);
    }
    return of;
  }

  [[nodiscard]] Result<Value> field(const Value& of, const std::string& name) const {
    if (std::holds_alternative<Root>(of)) {
      if (name == "Labels") return Value(input_.labels);
      if (name == "ExternalLabels") return Value(input_.external_labels);
      if (name == "ExternalURL") return Value(input_.around.external_url);
      if (name == "Value") return Value(input_.value);
    } else if (const auto* labels = std::get_if<Labels>(&of)) {
      return Value(std::string(labels->get(name)));
    } else if (const auto* element = std::get_if<ElementPtr>(&of)) {
      if (name == "Labels") return Value((*element)->labels);
      if (name == "Value") return Value((*element)->value);
    } else if (const auto* moment = std::get_if<Moment>(&of)) {
      if (auto part = part_of(*moment, name)) return *std::move(part);
    } else if (const auto* named = std::get_if<Arguments>(&of)) {
      const auto found = (*named)->find(name);
      return found == (*named)->end() ? Value() : found->second;
    }
    return fail(Errc::invalid_argument, "can't evaluate field " + name + " in type " + type_of(of));
  }

  const ParsedText& text_;
  const RunInput& input_;
  int depth_ = 0;
  std::vector<std::pair<std::string, Value>> variables_;
  std::string out_;
  std::size_t steps_ = 0;
};

}  // namespace

Result<std::string> run(const ParsedText& text, const RunInput& input) {
  return Run(text, input).run();
}

}  // namespace pgtend::alerts::templates
