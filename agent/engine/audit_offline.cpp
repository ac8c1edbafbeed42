#include "agent/engine/audit_offline.hpp"

namespace pgtend::engine {

Result<store::AuditCheck> verify_audit_offline(const std::string& path) {
  return store::verify_audit_file(path);
}

}  // namespace pgtend::engine
