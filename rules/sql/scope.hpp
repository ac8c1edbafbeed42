#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/sql/statement.hpp"
#include "rules/sql/tree.hpp"

// Inside rules/sql only: names that a SELECT can see.
namespace pgtend::sql {

struct Resolved {
  std::size_t relation = 0;
  std::string column;
  int query = 0;  // of the SELECT whose FROM holds the relation
  bool outer = false;
};

// The FROM list of one SELECT and the scopes around it.
class Scope {
 public:
  Scope(int query, const Scope* parent) : query_(query), parent_(parent) {
    if (parent != nullptr) cte_names_ = parent->cte_names_;
  }

  void add_relation(std::string name, std::size_t relation) { entries_.push_back({std::move(name), relation}); }
  // A subquery, function or WITH query: visible, but its columns are nobody's table's.
  void add_opaque(std::string name) { entries_.push_back({std::move(name), std::nullopt}); }
  void add_cte(const std::string& name) { cte_names_.insert(name); }
  [[nodiscard]] bool is_cte(const std::string& name) const { return cte_names_.contains(name); }
  [[nodiscard]] int query() const { return query_; }
  [[nodiscard]] const Scope* parent() const { return parent_; }

  // Whose column a ColumnRef's fields name; nullopt when it is ambiguous or not a table's.
  [[nodiscard]] std::optional<Resolved> resolve(const std::vector<std::string>& fields,
                                                const std::vector<RelationUse>& relations,
                                                const HasColumn& has_column) const;
  // Relations among entries [from, end) that may have the column: the two sides of JOIN ... USING.
  [[nodiscard]] std::optional<Resolved> resolve_among(std::size_t from, std::size_t to, const std::string& column,
                                                      const std::vector<RelationUse>& relations,
                                                      const HasColumn& has_column) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    std::optional<std::size_t> relation;
  };
  std::vector<Entry> entries_;
  std::set<std::string> cte_names_;
  int query_;
  const Scope* parent_;
};

}  // namespace pgtend::sql
