#pragma once

#include "tests/support/pg_cluster.hpp"

namespace pgtend::test {

// In shop: an ANALYZE of wide (20,000 rows), a VACUUM FULL of thin (1 row), a COPY of a query and a base backup that do
// not end by themselves; they are ended with this object. REQUIRES: make_shop().
class HeldWork {
 public:
  explicit HeldWork(const PgCluster& cluster);
  ~HeldWork();
  HeldWork(const HeldWork&) = delete;
  HeldWork& operator=(const HeldWork&) = delete;

 private:
  const PgCluster& cluster_;
  PgSession analyze_, full_, copy_, backup_;
};

}  // namespace pgtend::test
