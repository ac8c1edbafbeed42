#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// Part of the precompiled header only: what is used here is instantiated once, and not again in every file that uses
// it.
namespace pgtend::instances {

inline boost::asio::any_io_executor executor(boost::asio::io_context& context) {
  return context.get_executor();
}
inline boost::asio::any_io_executor executor(boost::asio::thread_pool& pool) {
  return pool.get_executor();
}

inline nlohmann::json json(const std::vector<std::string>& strings) {
  nlohmann::json object = {{"strings", strings}, {"string", strings.front()}, {"bool", true}, {"double", 0.5}};
  object["signed"] = std::int64_t{1};
  object["unsigned"] = std::uint64_t{1};
  object["int"] = 1;
  object["literal"] = "value";
  object["list"].push_back(nlohmann::json::parse(object.dump()));
  object["value"] = object.value("string", std::string()) + object.at("string").get<std::string>();
  object["known"] = object.contains("string");
  for (const auto& [key, value] : object.items()) object["last"] = key;
  return object;
}

}  // namespace pgtend::instances
