#include "agent/engine/history_offline.hpp"

namespace pgtend::engine {

Result<store::IntegrityReport> check_offline(const std::string& path) {
  return store::check_history_offline(path);
}

Result<store::RecoveryReport> recover_offline(const std::string& from, const std::string& to) {
  return store::recover_history(from, to);
}

}  // namespace pgtend::engine
