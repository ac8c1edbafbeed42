#pragma once

#include <string>
#include <vector>

#include "agent/change/kinds/asker.hpp"
#include "agent/model/advice.hpp"

// Who may change a setting at each scope. What is missing comes as "what it is for: the SQL that cures it".
namespace pgtend::change {

net::TaskResult<std::vector<std::string>> missing_for_system(Asker* asker, std::string name);
// Errors of the next two: not_found.
net::TaskResult<std::vector<std::string>> missing_for_role(Asker* asker, SettingChange d, std::string run_as_role);
net::TaskResult<std::vector<std::string>> missing_for_database(Asker* asker, SettingChange d, std::string run_as_role);

// The role itself, if it may: it is no superuser, whose rights the acting role should not have, and the setting is for
// everybody. Else empty.
net::TaskResult<std::string> who_sets_for_role(Asker* asker, SettingChange d);
// The owner of the database, unless a superuser. Errors: not_found.
net::TaskResult<std::string> who_sets_for_database(Asker* asker, SettingChange d);

}  // namespace pgtend::change
