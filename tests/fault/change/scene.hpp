#pragma once

#include <iostream>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

namespace pgtend::test {

// What must hold after any fault: an end, an index that is whole and its own or none at all, and an audit that is
// whole.
inline void check_end(Rig& rig, PgCluster& server, const Change& change) {
  CAPTURE(to_string(change.state), change.attempt, change.last_error);
  CHECK(invalid_indexes(server) == "0");
  const auto comment = index_comment(server, "orders_customer_idx");
  if (change.state == ChangeState::kept) {
    CHECK(comment == "pgtend:" + change.id);
  } else {
    CHECK((change.state == ChangeState::lost || change.state == ChangeState::failed));
    CHECK(comment.empty());
  }
  const auto audit = rig.ledger().audit_verify();
  REQUIRE(audit);
  CHECK(audit->ok);
}

}  // namespace pgtend::test
