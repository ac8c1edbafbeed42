#include "alerts/template.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <variant>
#include <vector>

#include "agent/base/strings.hpp"

namespace pgtend::alerts {

namespace {

std::string with_format(const char* format, double value) {
  char out[64];
  const int n = std::snprintf(out, sizeof out, format, value);
  return std::string(out, static_cast<std::size_t>(std::max(0, n)));
}

std::string four_digits(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return with_format("%.4g", value);
}

// Prometheus's humanize functions. Source: Prometheus documentation, "Template reference", Numbers.
std::string humanize(double v) {
  if (v == 0 || !std::isfinite(v)) return four_digits(v);
  constexpr std::array<const char*, 8> large{"k", "M", "G", "T", "P", "E", "Z", "Y"};
  constexpr std::array<const char*, 8> small{"m", "u", "n", "p", "f", "a", "z", "y"};
  std::string prefix;
  if (std::fabs(v) >= 1) {
    for (const auto* p : large) {
      if (std::fabs(v) < 1000) break;
      prefix = p;
      v /= 1000;
    }
  } else {
    for (const auto* p : small) {
      if (std::fabs(v) >= 1) break;
      prefix = p;
      v *= 1000;
    }
  }
  return four_digits(v) + prefix;
}

std::string humanize1024(double v) {
  if (std::fabs(v) <= 1 || !std::isfinite(v)) return four_digits(v);
  constexpr std::array<const char*, 8> units{"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
  std::string prefix;
  for (const auto* p : units) {
    if (std::fabs(v) < 1024) break;
    prefix = p;
    v /= 1024;
  }
  return four_digits(v) + prefix;
}

std::string humanize_duration(double v) {
  if (!std::isfinite(v)) return four_digits(v);
  if (v == 0) return "0s";
  if (std::fabs(v) < 1) return humanize(v) + "s";
  const std::string sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  const auto total = static_cast<std::int64_t>(v);
  const std::string s = std::to_string(total % 60) + "s", m = std::to_string(total / 60 % 60) + "m ";
  const std::string h = std::to_string(total / 3600 % 24) + "h ";
  if (total >= 86400) return sign + std::to_string(total / 86400) + "d " + h + m + s;
  if (total >= 3600) return sign + h + m + s;
  if (total >= 60) return sign + m + s;
  return sign + four_digits(v) + "s";
}

using TemplateValue = std::variant<std::string, double>;

std::string as_text(const TemplateValue& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr ? go_number(*number) : std::get<std::string>(value);
}

double as_number(const TemplateValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::strtod(std::get<std::string>(value).c_str(), nullptr);
}

std::string print_one(const std::string& verb, const TemplateValue& value) {
  const char kind = verb.back();
  if (kind == 's' || kind == 'v') return as_text(value);
  const std::string spec = kind == 'd' ? verb.substr(0, verb.size() - 1) + ".0f" : verb;
  return with_format(spec.c_str(), as_number(value));
}

// The verbs were checked by check_printf.
std::string go_printf(const std::vector<TemplateValue>& arguments) {
  const std::string format = as_text(arguments.front());
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    std::size_t end = format.find_first_not_of("0123456789.+- #", i + 1);
    if (end == std::string::npos) break;
    if (format[end] == '%') {
      out += '%';
    } else if (next < arguments.size()) {
      out += print_one(format.substr(i, end - i + 1), arguments[next++]);
    }
    i = end;
  }
  return out;
}

std::string title(std::string text) {
  bool start = true;
  for (char& c : text) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    start = c == ' ';
  }
  return text;
}

std::string to_upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

const std::vector<std::string>& functions() {
  static const std::vector<std::string> names{
      "printf", "humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "title", "toUpper", "toLower"};
  return names;
}

TemplateValue call(const std::string& name, const std::vector<TemplateValue>& arguments) {
  if (name == "printf") return go_printf(arguments);
  const TemplateValue& value = arguments.back();
  if (name == "humanize") return humanize(as_number(value));
  if (name == "humanize1024") return humanize1024(as_number(value));
  if (name == "humanizeDuration") return humanize_duration(as_number(value));
  if (name == "humanizePercentage") return four_digits(as_number(value) * 100) + "%";
  if (name == "title") return title(as_text(value));
  if (name == "toUpper") return to_upper(as_text(value));
  return to_lower(as_text(value));
}

struct Operand {
  enum class Kind { value, label, external_label, text, number } kind = Kind::text;
  std::string text;
  double number = 0;
};

struct Command {
  std::string function;  // empty: the single operand itself
  std::vector<Operand> operands;
};

}  // namespace

struct Template::Node {
  std::string literal;
  std::vector<Command> pipeline;  // empty: a literal
};

std::string go_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  char out[40];
  const auto scientific = std::to_chars(out, out + sizeof out, value, std::chars_format::scientific);
  const std::string text(out, scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  // Source: Go strconv, format %g with the shortest precision: exponents outside [-4, 6) print in %e.
  if (exponent < -4 || exponent >= 6) return text;
  const auto fixed = std::to_chars(out, out + sizeof out, value, std::chars_format::fixed);
  return std::string(out, fixed.ptr);
}

namespace {

class ActionParser {
 public:
  ActionParser(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  Result<std::vector<Command>> parse() {
    std::vector<Command> pipeline;
    while (true) {
      auto command = parse_command(!pipeline.empty());
      if (!command) return tl::unexpected<Error>(std::move(command.error()));
      pipeline.push_back(std::move(*command));
      skip_space();
      if (at_ == text_.size()) return pipeline;
      if (text_[at_] != '|') return bad("unexpected '" + std::string(1, text_[at_]) + "'");
      ++at_;
    }
  }

 private:
  tl::unexpected<Error> bad(const std::string& what) const {
    return fail(Errc::parse, "template, position " + std::to_string(offset_ + at_ + 1) + ": " + what);
  }
  // At the word that was just read.
  tl::unexpected<Error> unsupported(const std::string& word) {
    at_ -= word.size();
    return bad("'" + word + "' is not supported in alert templates");
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  std::string word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' ||
                                  text_[at_] == '$' || text_[at_] == '.'))
      ++at_;
    return std::string(text_.substr(from, at_ - from));
  }

