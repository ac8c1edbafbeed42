// Debian's Prometheus is asked whether it makes the same texts.
#include <nlohmann/json.hpp>

#include "alerts/template.hpp"
#include "alerts/template_letters.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

QueryAnswer answer(const std::string& expr) {
  if (expr != "up") return {};
  return {{{Labels{{"__name__", "up"}, {"job", "a"}}, 1.5}, {Labels{{"__name__", "up"}, {"job", "b"}}, 2}}};
}

// Of an alert with the labels server="db-1.example.net:5432" and mount="/var lib", and the value 1234.5678.
constexpr const char* kTexts[] = {
    "{{ $labels.server }} is {{ $value }} {{ .Value }} {{ $.Labels.mount }} {{ $labels.none }}|",
    "{{ $value | humanize }} {{ humanize1024 $value }} {{ humanizeDuration $value }} {{ humanizePercentage 0.12345 }}",
    "{{ humanize 0.00012 }} {{ humanize 0.0 }} {{ humanize1024 0.5 }} {{ humanizeDuration 0.02 }} {{ humanizeDuration "
    "93784.9 }} {{ humanizeDuration 59.5 }} {{ humanize \"12345678\" }}",
    "{{ humanizeTimestamp 1435065584.128 }} {{ 0.0 | humanizeTimestamp }} {{ humanizeTimestamp 1e9 }}",
    "{{ printf \"%.2f %6.1f|%-8s|%8s|%05d|%q|%v|%%|%e|%g|%t\" $value 2.25 \"ab\" \"cd\" 42 \"a\\\"b\" $value 1e10 "
    "1e-7 true }}",
    "{{ printf \"%s\" }} {{ printf \"%d\" $value }} {{ printf \"%s\" 1 }} {{ printf \"x\" 1 \"b\" }} {{ printf \"%s\" "
    "$value }} {{ printf \"%f\" 3 }} {{ printf \"%+d %+.1f\" 3 2.0 }}",
    "{{ if gt $value 1000.0 }}high{{ else if gt $value 10.0 }}middle{{ else }}low{{ end }}",
    "{{ if and (lt $value 1000.0) true }}a{{ else if or false (eq $labels.mount \"/var lib\" \"x\") }}b{{ end }}",
    "{{ with $labels.none }}{{ . }}{{ else }}no label{{ end }} {{ with $x := $labels.server }}{{ $x }}{{ . }}{{ end }}",
    "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }} {{ range $labels }}{{ . }},{{ end }}",
    "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ $y }}{{ end }}{{ $x }}",
    "a {{- /* gone */ -}} b {{- \" c \" -}} d{{/* also */}}",
    "{{ range query \"up\" | sortByLabel \"job\" }}{{ .Labels.job }}:{{ .Value }} {{ end }}",
    "{{ with query \"up\" }}{{ len . }}{{ end }} {{ range query \"nothing\" }}x{{ else }}none{{ end }}",
    "{{ (query \"up\" | sortByLabel \"job\" | first).Labels.job }} {{ query \"up\" | sortByLabel \"job\" | first | "
    "value "
    "}} {{ query \"up\" | sortByLabel \"job\" | first | label \"job\" }}",
    "{{ range $i, $e := query \"up\" | sortByLabel \"job\" }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $i }}{{ end }}",
    "{{ title \"ab-cd e_f g.h 1x\" }} {{ toUpper \"ae\" }} {{ toLower \"AB\" }} {{ \"x\" | printf \"%s-%s\" \"y\" }}",
    "{{ reReplaceAll \"(d)b-([0-9])\" \"$2-${1}x$3$$\" $labels.server }} {{ reReplaceAll \"b*\" \"-\" \"abc\" }}",
    "{{ match \"b-[0-9]\" $labels.server }} {{ match \"^b\" $labels.server }}",
    "{{ stripPort $labels.server }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"a\" }} {{ stripPort \"a:b:1\" }}",
    "{{ stripDomain $labels.server }} {{ stripDomain \"10.0.0.1:80\" }} {{ stripDomain \"a.b.c\" }} {{ stripDomain "
    "\"[::1]:80\" }}",
    "{{ parseDuration \"1h30m\" }} {{ parseDuration \"2d\" | humanizeDuration }}",
    "{{ with args 1 \"b\" 2.5 }}{{ .arg0 }}{{ .arg1 }}{{ .arg2 }}{{ end }}",
    "{{ html \"<a&'b\\\">\" }} {{ urlquery \"a b&c/d\" }} {{ len \"abc\" }} {{ index $labels \"mount\" }}",
    "{{ print 1 2 \"x\" 3 4.5 true }}|{{ println \"a\" 1 }}|{{ print }}",
    "{{ eq 1 2 1 }} {{ ne \"a\" \"b\" }} {{ le 1 1 }} {{ ge 1.5 2.0 }} {{ not 0 }} {{ not \"a\" }} {{ or \"\" \"z\" }}",
    "{{ $labels }} {{ true }} {{ 1e6 }} {{ 0x1f }} {{ -5 }} {{ `raw \\n` }} {{ \"tab\\there\" }} {{ 1_000 }}",
    "{{ if $labels.none }}a{{ else }}b{{ end }}{{ if $value }}c{{ end }}{{ if query \"nothing\" }}d{{ end }}",
    "{{ define \"one\" }}{{ .Labels.server }}={{ $.Value }};{{ end }}{{ template \"one\" . }}{{ template \"one\" $ }}",
    "{{ define \"n\" }}[{{ . }}]{{ end }}{{ range query \"up\" | sortByLabel \"job\" }}{{ template \"n\" .Value }}{{ "
    "end "
    "}}{{ template \"n\" }}",
    "{{ if true }}{{ block \"b\" $value }}<{{ . }}>{{ end }}{{ end }}{{ template \"b\" \"again\" }}",
    "{{ define \"down\" }}{{ if . }}{{ len . }}{{ template \"up\" }}{{ end }}{{ end }}{{ define \"up\" }}u{{ end }}{{ "
    "template \"down\" \"abc\" }}",
    "{{ safeHtml \"<b>\" }} {{ toTime 1435065584.128 }} {{ 1e9 | toTime }} {{ (toTime 1435065584.128).Year }} {{ $t := "
    "toTime 86399.0 }}{{ $t.Hour }}:{{ $t.Minute }}:{{ $t.Second }} {{ $t.Weekday }} {{ $t.Month }} {{ $t.Day }} {{ "
    "$t.YearDay }} {{ $t.Unix }} {{ $t.UnixMilli }}",
    R"({{ "caf\u00e9 \x41 \101 \U0001F600 \a\b\f\v\n\t\\\"" }} {{ "\303\251" }} {{ `a\d` }} {{ reReplaceAll "\\d+" "-" "a12b" }})",
    R"({{ 'a' }} {{ '\n' }} {{ 'é' }} {{ '\'' }} {{ '"' }} {{ '\x41' }} {{ '\u00e9' }})",
    "{{ 0b11 }} {{ 0o17 }} {{ 017 }} {{ 0x1p4 }} {{ 0x_1f }} {{ 1_0.5 }} {{ 0b1_1 }} {{ 0X1F }} {{ 1E3 }} {{ .5 }} {{ "
    "5. }} "
    "{{ +5 }} {{ 007 }} {{ 9223372036854775807 }} {{ -0x10 }}",
    R"({{ printf "%0130.0f|%-120s|%.150f|%130.2e" 2.0 "x" 0.1 1e300 }})",
    R"({{ printf "%G %x" 1234.5678 "hi" }} {{ printf "%G %G %G %.3G %g %g" 1e-7 1e21 0.5 1234.5678 1e20 1e21 }})",
    R"({{ printf "%x|%X|% x|%#x|% X|%.1x|%10x|%-10x|%# x" "hi" "hi" "hi" "hi" "hi" "hi" "hi" "hi" "hi" }})",
    R"({{ printf "%x %X %#x %o %b %c %U %q %O %d %5d|%-5d|%05d" 255 255 255 8 5 65 65 65 8 -3 3 3 -3 }})",
    R"({{ printf "%5c|%x|%X|%08x|% x|%+x|%#o" 65 -255 255 255 255 255 8 }} {{ printf "%c%c" 233 128512 }})",
    R"({{ printf "%x %X %x %.2x" 1.5 1.5 0.1 1.25 }} {{ printf "%T %T %T %T %T" 1 1.5 "a" true nil }})",
    R"({{ printf "%t %t" 1 "a" }} {{ printf "%d" "a" }} {{ printf "%z" 1 }} {{ printf "%!" }} {{ printf "%" }})",
    R"({{ printf "%e %E %.0e %8.1e|%-12.2e|%+.1e" 12345.678 12345.678 12345.678 12345.678 12345.678 12345.678 }})",
    R"({{ printf "%6.2f|%-8.2f|%08.2f|%+08.2f|% f|%F" 3.14159 3.14159 3.14159 3.14159 3.14159 1.5 }})",
    R"({{ printf "%5s|%-5s|%.2s|%5.1s|%05s|%5v|%-5v|" "abc" "abc" "éàü" "éàü" "ab" "é" "é" }})",
    R"({{ printf "%q %+q %#q %x %5q %.3q %q" "a\"é\n" "é" "ab" "é" "a" "abcdef" "\x00\x7f\u200b\a" }})",
    R"({{ printf "%s %v %s" $labels $labels.mount $labels.mount }} {{ printf "%s" nil }} {{ printf "%v" nil }} {{ printf "%d" nil }})",
    R"({{ printf "%5t|%-7t|%s" true false true }} {{ printf "%6v|%-6v|%06v|%.2v|%6.2v|%05v|%+v|%+v" 1 2 3 3.14159 3.14159 1.5 2.5 2 }})",
    R"({{ printf "%05d|%-05d|%+05d|% d|%.3d|%6.3d|%06.1f|%-06.1f|%x" 42 42 42 42 7 7 -1.5 1.5 true }})",
    R"({{ html "a" "<b>" 1 2.5 }} {{ html 1 }} {{ html 1 2 }} {{ html $labels.server 1 }}{{ html }} {{ html "\x00" true nil }})",
    R"({{ urlquery "a b" "c&d" 1 2 }} {{ urlquery 1 }} {{ urlquery }})",
    R"({{ title "àé b élan ñandú 'x' a-b a’b ǆ ÀB ıx" }} {{ toUpper "àéß ǆ ﬁ ŉ ÿ ώ ж" }} {{ toLower "ÀÉẞ İ Σ Ж" }})",
    "{{ $labels.ä }}{{ .Labels.é }}{{ $é := 1 }}{{ $é }}",
    "{{ humanizeTimestamp 9223372036.0 }} {{ \"NaN\" | humanizeTimestamp }} {{ \"+Inf\" | humanizeTimestamp }} {{ "
    "-9.2e9 | humanizeTimestamp }}",
    "{{ range query \"up\" }}{{ range query \"none\" }}{{ else }}{{ break }}{{ end }}twice{{ end }} {{ print nil 1 }} "
    "{{ println nil }}",
    "a {{- /* x */}}b{{/* x */ -}} c",
    "{{ with $labels }}{{ .server }}{{ $.Value }}{{ end }}{{ define }}",
};

