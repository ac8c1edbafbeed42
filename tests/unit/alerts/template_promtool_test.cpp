// Debian's Prometheus is asked whether it makes the same texts.
#include <nlohmann/json.hpp>

#include "alerts/template.hpp"
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
    "{{ with $labels }}{{ .server }}{{ $.Value }}{{ end }}{{ define }}",
};

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
  INFO(promtool.output);
  CHECK(promtool.status == 0);
}
