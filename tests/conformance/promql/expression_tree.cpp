#include "tests/conformance/promql/expression_tree.hpp"

#include "tests/conformance/promql/data.hpp"

namespace pgtend::test {

namespace {

TreePtr tree(char type, std::string form, std::vector<TreePtr> children = {}) {
  return std::make_shared<const ExpressionTree>(ExpressionTree{type, std::move(form), std::move(children)});
}

void descendants(const TreePtr& of, char type, std::vector<TreePtr>& out) {
  for (const auto& child : of->children) {
    if (child->type == type) out.push_back(child);
    descendants(child, type, out);
  }
}

std::vector<TreePtr> smaller(const TreePtr& of) {
  std::vector<TreePtr> out;
  descendants(of, of->type, out);
  const std::string leaf = of->type == 'v' ? "c" : of->type == 's' ? "1" : "c[5m]";
  if (of->form != leaf && !of->children.empty()) out.push_back(tree(of->type, leaf));
  for (std::size_t i = 0; i < of->children.size(); ++i) {
    for (auto& part : smaller(of->children[i])) {
      auto children = of->children;
      children[i] = std::move(part);
      out.push_back(tree(of->type, of->form, std::move(children)));
    }
  }
  return out;
}

}  // namespace

std::string text_of(const TreePtr& of) {
  std::string out;
  std::size_t child = 0;
  for (const char c : of->form) {
    if (c == '\1') {
      out += text_of(of->children.at(child++));
    } else {
      out += c;
    }
  }
  return out;
}

TreePtr shrink(TreePtr of, const std::function<bool(const TreePtr&)>& fails) {
  // Each round takes a strictly smaller tree; the bound is for a failure that comes and goes.
  for (int round = 0; round < 100; ++round) {
    TreePtr found;
    for (const auto& candidate : smaller(of)) {
      if (!fails(candidate)) continue;
      found = candidate;
      break;
    }
    if (!found) return of;
    of = found;
  }
  return of;
}

std::string ExpressionGenerator::modifiers() {
  const std::string at = std::to_string(kDataStart + static_cast<std::int64_t>(below(4000))) + pick({"", ".5", ".123"});
  switch (below(12)) {
    case 0:
      return " offset " + pick({"1m", "7m", "15s", "1ms", "10s500ms"});
    case 1:
      return " offset -" + pick({"1m", "3m", "15s"});
    case 2:
      return " @ " + at;
    case 3:
      return " @ " + pick({"start()", "end()"});
    case 4:
      return " @ " + at + " offset " + pick({"1m", "-90s"});
    case 5:
      return " offset 2m @ end()";
    default:
      return "";
  }
}

std::string ExpressionGenerator::selector() {
  return pick({"c", "g", "x", "c{a=\"2\"}", "g{b!=\"\"}", "c{a=~\"1|2\"}", "{__name__=~\"c|g\"}", "g{b=\"\"}",
               "missing", "x{a!~\"1.*\"}", "info", "h_bucket", "{a=\"1\",__name__!=\"info\"}", "c{b=\"y\"}", "late",
               "ended"});
}

TreePtr ExpressionGenerator::range(int depth) {
  if (depth > 0 && chance(30)) {
    const auto window = pick({"1m", "5m", "7m", "10m"}) + ":" + pick({"", "15s", "30s", "1m", "77s"});
    return tree('m', "(\1)[" + window + "]" + modifiers(), {vector(depth - 1)});
  }
  return tree('m', selector() + "[" + pick({"15s", "1m", "2m", "5m", "90s", "10m", "1h", "44s"}) + "]" + modifiers());
}

TreePtr ExpressionGenerator::scalar(int depth) {
  if (depth <= 0) return tree('s', pick({"1", "0", "-2.5", "3", "0.5", "2", "100", "NaN", "Inf", "pi()", "1e3"}));
  switch (below(4)) {
    case 0:
      return tree('s', "scalar(\1)", {vector(depth - 1)});
    case 1:
      return tree('s', "-(\1)", {scalar(depth - 1)});
    default:
      return tree('s', "(\1 " + pick({"+", "-", "*", "/", "== bool", "< bool", ">= bool", "^"}) + " \1)",
                  {scalar(depth - 1), scalar(depth - 1)});
  }
}

TreePtr ExpressionGenerator::range_function(int depth) {
  switch (below(6)) {
    case 0:
      return tree('v', "quantile_over_time(\1, \1)", {scalar(0), range(depth - 1)});
    case 1:
      return tree('v', "predict_linear(\1, " + pick({"60", "3600", "-300"}) + ")", {range(depth - 1)});
    case 2:
      return tree('v', "holt_winters(\1, 0.5, 0." + pick({"1", "5", "9"}) + ")", {range(depth - 1)});
    default:
      return tree('v',
                  pick({"rate", "increase", "irate", "delta", "idelta", "changes", "resets", "deriv", "avg_over_time",
                        "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
                        "present_over_time", "stddev_over_time", "stdvar_over_time", "absent_over_time"}) +
                      "(\1)",
                  {range(depth - 1)});
  }
}

TreePtr ExpressionGenerator::function(int depth) {
  switch (below(9)) {
    case 0:
      return tree('v', pick({"clamp_min", "clamp_max", "round"}) + "(\1, \1)", {vector(depth - 1), scalar(depth - 1)});
    case 1:
      return tree('v', "clamp(\1, \1, \1)", {vector(depth - 1), scalar(0), scalar(0)});
    case 2:
      return tree('v',
                  "label_replace(\1, " +
                      pick({"\"d\", \"$1\", \"a\", \"(.*)\"", "\"b\", \"z\", \"b\", \"\"", "\"a\", \"\", \"a\", \"1\"",
                            "\"__name__\", \"m_$1\", \"a\", \"(.+)\""}) +
                      ")",
                  {vector(depth - 1)});
    case 3:
      return tree('v',
                  "label_join(\1, " + pick({"\"d\", \"-\", \"a\", \"b\"", "\"b\", \"\", \"a\"", "\"a\", \"/\""}) + ")",
                  {vector(depth - 1)});
    case 4:
      return tree('v',
                  "histogram_quantile(\1, " +
                      pick({"h_bucket", "rate(h_bucket[5m])", "sum by (le) (increase(h_bucket[2m]))",
                            "sum by (le, a) (rate(h_bucket[1m]))"}) +
                      ")",
                  {scalar(0)});
    case 5:
      return tree('v', "vector(\1)", {scalar(depth - 1)});
    default:
      return tree(
          'v',
          pick({"abs",          "ceil",        "floor",         "exp",       "ln",     "log2",  "log10", "sqrt",
                "sgn",          "sin",         "cos",           "atan",      "tanh",   "asinh", "deg",   "rad",
                "absent",       "timestamp",   "sort",          "sort_desc", "minute", "hour",  "month", "day_of_week",
                "day_of_month", "day_of_year", "days_in_month", "year",      "-",      "+"}) +
              "(\1)",
          {vector(depth - 1)});
  }
}

TreePtr ExpressionGenerator::aggregation(int depth) {
  const auto labels = pick({"(a)", "(a, b)", "(b)", "(missing)", "()", "(le, a)"});
  const auto clause = chance(75) ? " " + pick({"by", "without"}) + " " + labels + " " : "";
  if (chance(15)) return tree('v', "quantile" + clause + "(\1, \1)", {scalar(0), vector(depth - 1)});
  if (chance(10)) return tree('v', "count_values" + clause + "(\"v\", " + selector() + ")");
  // Of infinite and missing values 2.42 has another spread (docs/promql.md), which would hide in whatever is made of
  // it.
  if (chance(25)) return tree('v', pick({"stddev", "stdvar"}) + clause + "(\1 > -1e99 < 1e99)", {vector(depth - 1)});
  return tree('v', pick({"sum", "avg", "min", "max", "count", "group"}) + clause + "(\1)", {vector(depth - 1)});
}

TreePtr ExpressionGenerator::operation(int depth) {
  const auto matching = pick({"", "", "on (a) ", "ignoring (b) ", "on () ", "on (a, b) ", "ignoring () "});
  switch (below(5)) {
    case 0:
      return tree('v', "(\1 " + pick({"and", "or", "unless"}) + " " + matching + "\1)",
                  {vector(depth - 1), vector(depth - 1)});
    case 1:
      return tree('v',
                  "(\1 " + pick({"+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=", "> bool"}) + " \1)",
                  {vector(depth - 1), scalar(depth - 1)});
    case 2:
      return tree('v', "(\1 " + pick({"+", "-", "*", "/", "==", "<", "> bool"}) + " \1)",
                  {scalar(depth - 1), vector(depth - 1)});
    case 3:
      return tree('v',
                  "(\1 " + pick({"*", "/", "-", ">"}) + " on (a) " + pick({"group_left ", "group_left (version) "}) +
                      pick({"info", "sum by (a) (x)", "x"}) + ")",
                  {vector(depth - 1)});
    default:
      return tree('v',
                  "(\1 " + pick({"+", "-", "*", "/", "%", "==", "!=", "<", "> bool", "^"}) + " " + matching + "\1)",
                  {vector(depth - 1), vector(depth - 1)});
  }
}

TreePtr ExpressionGenerator::vector(int depth) {
  if (depth <= 0) return tree('v', selector() + modifiers());
  switch (below(8)) {
    case 0:
    case 1:
      return range_function(depth);
    case 2:
    case 3:
      return function(depth);
    case 4:
    case 5:
      return aggregation(depth);
    case 6:
      return tree('v', selector() + modifiers());
    default:
      return operation(depth);
  }
}

TreePtr ExpressionGenerator::whole(int depth) {
  if (chance(6)) return tree('v', pick({"topk", "bottomk"}) + "(" + pick({"1", "2", "3", "0", "-1"}) + ", x)");
  if (chance(4)) return scalar(depth);
  return vector(depth);
}

}  // namespace pgtend::test
