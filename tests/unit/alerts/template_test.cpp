#include "alerts/template.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

std::string render(std::string_view text, double value) {
  const Labels labels{{"server", "db1"}}, external{{"cluster", "eu"}};
  auto parsed = Template::parse(text);
  REQUIRE(parsed.has_value());
  return parsed->render({labels, external, value});
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
  REQUIRE(render("{{ printf \"%.1f of %s\" $value $labels.server }}", 2.25) == "2.2 of db1");
  REQUIRE(render("a {{- \" b \" -}} c", 0) == "a b c");
  REQUIRE(render("{{ $labels.none }}{{ $externalLabels.cluster }}", 0) == "eu");
}

TEST_CASE("what a template does not support is refused by name and position") {
  for (const auto* text : {"{{ query \"up\" }}", "{{ $value", "{{ range . }}", "{{ printf \"%n\" $value }}",
                           "{{ printf \"%s\" }}", "{{ $other }}", "{{ \"open }}", "{{ }}"}) {
    const auto parsed = Template::parse(text);
    REQUIRE_FALSE(parsed.has_value());
    REQUIRE(parsed.error().message.find("position") != std::string::npos);
  }
  REQUIRE(Template::parse("{{ query \"up\" }}").error().message.find("'query'") != std::string::npos);
}
