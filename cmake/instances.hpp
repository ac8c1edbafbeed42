#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/routing.hpp"

// Part of the precompiled header only: what is used here is instantiated once, and not again in every file that uses
// it. Measured with clang's -ftime-trace: these save a twentieth of the time of a file.
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
  object["list"].push_back(nlohmann::json::parse(object.dump()));
  object["list"].push_back({{"bool", true}});
  object["value"] = object.value("string", std::string()) + object.at("string").get<std::string>();
  object["equal"] = object["value"] == object["string"] || object["literal"] == "value" || object["int"] == 1;
  object["numbers"] = object["double"].get<double>() + object["signed"].get<int>() + object["int"].get<std::int64_t>();
  for (const auto& [key, value] : object.items()) object["last"] = key;
  return object;
}

// What is done with the types that flow: copied, moved, missing or failed.
template <class T>
void value(const T& from) {
  T copy(from);
  T moved(std::move(copy));
  copy = from;
  moved = std::move(copy);
  std::optional<T> optional(from);
  optional = std::move(moved);
  Result<T> result(*optional);
  Result<T> passed(std::move(result));
  optional.reset();
}
inline void model() {
  value(nlohmann::json());
  value(std::string());
  value(Route());
  value(ChangeDetail());
  value(true);
  Result<void> done;
  Result<void> passed(std::move(done));
}

}  // namespace pgtend::instances
