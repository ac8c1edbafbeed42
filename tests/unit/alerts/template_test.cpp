#include "alerts/template.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

QueryAnswer answer(const std::string& expr) {
  if (expr == "broken") return {{}, "it is broken"};
  if (expr != "up") return {};
  return {{{Labels{{"__name__", "up"}, {"job", "b"}}, 2}, {Labels{{"__name__", "up"}, {"job", "a"}}, 1.5}}};
}

std::string render(std::string_view text, double value) {
  const Labels labels{{"server", "db1"}}, external{{"cluster", "eu"}};
  auto parsed = Template::parse(text);
  INFO(text << ": " << (parsed ? std::string() : parsed.error().message));
  REQUIRE(parsed.has_value());
  return parsed->render({labels, external, value, "http://db.example/tend", answer});
}

std::string refusal(std::string_view text) {
  const auto parsed = Template::parse(text);
  return parsed ? "taken" : parsed.error().message;
}

}  // namespace

TEST_CASE("alert texts render as Prometheus renders them") {
  REQUIRE(render("{{ $labels.server }} is {{ $value }}", 0.95) == "db1 is 0.95");
  REQUIRE(render("{{ $value }}", 1e6) == "1e+06");
  REQUIRE(render("{{ $value }}", 123456) == "123456");
  REQUIRE(render("{{ $value }}", 0.00001) == "1e-05");
  REQUIRE(render("{{ $value | humanize }}", 1234567) == "1.235M");
  REQUIRE(render("{{ humanize1024 $value }}", 1536) == "1.5ki");
  REQUIRE(render("{{ $value | humanizeDuration }}", 93784) == "1d 2h 3m 4s");
  REQUIRE(render("{{ $value | humanizePercentage }}", 0.1234) == "12.34%");
  REQUIRE(render("{{ $value | humanizeTimestamp }}", 1435065584.128) == "2015-06-23 13:19:44.128 +0000 UTC");
  REQUIRE(render("{{ printf \"%.1f of %s\" $value $labels.server }}", 2.25) == "2.2 of db1");
  REQUIRE(render("{{ printf \"%6.2f|%-5s|%05d|%q|%%\" $value \"x\" 42 \"a\\\"b\" }}", 2.5) ==
          "  2.50|x    |00042|\"a\\\"b\"|%");
  REQUIRE(render("a {{- \" b \" -}} c", 0) == "a b c");
  REQUIRE(render("{{ $labels.none }}{{ $externalLabels.cluster }}{{ .Labels.server }}{{ .Value }}", 3) == "eudb13");
  REQUIRE(render("{{ \"http://x/a-b\" | title }} {{ \"aB\" | toUpper }} {{ toLower \"aB\" }}", 0) ==
          "Http://X/A-B AB ab");
}

TEST_CASE("alert texts branch, loop and keep variables as Go's templates do") {
  CHECK(render("{{ if gt $value 1.0 }}high{{ else }}low{{ end }}", 2) == "high");
  CHECK(render("{{ if gt $value 1.0 }}high{{ else if eq $labels.server \"db1\" }}db1{{ else }}low{{ end }}", 0) ==
        "db1");
  CHECK(render("{{ if gt $value 9.0 }}a{{ else if gt $value 5.0 }}b{{ else if gt $value 2.0 }}c{{ else }}d{{ end }}!",
               3) == "c!");
  CHECK(render("{{ with $labels.none }}{{ . }}{{ else }}no label{{ end }}", 0) == "no label");
  CHECK(render("{{ with $labels.server }}on {{ . }} {{ $value }} {{ $.Value }}{{ end }}", 7) == "on db1 7 7");
  CHECK(render("{{ range $name, $text := .Labels }}{{ $name }}={{ $text }};{{ end }}", 0) == "server=db1;");
  CHECK(render("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", 0) == "2");
  CHECK(render("{{ range query \"up\" }}{{ if eq .Value 1.5 }}{{ break }}{{ end }}{{ .Labels.job }}{{ end }}", 0) ==
        "b");
  CHECK(render("{{ range query \"up\" }}{{ if eq .Value 2.0 }}{{ continue }}{{ end }}{{ .Labels.job }}{{ end }}", 0) ==
        "a");
  CHECK(render("{{/* said to nobody */}}x{{- /* nor this */ -}} y", 0) == "xy");
  CHECK(render("{{ and true (gt $value 1.0) }} {{ or \"\" \"b\" }} {{ not true }} {{ or true (index $labels 1) }}",
               2) == "true b false true");
  CHECK(render("{{ len $labels.server }} {{ index $labels \"server\" }} {{ print 1 2 \"x\" 3 }} {{ $value | printf "
               "\"%.2f\" }}",
               1) == "3 db1 1 2x3 1.00");
  CHECK(render("{{ eq 1 2 1 }} {{ ne \"a\" \"b\" }} {{ le 1 1 }} {{ ge 1.5 2.0 }}", 0) == "true true true false");
}

