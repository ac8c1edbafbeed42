#include "rules/promql/parser.hpp"

#include "rules/promql/function.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::promql;

namespace {

std::string error_of(std::string_view text) {
  const auto expr = parse(text);
  if (expr) return "parsed as " + format(**expr);
  CHECK(expr.error().code == Errc::parse);
  CHECK_FALSE(expr.error().retryable);
  return expr.error().message;
}

std::string canonical(std::string_view text) {
  const auto expr = parse(text);
  return expr ? format(**expr) : expr.error().message;
}

}  // namespace

TEST_CASE("an error names its line and column") {
  CHECK(error_of("") == "1:1: parse error: no expression found in input");
  CHECK(error_of("sum(\n  rate(x)\n)") ==
        "2:8: parse error: expected type range vector in call to function \"rate\", got instant vector");
  CHECK(error_of("up ==\n\n  # note\n  ==") == "4:3: parse error: unexpected <op:==>");
  CHECK(error_of("up)") == "1:3: parse error: unexpected right parenthesis ')'");
  const std::string both =
      ": an operator takes one of group_left and group_right, for the side that has many elements for each of the "
      "other";
  CHECK(error_of("a * on(x) group_left(b) group_right() c") == "1:25: parse error: unexpected <group_right>" + both);
  CHECK(error_of("a * on(x) group_right group_left c") == "1:23: parse error: unexpected <group_left>" + both);
  const std::string place = ": it follows on(...) or ignoring(...) right behind a binary operator";
  CHECK(error_of("a * group_left(b) c") == "1:5: parse error: unexpected <group_left>" + place);
  CHECK(error_of("group_right()") == "1:1: parse error: unexpected <group_right>" + place);
  CHECK(error_of("foo(") == "1:1: parse error: unknown function with name \"foo\"");
  CHECK(error_of("up[a]") ==
        "1:4: parse error: unexpected identifier \"a\" in subquery or range selector, expected duration");
  CHECK(error_of("up[1h1d]") == "1:4: parse error: not a valid duration string: \"1h1d\"");
  CHECK(error_of("up[300y]") == "1:4: parse error: duration out of range");
  CHECK(error_of("1x") == "1:1: parse error: bad number or duration syntax: \"1x\"");
  CHECK(error_of("0x") == "1:1: parse error: error parsing number: \"0x\"");
  CHECK(error_of("1e") == "1:1: parse error: error parsing number: \"1e\"");
  CHECK(error_of("1e400") == "1:1: parse error: error parsing number: \"1e400\"");
  CHECK(error_of(R"("\z")") == R"(1:1: parse error: invalid escape sequence in string "\z")");
  CHECK(error_of(R"(up{a="\ud800"})") == R"(1:6: parse error: invalid escape sequence in string "\ud800")");
  CHECK(error_of("up{é=\"1\"}") == "1:4: parse error: unexpected character inside braces: 'é'");
  CHECK_THAT(error_of(R"(up{a=~"("})"), ContainsSubstring("1:7: parse error: bad regular expression"));
}

TEST_CASE("what is not implemented is refused by name and position") {
  CHECK(error_of("1 + histogram_count(x)") ==
        "1:5: parse error: function \"histogram_count\" is not supported: it reads native histograms, which are not "
        "stored");
  CHECK(error_of("mad_over_time(x[5m])") ==
        "1:1: parse error: function \"mad_over_time\" is not supported: it is experimental in Prometheus");
  CHECK(error_of("limitk(2, x)") ==
        "1:1: parse error: function \"limitk\" is not supported: it is experimental in Prometheus");
}

TEST_CASE("positions of the tree are byte offsets into the text") {
  const std::string text = "  sum by (a) (rate(x{é=\"1\"}[5m] offset 1m)) > 3";
  const std::string valid = "  sum by (a) (rate(x{e=\"é\"}[5m] offset 1m)) > 3";
  CHECK_FALSE(parse(text));
  const auto expr = parse(valid);
  REQUIRE(expr);
  const auto at = [&](const Expr& node) { return valid.substr(node.span.start, node.span.end - node.span.start); };
  CHECK(at(**expr) == valid.substr(2));
  const auto& comparison = std::get<Binary>((*expr)->node);
  CHECK(valid.substr(comparison.op_span.start, 1) == ">");
  CHECK(at(*comparison.lhs) == "sum by (a) (rate(x{e=\"é\"}[5m] offset 1m))");
  const auto& sum = std::get<Aggregate>(comparison.lhs->node);
  const auto& rate = std::get<Call>(sum.expr->node);
  CHECK(at(*rate.args[0]) == "x{e=\"é\"}[5m] offset 1m");
}

TEST_CASE("the canonical text parses to itself") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"sum(x)by(a , b)", "sum by (a, b) (x)"},
      {"sum without()(x)", "sum without () (x)"},
      {"topk( 3,x )", "topk(3, x)"},
      {"-x^2", "-x ^ 2"},
      {"- 1", "-1"},
      {"1+2*3", "1 + 2 * 3"},
      {"a>bool on(x)group_left(y)b", "a > bool on (x) group_left (y) b"},
      {"a*ignoring(x)group_right b", "a * ignoring (x) group_right () b"},
      {"a and on()b", "a and on () b"},
      {"x{b=~'y',a!=\"z\"}[5m]offset -1h30m", "x{b=~\"y\",a!=\"z\"}[5m] offset -1h30m"},
      {"{__name__=~\"a\"}", "{__name__=~\"a\"}"},
      {"rate(x[5m])[1h:5m] offset 1d", "rate(x[5m])[1h:5m] offset 1d"},
      {"x[1h:]", "x[1h:]"},
      {"count_values('v\\n', x)", "count_values(\"v\\n\", x)"},
      {"TIME()", "1:1: parse error: unknown function with name \"TIME\""},
      {"time()", "time()"},
      {"Inf + NaN", "+Inf + NaN"},
      {"Inf ^ 1e21 > bool -Inf", "Inf ^ 1e+21 > bool -Inf"},
      {"0.0001 + 0.00001 + 999999 + 1000000", "0.0001 + 1e-05 + 999999 + 1e+06"},
      {"(((x)))", "(((x)))"},
      {"offset offset 5m", "offset offset 5m"},
      {"sum by (by) (sum)", "sum by (by) (sum)"},
      {"a:b:c", "a:b:c"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(canonical(text) == expected);
    if (!expected.starts_with("1:")) CHECK(canonical(canonical(text)) == expected);
  }
}

