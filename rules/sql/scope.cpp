#include "rules/sql/scope.hpp"

#include <algorithm>

namespace pgtend::sql {

std::optional<Resolved> Scope::resolve_among(std::size_t from, std::size_t to, const std::string& column,
                                             const std::vector<RelationUse>& relations,
                                             const HasColumn& has_column) const {
  std::vector<std::size_t> tables, having;
  bool opaque = false;
  for (std::size_t i = from; i < to && i < entries_.size(); ++i) {
    if (!entries_[i].relation) {
      opaque = true;
      continue;
    }
    const std::size_t at = *entries_[i].relation;
    tables.push_back(at);
    if (has_column && has_column(relations[at].schema, relations[at].table, column)) having.push_back(at);
  }
  if (having.size() == 1) return Resolved{having.front(), column, query_, false};
  if (having.empty() && tables.size() == 1 && !opaque) return Resolved{tables.front(), column, query_, false};
  return std::nullopt;
}

std::optional<Resolved> Scope::resolve(const std::vector<std::string>& fields,
                                       const std::vector<RelationUse>& relations, const HasColumn& has_column) const {
  if (fields.empty()) return std::nullopt;
  const std::string& column = fields.back();
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
    const bool outer = scope != this;
    if (fields.size() == 1) {
      // A name that the inner table does not have, and an outer one has, is a correlation.
      const bool sure = !has_column || scope->parent_ == nullptr;
      auto found = scope->resolve_among(0, scope->entries_.size(), column, relations, has_column);
      if (found && !sure) {
        const auto& relation = relations[found->relation];
        if (!has_column(relation.schema, relation.table, column)) {
          if (auto farther = scope->parent_->resolve(fields, relations, has_column)) {
            const auto& other = relations[farther->relation];
            if (has_column(other.schema, other.table, column)) found = std::move(farther);
          }
        }
      }
      if (found) {
        found->outer = found->query != query_;
        return found;
      }
      if (!scope->entries_.empty() && !has_column) return std::nullopt;
      continue;
    }
    const std::string& qualifier = fields[fields.size() - 2];
    const auto it = std::find_if(scope->entries_.begin(), scope->entries_.end(),
                                 [&](const Entry& entry) { return entry.name == qualifier; });
    if (it == scope->entries_.end()) continue;
    if (!it->relation) return std::nullopt;
    return Resolved{*it->relation, column, scope->query_, outer};
  }
  return std::nullopt;
}

}  // namespace pgtend::sql
