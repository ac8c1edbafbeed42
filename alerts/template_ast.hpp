#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerts/template_value.hpp"

// The tree of a Go template; only for the template's own files.
namespace pgtend::alerts::templates {

struct Pipeline;

// One value: a literal, the dot, a variable, a function's result or a pipeline in parentheses, and fields of it.
struct Operand {
  enum class Kind { literal, dot, variable, function, group } kind = Kind::literal;
  Value literal{};
  std::string name{};  // of the variable or the function
  std::shared_ptr<const Pipeline> group{};
  std::vector<std::string> fields{};
};

// A function or a value with what it is given; the first operand says which.
struct Command {
  std::vector<Operand> operands;
};

struct Pipeline {
  std::vector<std::string> variables;  // set to the result; two in a range: index and element
  bool declares = false;               // := and not =
  std::vector<Command> commands;
};

struct Node;
using Nodes = std::vector<Node>;

struct Node {
  enum class Kind { text, print, branch, with, range, break_loop, next_round, use } kind = Kind::text;
  std::string text{};  // of a use: the name of what is used
  Pipeline pipeline{};
  Nodes then{}, otherwise{};
};

// A whole text, with what {{define}} and {{block}} name in it.
struct ParsedText {
  Nodes nodes;
  std::map<std::string, Nodes> defined;
  std::optional<std::size_t> else_with;  // where the first {{else with}} stands, which Go has since 1.23
};

}  // namespace pgtend::alerts::templates