// Texts that promtool refuses, and where the position that we name is. Source: Go's lexer and strconv.Unquote.
const std::pair<const char*, int> kRefused[] = {
    {R"({{ reReplaceAll "\d+" "" "a1" }})", 18},
    {R"({{ "\x4" }})", 5},
    {R"({{ "é\400" }})", 7},
    {R"({{ "\uD800" }})", 5},
    {R"({{ "\'" }})", 5},
    {R"({{ "\U00110000" }})", 5},
    {R"({{ "\1" }})", 5},
    {R"({{ '\"' }})", 5},
    {"{{ 'ab' }}", 4},
    {"{{ 08 }}", 4},
    {"{{ 1__0 }}", 4},
    {"{{ 1_ }}", 4},
    {"{{ 0b12 }}", 4},
    {"{{ 0x }}", 4},
    {"{{ 1e400 }}", 4},
    {"{{ 5m }}", 4},
    {"{{ € }}", 4},
    {"{{ é }}", 4},
    {"{{ /* x */ }}", 4},
    {"{{-  /* x */ -}}", 6},
    {"{{/* x */ }}", 10},
    {"{{/* x */-}}", 10},
    {"{{ range query \"up\" }}{{ else }}{{ break }}{{ end }}", 36},
    {"{{ range query \"up\" }}{{ else }}{{ continue }}{{ end }}", 36},
};

// Whether promtool makes the expected texts of an alert's annotations.
bool promtool_agrees(const nlohmann::json& annotations, const nlohmann::json& expected, std::string& said) {
  test::TempDir dir("pgtend-templates");
  const nlohmann::json rules{
      {"groups", {{{"name", "g"}, {"rules", {{{"alert", "A"}, {"expr", "x"}, {"annotations", annotations}}}}}}}};
  const nlohmann::json tests{
      {"rule_files", {"r.yaml"}},
      {"tests",
       {{{"interval", "1m"},
         {"input_series",
          {{{"series", R"(x{mount="/var lib",server="db-1.example.net:5432"})"}, {"values", "1234.5678x3"}},
           {{"series", R"(up{job="a"})"}, {"values", "1.5x3"}},
           {{"series", R"(up{job="b"})"}, {"values", "2x3"}}}},
         {"alert_rule_test",
          {{{"eval_time", "1m"},
            {"alertname", "A"},
            {"exp_alerts",
             {{{"exp_labels", {{"mount", "/var lib"}, {"server", "db-1.example.net:5432"}}},
               {"exp_annotations", expected}}}}}}}}}}};
  test::write_file(dir.path() / "r.yaml", rules.dump());
  test::write_file(dir.path() / "t.yaml", tests.dump());
  const auto promtool = test::run_command({"promtool", "test", "rules", (dir.path() / "t.yaml").string()});
  said = promtool.output;
  return promtool.status == 0;
}

}  // namespace

