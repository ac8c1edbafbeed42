#include "alerts/template_parser.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "alerts/template_functions.hpp"
#include "alerts/template_letters.hpp"
#include "alerts/template_literals.hpp"

namespace pgtend::alerts::templates {

namespace {

// Parentheses and blocks inside each other. Source: far beyond what a person writes, far below the stack.
constexpr int kDeepest = 100;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<ParsedText> parse() {
    std::string end;
    auto nodes = parse_list(end, 0, false);
    if (!nodes) return fail(std::move(nodes.error()));
    if (!end.empty()) return bad_at(last_word_, "unexpected {{" + end + "}}");
    return ParsedText{std::move(*nodes), std::move(defined_), else_with_};
  }

 private:
  tl::unexpected<Error> bad(const std::string& what) const {
    return fail(Errc::parse, "template, position " + std::to_string(at_ + 1) + ": " + what);
  }
  tl::unexpected<Error> bad_at(std::size_t at, const std::string& what) {
    at_ = at;
    return bad(what);
  }
  tl::unexpected<Error> unsupported(std::size_t at, const std::string& word) {
    return bad_at(at, "'" + word + "' is not supported in alert templates");
  }

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] bool sees(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  [[nodiscard]] bool sees_close() const { return sees("}}") || (at_ > 0 && is_space(text_[at_ - 1]) && sees("-}}")); }
  void skip_space() {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }
  bool take(std::string_view what) {
    skip_space();
    if (!sees(what)) return false;
    at_ += what.size();
    return true;
  }
  // Bytes of the letter, digit or '_' there; 0: it is none.
  [[nodiscard]] std::size_t word_letter(std::size_t at) const {
    if (at >= text_.size()) return 0;
    const auto letter = first_letter(text_.substr(at));
    return letter.code == '_' || is_letter_or_digit(letter.code) ? letter.size : 0;
  }
  std::string word() {
    const std::size_t from = at_;
    while (const std::size_t size = word_letter(at_)) at_ += size;
    return std::string(text_.substr(from, at_ - from));
  }

  // Text up to the next action or the end; the action's braces are taken.
  Result<bool> parse_literal(Nodes& out) {
    const std::size_t open = std::min(text_.find("{{", at_), text_.size());
    auto literal = text_.substr(at_, open - at_);
    if (trim_)
      while (!literal.empty() && is_space(literal.front())) literal.remove_prefix(1);
    trim_ = false;
    at_ = open;
    const bool action = !at_end();
    if (action) {
      opened_ = at_;
      at_ += 2;
      if (sees("-") && at_ + 1 < text_.size() && is_space(text_[at_ + 1])) {
        ++at_;
        while (!literal.empty() && is_space(literal.back())) literal.remove_suffix(1);
      }
    }
    if (!literal.empty()) {
      Node node;
      node.text = std::string(literal);
      out.push_back(std::move(node));
    }
    return action;
  }

  Result<bool> close() {
    skip_space();
    if (sees_close()) {
      trim_ = sees("-");
      at_ += trim_ ? 3 : 2;
      return true;
    }
    if (at_end()) return bad_at(opened_, "'{{' is not closed");
    return bad("unexpected '" + std::string(text_.substr(at_, first_letter(text_.substr(at_)).size)) + "'");
  }

  // As Go reads it: nothing stands between a comment and the braces but the blank of "{{- " or " -}}".
  Result<bool> skip_comment() {
    const std::size_t end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos) return bad_at(opened_, "'/*' is not closed");
    at_ = end + 2;
    const bool trims = !at_end() && is_space(text_[at_]) && text_.substr(at_ + 1).starts_with("-}}");
    if (!trims && !sees("}}")) return bad("a comment ends with '*/}}' or '*/ -}}'");
    return close();
  }

  // Nodes up to {{end}}, {{else}} or the text's end; `end` says which, empty: the text's.
  Result<Nodes> parse_list(std::string& end, int depth, bool in_loop) {
    Nodes out;
    if (depth > kDeepest) return bad("blocks are nested too deeply");
    while (true) {
      const auto action = parse_literal(out);
      if (!action) return fail(action.error());
      if (!*action) return out;
      if (text_[at_ - 1] == '-') ++at_;
      if (sees("/*")) {
        if (auto skipped = skip_comment(); !skipped) return fail(skipped.error());
        continue;
      }
      skip_space();
      if (sees("/*")) return bad("a comment begins with '{{/*' or '{{- /*'");
      last_word_ = at_;
      const std::size_t before = at_;
      const std::string key = word();
      if (key == "end" || key == "else") {
        end = key;
        return out;
      }
      auto node = parse_action(key, before, depth, in_loop);
      if (!node) return fail(std::move(node.error()));
      if (node->has_value()) out.push_back(std::move(**node));
    }
  }

