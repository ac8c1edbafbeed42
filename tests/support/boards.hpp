#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace pgtend::test {

// The boards in dashboards/grafana, in order of their names.
[[nodiscard]] std::vector<nlohmann::json> shipped_boards();

// "board / panel / A" and its expression, with variables as Grafana fills them in when they are set to All.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> board_queries();

}  // namespace pgtend::test
