#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rules/sql/scope.hpp"
#include "rules/sql/statement.hpp"
#include "rules/sql/tree.hpp"

// Inside rules/sql only: one pass over a parse tree that fills a StatementShape.
namespace pgtend::sql {

class Walker {
 public:
  explicit Walker(const HasColumn& has_column) : has_column_(has_column) {}

  void statement(const Json& node);
  [[nodiscard]] bool too_deep() const { return too_deep_; }
  [[nodiscard]] StatementShape take() { return std::move(shape_); }

 private:
  // Counts the depth of one recursion; false when it must stop.
  class Level {
   public:
    explicit Level(Walker& walker) : walker_(walker) {
      if (++walker_.depth_ > kMaxDepth) walker_.too_deep_ = true;
    }
    ~Level() { --walker_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    explicit operator bool() const { return !walker_.too_deep_; }

   private:
    Walker& walker_;
  };

  void select(const Json& node, const Scope* parent);
  void insert(const Json& node);
  void update(const Json& node);
  void remove(const Json& node);
  void with(const Json& clause, Scope& scope);
  void from(const Json& item, Scope& scope, std::vector<const Json*>& conditions);
  void using_columns(const Json& join, Scope& scope, std::size_t left, std::size_t right);
  void target(const Json& relation, Scope& scope);
  void assignments(const Json& list, const Scope& scope, std::size_t relation);
  void group_and_order(const Json& node, const Scope& scope, bool limited);

  void predicate(const Json& node, const Scope& scope, bool conjunct);
  void comparison(const Json& node, const Scope& scope, bool conjunct);
  void compare(const Json& left, const Json& right, Clause clause, const Scope& scope, bool conjunct);
  void row_comparison(const Json& left, const Json& right, const std::string& op, const Scope& scope, bool conjunct);
  void null_test(const Json& node, const Scope& scope, bool conjunct);
  void sublink(const Json& node, const Scope& scope, bool conjunct);
  // Everything that a plain index cannot serve: columns count as read, subqueries are followed.
  void expression(const Json& node, const Scope& scope);

  [[nodiscard]] std::optional<Resolved> column(const Json& node, const Scope& scope) const;
  // Whether the expression reads a column of the same relation, as `a = a + 1` does.
  [[nodiscard]] bool reads(const Json& node, const Scope& scope, std::size_t relation);
  [[nodiscard]] bool reads_any(const Json& node, const Scope& scope);
  ColumnUse& use(const Resolved& resolved, Clause clause, bool conjunct);

  const HasColumn& has_column_;
  StatementShape shape_;
  int queries_ = 0;
  int depth_ = 0;
  bool too_deep_ = false;
};

}  // namespace pgtend::sql