TEST_CASE("promtool makes the same texts of alerts") {
  const Labels labels{{"__name__", "x"}, {"mount", "/var lib"}, {"server", "db-1.example.net:5432"}}, none;
  nlohmann::json annotations, expected;
  for (std::size_t i = 0; i < std::size(kTexts); ++i) {
    INFO(kTexts[i]);
    const auto parsed = Template::parse(kTexts[i]);
    // The last one is refused by both.
    if (i + 1 == std::size(kTexts)) {
      CHECK_FALSE(parsed);
      continue;
    }
    INFO((parsed ? std::string() : parsed.error().message));
    REQUIRE(parsed);
    const auto name = "t" + std::to_string(i);
    annotations[name] = kTexts[i];
    expected[name] = parsed->render({labels, none, 1234.5678, "", answer});
  }
  std::string said;
  const bool agrees = promtool_agrees(annotations, expected, said);
  INFO(said);
  CHECK(agrees);
}

TEST_CASE("promtool refuses the same texts, and ours says where") {
  for (const auto& [text, position] : kRefused) {
    INFO(text);
    const auto parsed = Template::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find("template, position " + std::to_string(position) + ": ") == 0);
    INFO(parsed.error().message);
    // Whole letters, or the file of the error would be no UTF-8.
    CHECK_NOTHROW(nlohmann::json(parsed.error().message).dump());
    std::string said;
    CHECK_FALSE(promtool_agrees({{"t", text}}, {{"t", ""}}, said));
    CHECK(said.find("annotation \"t\"") != std::string::npos);
  }
}

TEST_CASE("promtool makes the same letters large and small") {
  std::string letters;
  // Up to what both know: Go 1.19 is of Unicode 13, the C library newer.
  for (const auto& [from, to] :
       {std::pair{0xA1, 0x24FF}, std::pair{0x2C80, 0x2D2F}, std::pair{0xA640, 0xA7BF}, std::pair{0xAB30, 0xABBF},
        std::pair{0xFB00, 0xFB17}, std::pair{0xFF21, 0xFF5A}, std::pair{0x10400, 0x104FF}, std::pair{0x1E900, 0x1E943}})
    for (int code = from; code <= to; ++code) letters += templates::utf8(static_cast<char32_t>(code)) + " ";
  nlohmann::json annotations, expected;
  const Labels none;
  for (const std::string function : {"toUpper", "toLower", "title"}) {
    annotations[function] = "{{ " + function + " `" + letters + "` }}";
    const auto parsed = Template::parse(annotations[function].get<std::string>());
    REQUIRE(parsed);
    expected[function] = parsed->render({none, none, 0, "", answer});
  }
  std::string said;
  const bool agrees = promtool_agrees(annotations, expected, said);
  INFO(said.substr(0, 4000));
  CHECK(agrees);
}
