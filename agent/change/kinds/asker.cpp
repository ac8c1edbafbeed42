#include "agent/change/kinds/asker.hpp"

namespace pgtend::change {
namespace {

// Catalog questions answer in milliseconds; a server that needs longer is not one to change now.
constexpr Millis kLookLimit{5'000};

}  // namespace

net::TaskResult<RowSet> LaneAsker::ask(std::string sql, pg::Params params) {
  return lanes_.query(pg::Lane::sample, database_, "change", std::move(sql), std::move(params), kLookLimit);
}

net::TaskResult<RowSet> SessionAsker::ask(std::string sql, pg::Params params) {
  return connection_.query(std::move(sql), std::move(params), std::chrono::steady_clock::now() + limit_);
}

}  // namespace pgtend::change