  Result<Command> parse_command(bool piped) {
    skip_space();
    Command command;
    if (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_]))) {
      command.function = word();
      bool known = false;
      for (const auto& name : functions()) known = known || name == command.function;
      if (!known) return unsupported(command.function);
    }
    for (skip_space(); at_ < text_.size() && text_[at_] != '|'; skip_space()) {
      auto operand = parse_operand();
      if (!operand) return tl::unexpected<Error>(std::move(operand.error()));
      command.operands.push_back(std::move(*operand));
    }
    const std::size_t given = command.operands.size() + (piped ? 1 : 0);
    if (command.function.empty() && (piped || given != 1)) return bad("expected one value or a function");
    if (command.function == "printf" ? given < 1 : (!command.function.empty() && given != 1))
      return bad("wrong number of arguments for " + command.function);
    if (command.function == "printf") {
      if (command.operands.empty() || command.operands.front().kind != Operand::Kind::text)
        return bad("printf needs a literal format");
      if (auto checked = check_printf(command.operands.front().text, given - 1); !checked)
        return tl::unexpected<Error>(std::move(checked.error()));
    }
    return command;
  }

  // Only verbs that cannot read beyond their argument may reach snprintf.
  Result<bool> check_printf(const std::string& format, std::size_t arguments) const {
    std::size_t verbs = 0;
    for (std::size_t i = 0; i < format.size(); ++i) {
      if (format[i] != '%') continue;
      const std::size_t end = format.find_first_not_of("0123456789.+- #", i + 1);
      if (end == std::string::npos || std::string_view("%dsvfgeGE").find(format[end]) == std::string_view::npos)
        return bad("printf verb not supported in \"" + format + "\"");
      if (end - i > 8) return bad("printf width too long in \"" + format + "\"");
      if (format[end] != '%') ++verbs;
      i = end;
    }
    if (verbs != arguments) return bad("printf \"" + format + "\" needs " + std::to_string(verbs) + " values");
    return true;
  }

  Result<Operand> parse_operand() {
    Operand operand;
    const char c = text_[at_];
    if (c == '"' || c == '`') return parse_string(c);
    if (c == '$' || c == '.') {
      const std::string name = word();
      const auto label_of = [&](std::string_view prefix) { return name.substr(prefix.size()); };
      if (name == "$value" || name == ".Value") {
        operand.kind = Operand::Kind::value;
      } else if (name.starts_with("$labels.") || name.starts_with(".Labels.")) {
        operand.kind = Operand::Kind::label;
        operand.text = label_of("$labels.");
      } else if (name.starts_with("$externalLabels.") || name.starts_with(".ExternalLabels.")) {
        operand.kind = Operand::Kind::external_label;
        operand.text = label_of("$externalLabels.");
      } else {
        return unsupported(name);
      }
      return operand;
    }
    const auto [end, ec] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), operand.number);
    if (ec != std::errc()) return bad("unexpected '" + std::string(1, c) + "'");
    at_ = static_cast<std::size_t>(end - text_.data());
    operand.kind = Operand::Kind::number;
    return operand;
  }

  Result<Operand> parse_string(char quote) {
    Operand operand;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && quote == '"' && at_ + 1 < text_.size()) {
        const char escaped = text_[++at_];
        operand.text += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      } else {
        operand.text += text_[at_];
      }
    }
    if (at_ == text_.size()) return bad("string is not closed");
    ++at_;
    return operand;
  }

  std::string_view text_;
  std::size_t offset_;
  std::size_t at_ = 0;
};

