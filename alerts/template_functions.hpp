#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "alerts/template_value.hpp"

namespace pgtend::alerts::templates {

// What functions reach besides their arguments.
struct Surroundings {
  std::string external_url;
  std::function<Result<Elements>(const std::string& expr)> query;
};

[[nodiscard]] bool is_function(std::string_view name);

// Errors: invalid_argument, in the words that Go's templates or Prometheus have for it.
Result<Value> call(const std::string& name, const std::vector<Value>& arguments, const Surroundings& around);

}  // namespace pgtend::alerts::templates
