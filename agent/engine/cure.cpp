#include "agent/engine/cure.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::engine {

std::string cure_for(std::string grant, const std::string& role) {
  constexpr std::string_view kRole = "{role}";
  const std::string name = quote_identifier(role);
  for (auto at = grant.find(kRole); at != std::string::npos; at = grant.find(kRole, at + name.size()))
    grant.replace(at, kRole.size(), name);
  return grant;
}

}  // namespace pgtend::engine