TEST_CASE("alert texts ask further questions of the history") {
  CHECK(render("{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}", 0) == "2");
  CHECK(render("{{ query \"up\" | first | label \"job\" }} {{ (query \"up\" | first).Labels.job }}", 0) == "b b");
  CHECK(render("{{ range query \"up\" | sortByLabel \"job\" }}{{ .Labels.job }} {{ .Value }} {{ end }}", 0) ==
        "a 1.5 b 2 ");
  CHECK(render("{{ range $i, $e := query \"up\" }}{{ $i }}:{{ $e.Labels.job }} {{ end }}", 0) == "0:b 1:a ");
  CHECK(render("{{ range query \"nothing\" }}x{{ else }}none{{ end }}", 0) == "none");
  CHECK(render("{{ query \"nothing\" | first | value }}", 0) ==
        "<error expanding template: error calling first: first() called on vector with no elements>");
  CHECK(render("{{ query \"broken\" }}", 0) == "<error expanding template: error calling query: it is broken>");
  CHECK(Template::parse("{{ if true }}{{ (query \"up\") | first }}{{ end }}")->asks());
  CHECK_FALSE(Template::parse("query {{ \"query\" }}")->asks());
}

TEST_CASE("the functions that Prometheus documents work on texts, addresses and arguments") {
  CHECK(render("{{ reReplaceAll \"(d)b([0-9])\" \"$2-${1}x\" $labels.server }}", 0) == "1-dx");
  CHECK(render("{{ reReplaceAll \"b*\" \"-\" \"abc\" }}", 0) == "-a-c-");
  CHECK(render("{{ match \"b[0-9]\" $labels.server }} {{ match \"^b\" $labels.server }}", 0) == "true false");
  CHECK(render("{{ stripPort \"db1:5432\" }} {{ stripPort \"[::1]:5432\" }} {{ stripPort \"db1\" }}", 0) ==
        "db1 ::1 db1");
  CHECK(render("{{ stripDomain \"db1.example.net:5432\" }} {{ stripDomain \"10.0.0.1:1\" }} {{ stripDomain \"a.b\" }}",
               0) == "db1:5432 10.0.0.1:1 a");
  CHECK(render("{{ parseDuration \"1h30m\" }}", 0) == "5400");
  CHECK(render("{{ externalURL }} {{ pathPrefix }} {{ $externalURL }}", 0) ==
        "http://db.example/tend /tend http://db.example/tend");
  CHECK(render("{{ with args 1 \"b\" }}{{ .arg0 }}{{ .arg1 }}{{ end }}", 0) == "1b");
  CHECK(render("{{ html \"<a&b>\" }} {{ urlquery \"a b&c\" }}", 0) == "&lt;a&amp;b&gt; a+b%26c");
}

