#pragma once

#include <cstdlib>
#include <initializer_list>
#include <random>
#include <string>

namespace pgtend::test {

// The seed of this run; PGTEND_SEED repeats one.
inline unsigned seed_of_run() {
  const char* given = std::getenv("PGTEND_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

// Random text for the parser, and random well-typed expressions over the series c, g and x.
class RandomPromql {
 public:
  explicit RandomPromql(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  std::string pick(std::initializer_list<const char*> choices) { return *(choices.begin() + below(choices.size())); }

  std::string bytes() {
    std::string out(below(60), '\0');
    for (auto& byte : out) byte = static_cast<char>(below(256));
    return out;
  }

  // Tokens in any order: gets further into the parser than bytes do.
  std::string tokens() {
    std::string out;
    for (std::size_t i = below(25); i > 0; --i) {
      out += pick({"x",      "a",    "sum", "by",    "without",     "on",       "ignoring", "group_left",
                   "offset", "bool", "and", "or",    "unless",      "rate",     "topk",     "count_values",
                   "time",   "(",    ")",   "{",     "}",           "[",        "]",        ",",
                   "=",      "=~",   "!=",  "!~",    "==",          "+",        "-",        "*",
                   "/",      "%",    "^",   "<",     ">=",          "5m",       "1h30m",    "0x1f",
                   "3.5",    "Inf",  "NaN", "\"s\"", "'t'",         "`u`",      ":",        "@",
                   "a:b",    "#",    "\n",  "1e400", "9999999999y", "\xc3\xa9", "\\",       "$"});
      if (chance(60)) out += ' ';
    }
    return out;
  }

  std::string scalar(int depth) {
    if (depth <= 0) return pick({"1", "0", "-2.5", "1e300", "NaN", "Inf", "time()", "pi()"});
    if (chance(30)) return "scalar(" + vector(depth - 1) + ")";
    return "(" + scalar(depth - 1) + " " + pick({"+", "-", "*", "/", "%", "^", "atan2", "== bool", "< bool"}) + " " +
           scalar(depth - 1) + ")";
  }

  std::string labels() { return pick({"()", "(a)", "(a, b)", "(b)", "(missing)"}); }

  std::string range(int depth) {
    if (depth > 0 && chance(25)) {
      return "(" + vector(depth - 1) + ")[" + pick({"1m", "5m", "7m"}) + ":" + pick({"", "30s", "1m", "2m"}) + "]" +
             pick({"", "", " offset 1m"});
    }
    return selector() + "[" + pick({"1m", "5m", "90s", "1h", "1ms"}) + "]" + pick({"", " offset 2m", " offset -2m"});
  }

  std::string selector() {
    return pick({"c", "g", "x{a=\"1\"}", "{__name__=~\"c|g\"}", "g{b!=\"\"}", "missing", "c{a=~\"1|2\"}"});
  }

  // A well-typed expression.
  std::string vector(int depth) {
    if (depth <= 0) return selector() + pick({"", "", "", " offset 1m", " offset -3m"});
    switch (below(7)) {
      case 0:
        return pick({"rate", "increase", "irate", "delta", "idelta", "changes", "resets", "deriv", "avg_over_time",
                     "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time",
                     "present_over_time", "stddev_over_time", "stdvar_over_time", "absent_over_time"}) +
               "(" + range(depth) + ")";
      case 1:
        return pick({"abs", "ceil", "floor", "exp", "ln", "sqrt", "sgn", "round", "absent", "timestamp", "sort",
                     "sort_desc", "hour", "day_of_year", "year", "acosh", "-", "+"}) +
               "(" + vector(depth - 1) + ")";
      case 2:
        return pick({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"}) + " " +
               pick({"by", "without"}) + " " + labels() + " (" + vector(depth - 1) + ")";
      case 3:
        return pick({"topk", "bottomk", "quantile"}) + "(" + scalar(depth - 1) + ", " + vector(depth - 1) + ")";
      case 4:
        return "(" + vector(depth - 1) + " " +
               pick({"+", "-", "*", "/", "%", "^", "==", "!=", "<", "> bool", "atan2"}) + " " +
               pick({"on", "ignoring"}) + " " + labels() + pick({"", " group_left ()", " group_right (other)"}) + " " +
               vector(depth - 1) + ")";
      case 5:
        return "(" + vector(depth - 1) + " " + pick({"and", "or", "unless"}) + " " + pick({"on", "ignoring"}) +
               labels() + " " + vector(depth - 1) + ")";
      default:
        return pick({"clamp_min", "clamp_max", "round"}) + "(" + vector(depth - 1) + ", " + scalar(depth - 1) + ")";
    }
  }

 private:
  std::mt19937 engine_;
};

}  // namespace pgtend::test
