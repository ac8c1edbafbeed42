#include "tests/support/catch.hpp"

std::string Catch::StringMaker<nlohmann::json>::convert(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}