TemplateValue evaluate(const Operand& operand, const TemplateScope& scope) {
  switch (operand.kind) {
    case Operand::Kind::value:
      return scope.value;
    case Operand::Kind::label:
      return std::string(scope.labels.get(operand.text));
    case Operand::Kind::external_label:
      return std::string(scope.external_labels.get(operand.text));
    case Operand::Kind::number:
      return operand.number;
    case Operand::Kind::text:
      break;
  }
  return operand.text;
}

std::string run(const std::vector<Command>& pipeline, const TemplateScope& scope) {
  TemplateValue piped;
  for (std::size_t i = 0; i < pipeline.size(); ++i) {
    std::vector<TemplateValue> arguments;
    for (const auto& operand : pipeline[i].operands) arguments.push_back(evaluate(operand, scope));
    if (i != 0) arguments.push_back(piped);
    piped = pipeline[i].function.empty() ? arguments.front() : call(pipeline[i].function, arguments);
  }
  return as_text(piped);
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  std::vector<Node> nodes;
  std::size_t at = 0;
  bool trim_left = false;
  while (at <= text.size()) {
    const std::size_t open = text.find("{{", at);
    std::string literal(text.substr(at, open == std::string_view::npos ? std::string_view::npos : open - at));
    if (trim_left) literal.erase(0, literal.find_first_not_of(" \t\r\n"));
    const bool trim_right = open != std::string_view::npos && text.substr(open).starts_with("{{- ");
    if (trim_right) literal.erase(literal.find_last_not_of(" \t\r\n") + 1);
    if (!literal.empty()) nodes.push_back({std::move(literal), {}});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find("}}", open);
    if (close == std::string_view::npos)
      return fail(Errc::parse, "template, position " + std::to_string(open + 1) + ": '{{' is not closed");
    trim_left = text.substr(0, close).ends_with(" -");
    const std::size_t from = open + (trim_right ? 3 : 2), to = close - (trim_left ? 1 : 0);
    auto pipeline = ActionParser(text.substr(from, to - from), from).parse();
    if (!pipeline) return tl::unexpected<Error>(std::move(pipeline.error()));
    nodes.push_back({{}, std::move(*pipeline)});
    at = close + 2;
  }
  Template out;
  out.nodes_ = std::make_shared<const std::vector<Node>>(std::move(nodes));
  return out;
}

std::string Template::render(const TemplateScope& scope) const {
  std::string out;
  for (const auto& node : *nodes_) out += node.pipeline.empty() ? node.literal : run(node.pipeline, scope);
  return out;
}

}  // namespace pgtend::alerts
