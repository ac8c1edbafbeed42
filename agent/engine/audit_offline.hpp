#pragma once

#include <string>

#include "agent/store/audit_file.hpp"

namespace pgtend::engine {

// See store::verify_audit_file.
[[nodiscard]] Result<store::AuditCheck> verify_audit_offline(const std::string& path);

}  // namespace pgtend::engine