  Result<std::optional<Node>> parse_action(const std::string& key, std::size_t before, int depth, bool in_loop) {
    Node node;
    if (key == "if" || key == "with" || key == "range") {
      node.kind = key == "if" ? Node::Kind::branch : key == "with" ? Node::Kind::with : Node::Kind::range;
      if (auto parsed = parse_block(node, depth, in_loop); !parsed) return fail(parsed.error());
      return std::optional(std::move(node));
    }
    if (key == "break" || key == "continue") {
      if (!in_loop) return bad_at(before, "{{" + key + "}} outside {{range}}");
      node.kind = key == "break" ? Node::Kind::break_loop : Node::Kind::next_round;
      if (auto closed = close(); !closed) return fail(closed.error());
      return std::optional(std::move(node));
    }
    if (key == "define" || key == "template" || key == "block") return parse_named(key, before, depth);
    at_ = before;
    node.kind = Node::Kind::print;
    auto pipeline = parse_pipeline(depth, 1);
    if (!pipeline) return fail(std::move(pipeline.error()));
    node.pipeline = std::move(*pipeline);
    if (auto closed = close(); !closed) return fail(closed.error());
    return std::optional(std::move(node));
  }

  // What {{define}} and {{block}} hold, {{end}} included: it knows the dot that it is given and no variable around it.
  Result<bool> parse_definition(const std::string& name, int depth) {
    const std::size_t opened = opened_;
    if (auto closed = close(); !closed) return closed;
    auto around = std::exchange(variables_, {"$"});
    std::string end;
    auto body = parse_list(end, depth + 1, false);
    variables_ = std::move(around);
    if (!body) return fail(std::move(body.error()));
    if (end.empty()) return bad_at(opened, "block without {{end}}");
    if (end == "else") return bad_at(last_word_, "unexpected {{else}}");
    if (!defined_.emplace(name, std::move(*body)).second) return bad_at(opened, "'" + name + "' is defined twice");
    return close();
  }

  // {{define}}, which makes nothing where it stands; {{template}}; and {{block}}, which defines what it uses.
  Result<std::optional<Node>> parse_named(const std::string& key, std::size_t before, int depth) {
    if (key == "define" && depth > 0) return bad_at(before, "unexpected {{define}}");
    skip_space();
    if (at_end() || (text_[at_] != '"' && text_[at_] != '`')) return bad("expected a name in quotes");
    auto name = literal(quoted_literal(text_.substr(at_)));
    if (!name) return fail(std::move(name.error()));
    Node node;
    node.kind = Node::Kind::use;
    node.text = std::get<std::string>(*name);
    skip_space();
    if (key == "block" || (key == "template" && !sees_close())) {
      auto pipeline = parse_pipeline(depth, 0);
      if (!pipeline) return fail(std::move(pipeline.error()));
      node.pipeline = std::move(*pipeline);
    }
    const auto closed = key == "template" ? close() : parse_definition(node.text, depth);
    if (!closed) return fail(closed.error());
    if (key == "define") return std::optional<Node>();
    return std::optional(std::move(node));
  }

  // What {{if}}, {{with}} and {{range}} hold, {{else}} and {{end}} included.
  Result<bool> parse_block(Node& node, int depth, bool in_loop) {
    const std::size_t opened = opened_, known = variables_.size();
    auto pipeline = parse_pipeline(depth, node.kind == Node::Kind::range ? 2 : 1);
    if (!pipeline) return fail(std::move(pipeline.error()));
    node.pipeline = std::move(*pipeline);
    if (auto closed = close(); !closed) return fail(closed.error());
    std::string end;
    const std::size_t inner = variables_.size();
    auto then = parse_list(end, depth + 1, in_loop || node.kind == Node::Kind::range);
    if (!then) return fail(std::move(then.error()));
    node.then = std::move(*then);
    variables_.resize(inner);
    if (end == "else") {
      if (auto parsed = parse_else(node, end, depth, in_loop); !parsed) return parsed;
    }
    variables_.resize(known);
    if (end.empty()) return bad_at(opened, "block without {{end}}");
    if (end == "else") return bad_at(last_word_, "a second {{else}}");
    // {{else if}} has taken the {{end}} that is its own and this one's.
    return closed_by_else_ ? (closed_by_else_ = false, Result<bool>(true)) : close();
  }

  Result<bool> parse_else(Node& node, std::string& end, int depth, bool in_loop) {
    skip_space();
    const std::size_t before = at_;
    const std::string key = word();
    if (key == "if" || (key == "with" && node.kind == Node::Kind::with)) {
      Node inner;
      inner.kind = key == "if" ? Node::Kind::branch : Node::Kind::with;
      if (key == "with" && !else_with_) else_with_ = before;
      if (depth >= kDeepest) return bad("blocks are nested too deeply");
      if (auto parsed = parse_block(inner, depth + 1, in_loop); !parsed) return parsed;
      node.otherwise.push_back(std::move(inner));
      closed_by_else_ = true;
      end = "end";
      return true;
    }
    at_ = before;
    if (auto closed = close(); !closed) return closed;
    auto otherwise = parse_list(end, depth + 1, in_loop);
    if (!otherwise) return fail(std::move(otherwise.error()));
    node.otherwise = std::move(*otherwise);
    return true;
  }

