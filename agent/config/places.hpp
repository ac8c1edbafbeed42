#pragma once

#include <string>

#include "agent/config/origins.hpp"

// Checks of values that name a place outside the configuration; private to agent/config.
namespace pgtend::config {

// A file with a secret: it must exist and be closed to group and others.
void check_secret_file(const Complaints& complain, const std::string& key, const std::string& path);
void check_url(const Complaints& complain, const std::string& key, const std::string& url);
// Whether this host knows an IANA time zone of this name.
[[nodiscard]] bool is_time_zone(const std::string& name);

}  // namespace pgtend::config
