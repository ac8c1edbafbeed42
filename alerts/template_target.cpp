#include "alerts/template_target.hpp"

#include "alerts/template_parser.hpp"

namespace pgtend::alerts {

std::optional<std::size_t> else_with(std::string_view text) {
  const auto parsed = templates::parse_text(text);
  return parsed ? parsed->else_with : std::nullopt;
}

}  // namespace pgtend::alerts