TEST_CASE("what cannot be expanded is said in the text, as Prometheus says it") {
  CHECK(render("{{ gt $value 1 }}", 2) ==
        "<error expanding template: error calling gt: incompatible types for comparison>");
  CHECK(render("{{ $value | title }}", 2).starts_with("<error expanding template: error calling title: "));
  CHECK(render("{{ .Nothing }}", 2) == "<error expanding template: can't evaluate field Nothing in type struct>");
  CHECK(render("{{ printf \"%s\" }} {{ printf \"%d\" $value }} {{ printf \"%s\" 1 }} {{ printf \"x\" 1 }}", 2) ==
        "%!s(MISSING) %!d(float64=2) %!s(int=1) x%!(EXTRA int=1)");
  CHECK(render("{{ template \"x\" }}", 2) == "<error expanding template: template \"x\" not defined>");
  CHECK(render("{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}", 2) ==
        "<error expanding template: the text is nested too deeply>");
  CHECK(render("{{ toTime \"Inf\" }}", 2) == "<error expanding template: error calling toTime: value is NaN or Inf>");
  for (const auto* text : {"{{ 1e10 | humanizeTimestamp }}", "{{ toTime 1e10 }}"})
    CHECK(render(text, 0).find(": 1e+10 cannot be represented as a nanoseconds timestamp since it overflows int64>") !=
          std::string::npos);
  // A text cannot hold the agent up, however its loops are nested.
  std::string loops = "x";
  for (int i = 0; i < 30; ++i) loops = "{{ range query \"up\" }}" + loops + "{{ end }}";
  CHECK(render(loops, 0) == "<error expanding template: the text takes too many steps>");
}

TEST_CASE("what a template does not support is refused by name and position") {
  CHECK(refusal("{{ $value") == "template, position 1: '{{' is not closed");
  CHECK(refusal("a {{ range . }}") == "template, position 3: block without {{end}}");
  CHECK(refusal("{{ end }}") == "template, position 4: unexpected {{end}}");
  CHECK(refusal("{{ if true }}{{ else }}{{ else }}{{ end }}") == "template, position 27: a second {{else}}");
  CHECK(refusal("{{ $other }}") == "template, position 4: '$other' is not supported in alert templates");
  CHECK(refusal("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}") ==
        "template, position 39: '$x' is not supported in alert templates");
  CHECK(refusal("{{ \"open }}") == "template, position 4: string is not closed");
  CHECK(refusal(R"({{ match "\d+" "1" }})") ==
        "template, position 11: '\\d' is no escape: write '\\\\d', or put the text between backquotes");
  CHECK(refusal("{{ /* x */ }}") == "template, position 4: a comment begins with '{{/*' or '{{- /*'");
  CHECK(refusal("{{ }}") == "template, position 4: expected a value or a function");
  CHECK(refusal("{{ nonsense 1 }}") == "template, position 4: 'nonsense' is not supported in alert templates");
  CHECK(refusal("{{ tmpl \"x\" . }}") == "template, position 4: 'tmpl' is not supported in alert templates");
  CHECK(refusal("{{ define x }}{{ end }}") == "template, position 11: expected a name in quotes");
  CHECK(refusal("{{ define \"x\" }}{{ $value }}{{ end }}") ==
        "template, position 20: '$value' is not supported in alert templates");
  CHECK(refusal("{{ if true }}{{ define \"x\" }}{{ end }}{{ end }}") == "template, position 17: unexpected {{define}}");
  CHECK(refusal("a{{ define \"x\" }}") == "template, position 2: block without {{end}}");
  CHECK(refusal("{{ define \"x\" }}{{ else }}{{ end }}") == "template, position 20: unexpected {{else}}");
  CHECK(refusal("{{ block \"x\" }}{{ end }}") == "template, position 14: expected a value or a function");
  CHECK(refusal("{{ define \"x\" }}{{ end }}{{ define \"x\" }}{{ end }}") ==
        "template, position 26: 'x' is defined twice");
  CHECK(refusal("{{ (toTime $value).Format \"15:04\" }}") == "template, position 4: expected one value or a function");
  CHECK(refusal("{{ break }}") == "template, position 4: {{break}} outside {{range}}");
  CHECK(refusal("{{ ($value }}") == "template, position 4: '(' is not closed");
  CHECK(refusal("{{ $value $value }}") == "template, position 4: expected one value or a function");
  CHECK(refusal(std::string(100'000, '(').insert(0, "{{ ")).find("nested too deeply") != std::string::npos);
}