  // "$i, $e :=" or "$x =".
  Result<bool> parse_variables(Pipeline& out, std::size_t most) {
    const std::size_t before = at_;
    std::vector<std::string> names;
    while (names.size() < most && take("$")) {
      names.push_back("$" + word());
      if (!take(",")) break;
    }
    if (!names.empty() && (take(":=") || (take("=") && !sees("=")))) {
      out.declares = text_[at_ - 2] == ':';
      for (const auto& name : names)
        if (!out.declares && !knows(name)) return unsupported(before, name);
      out.variables = std::move(names);
      return true;
    }
    at_ = before;
    return true;
  }

  Result<Pipeline> parse_pipeline(int depth, std::size_t variables) {
    Pipeline out;
    if (depth > kDeepest) return bad("parentheses are nested too deeply");
    skip_space();
    if (auto parsed = parse_variables(out, variables); !parsed) return fail(parsed.error());
    do {
      auto command = parse_command(!out.commands.empty(), depth);
      if (!command) return fail(std::move(command.error()));
      out.commands.push_back(std::move(*command));
    } while (take("|"));
    if (out.declares) variables_.insert(variables_.end(), out.variables.begin(), out.variables.end());
    return out;
  }

  Result<Command> parse_command(bool piped, int depth) {
    Command out;
    skip_space();
    const std::size_t began = at_;
    for (; !at_end() && !sees_close() && text_[at_] != '|' && text_[at_] != ')'; skip_space()) {
      auto operand = parse_operand(depth);
      if (!operand) return fail(std::move(operand.error()));
      out.operands.push_back(std::move(*operand));
    }
    if (at_end()) return bad_at(opened_, "'{{' is not closed");
    if (out.operands.empty()) return bad("expected a value or a function");
    const bool calls = out.operands.front().kind == Operand::Kind::function;
    if (!calls && (piped || out.operands.size() > 1)) return bad_at(began, "expected one value or a function");
    return out;
  }

  Result<Operand> parse_operand(int depth) {
    Operand out;
    const std::size_t began = at_;
    const char c = text_[at_];
    if (c == '"' || c == '`' || c == '\'') {
      auto text = literal(quoted_literal(text_.substr(at_)));
      if (!text) return fail(std::move(text.error()));
      out.literal = std::move(*text);
    } else if (c == '(') {
      ++at_;
      auto inner = parse_pipeline(depth + 1, 0);
      if (!inner) return fail(std::move(inner.error()));
      if (!take(")")) return bad_at(began, "'(' is not closed");
      out.kind = Operand::Kind::group;
      out.group = std::make_shared<const Pipeline>(std::move(*inner));
    } else if (c == '$') {
      ++at_;
      out.kind = Operand::Kind::variable;
      out.name = "$" + word();
      if (!knows(out.name)) return unsupported(began, out.name);
    } else if (c == '.' && !(at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      out.kind = Operand::Kind::dot;
      if (word_letter(at_ + 1) == 0) ++at_;
    } else if (word_letter(at_) > 0 && !is_digit(c)) {
      if (auto named = parse_name(out); !named) return fail(named.error());
    } else {
      auto number = literal(number_literal(text_.substr(at_)));
      if (!number) return fail(std::move(number.error()));
      out.literal = std::move(*number);
    }
    while (out.kind != Operand::Kind::literal && sees(".") && word_letter(at_ + 1) > 0) {
      ++at_;
      out.fields.push_back(word());
    }
    return out;
  }

  Result<bool> parse_name(Operand& out) {
    const std::size_t began = at_;
    out.name = word();
    if (out.name == "true" || out.name == "false") {
      out.literal = Value(out.name == "true");
    } else if (out.name != "nil") {
      out.kind = Operand::Kind::function;
      if (!is_function(out.name)) return unsupported(began, out.name);
    }
    return true;
  }

  // Takes what was read.
  Result<Value> literal(tl::expected<Literal, WrongLiteral> read) {
    if (!read) return bad_at(at_ + read.error().at, read.error().what);
    at_ += read->size;
    return std::move(read->value);
  }

  [[nodiscard]] bool knows(const std::string& name) const {
    return std::find(variables_.begin(), variables_.end(), name) != variables_.end();
  }

  std::string_view text_;
  std::size_t at_ = 0, opened_ = 0, last_word_ = 0;
  bool trim_ = false, closed_by_else_ = false;
  std::optional<std::size_t> else_with_;
  std::map<std::string, Nodes> defined_;
  std::vector<std::string> variables_{"$", "$labels", "$externalLabels", "$externalURL", "$value"};
};

}  // namespace

Result<ParsedText> parse_text(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace pgtend::alerts::templates
