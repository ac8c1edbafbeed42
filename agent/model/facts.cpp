#include "agent/model/facts.hpp"

namespace pgtend {

const TableFact* DatabaseFacts::table(Oid oid) const {
  for (const auto& t : tables)
    if (t.oid == oid) return &t;
  return nullptr;
}

const TableFact* DatabaseFacts::table(std::string_view schema, std::string_view name) const {
  for (const auto& t : tables)
    if (t.name == name && t.schema == schema) return &t;
  return nullptr;
}

}  // namespace pgtend