TEST_CASE("what Prometheus 3 added to the language is read and written back") {
  const std::pair<std::string, std::string> cases[] = {
      {"x @ 100", "x @ 100.000"},
      {"x @ -1.0005", "x @ -1.001"},
      {"x @ -0.5", "x @ -0.500"},
      {"x offset 5m @ end()", "x @ end() offset 5m"},
      {"rate(x[5m] offset -1m @ start())", "rate(x[5m] @ start() offset -1m)"},
      {"max_over_time(x[5m:1m] @ 1e3)", "max_over_time(x[5m:1m] @ 1000.000)"},
      {R"({"my.metric"})", R"({"my.metric"})"},
      {R"({"plain"})", "plain"},
      {R"({"my.metric", "a.b"="c", d='e'})", R"({"my.metric","a.b"="c",d="e"})"},
      {R"(sum by ("a.b", c) ({"my.metric"}))", R"(sum by ("a.b", c) ({"my.metric"}))"},
      {R"(x * on ("é") group_left ("b c") y)", R"(x * on ("é") group_left ("b c") y)"},
      {"time() - x > 10m", "time() - x > 600"},
      {"rate(x[300])", "rate(x[5m])"},
      {"rate(x[1.5] offset 60)", "rate(x[1s500ms] offset 1m)"},
      {"max_over_time(x[300:60])", "max_over_time(x[5m:1m])"},
      {"1_000 + 0xf_f", "1000 + 255"},
      {"1_000_000.5", "1.0000005e+06"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(canonical(text) == expected);
    CHECK(canonical(canonical(text)) == expected);
  }
  CHECK(error_of(R"(x{"my.metric"})") == R"(1:3: parse error: metric name must not be set twice: "x" or "my.metric")");
  CHECK(error_of(R"({"a", "b"})") == R"(1:7: parse error: metric name must not be set twice: "a" or "b")");
  CHECK(error_of("{\"\\xff\"}") == "1:2: parse error: invalid label name \"\xff\"");
  CHECK(error_of(R"({""})") == R"(1:2: parse error: invalid label name "")");
  CHECK(error_of("x @ 1e300").starts_with("1:1: parse error: timestamp out of bounds for @ modifier: 1"));
  CHECK(error_of("x[1_]") == "1:3: parse error: bad number or duration syntax: \"1_\"");
}

TEST_CASE("nesting and length have a limit instead of a crash") {
  const std::string deep = std::string(5000, '(') + "1" + std::string(5000, ')');
  CHECK_THAT(error_of(deep), ContainsSubstring("nested deeper than 200 levels"));
  CHECK_THAT(error_of(std::string(100000, '-') + "x"), ContainsSubstring("nested deeper than 200 levels"));
  std::string chain = "x";
  for (int i = 0; i < 5000; ++i) chain += "+x";
  CHECK_THAT(error_of(chain), ContainsSubstring("nested deeper than 200 levels"));
  std::string power = "x";
  for (int i = 0; i < 5000; ++i) power += "^x";
  CHECK_THAT(error_of(power), ContainsSubstring("nested deeper than 200 levels"));
  CHECK_THAT(error_of(std::string(300 * 1024, ' ') + "x"), ContainsSubstring("longer than 262144 bytes"));
  std::string fine = "x";
  for (int i = 0; i < 190; ++i) fine += " or x";
  CHECK(parse(fine));
}

TEST_CASE("selectors tell which metrics an expression reads") {
  const auto expr = parse("sum(rate(b{x=\"1\"}[5m])) / on () a > 2 and {__name__=~\"c.*\"} unless b");
  REQUIRE(expr);
  CHECK(metric_names(**expr) == std::vector<std::string>{"a", "b"});
  const auto used = selectors(**expr);
  REQUIRE(used.size() == 4);
  CHECK(used[0].size() == 2);
  CHECK(used[2][0].op() == MatchOp::regex);
  CHECK(used[2][0].value() == "c.*");
}

TEST_CASE("the value an alert compares is the left side of its comparison") {
  const auto compared = [](std::string_view text) {
    const auto expr = parse(text);
    const Expr* value = compared_value(**expr);
    return value == nullptr ? std::string("none") : format(*value);
  };
  CHECK(compared("a / b > 0.8") == "a / b");
  CHECK(compared("(a > 1) and on (x) b == 1") == "a");
  CHECK(compared("a > 1 unless b") == "a");
  CHECK(compared("0.5 < a") == "a");
  CHECK(compared("a > bool 1") == "none");
  CHECK(compared("absent(a)") == "none");
  CHECK(compared("a > 1 or b > 2") == "none");
}

TEST_CASE("a metric text gives its labels") {
  const auto labels = parse_metric("up{job=\"a\", instance='b'}");
  REQUIRE(labels);
  CHECK(*labels == Labels{{"__name__", "up"}, {"job", "a"}, {"instance", "b"}});
  CHECK(parse_metric("{a=\"b\"}").value() == Labels{{"a", "b"}});
  CHECK_FALSE(parse_metric("up{job=~\"a\"}"));
  CHECK_FALSE(parse_metric("up 5"));
  CHECK_FALSE(parse_metric(""));
  CHECK(parse_metric("5").error().message ==
        "1:1: parse error: unexpected number \"5\" in series description, expected metric name or \"{\"");
}

TEST_CASE("every function of the table has a name, and the unsupported ones are not in it") {
  for (const auto& function : all_functions()) {
    CHECK(find_function(function.name) == &function);
    CHECK(why_unsupported(function.name).empty());
  }
}
