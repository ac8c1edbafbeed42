#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "tests/bench/history/commands.hpp"

namespace pgtend::bench {

std::string text_option(const Options& options, const std::string& name) {
  const auto found = options.find(name);
  if (found == options.end()) throw std::runtime_error("--" + name + " is missing");
  return found->second;
}

std::int64_t number_option(const Options& options, const std::string& name, std::int64_t fallback) {
  const auto found = options.find(name);
  return found == options.end() ? fallback : std::stoll(found->second);
}

StreamOptions stream_options(const Options& options) {
  StreamOptions out;
  out.folder = text_option(options, "stream");
  out.shift_ms = number_option(options, "shift", 0);
  out.every = static_cast<std::size_t>(number_option(options, "every", 1));
  out.quantise = number_option(options, "quantise", 0) != 0;
  return out;
}

}  // namespace pgtend::bench

int main(int argc, char** argv) {
  using namespace pgtend::bench;
  const std::map<std::string, nlohmann::json (*)(const Options&)> commands{
      {"ingest", ingest}, {"push", push}, {"scrape", scrape}, {"memory", memory}, {"regex", regex}};
  const auto command = argc > 1 ? commands.find(argv[1]) : commands.end();
  if (command == commands.end() || argc % 2 != 0) {
    std::cerr << "usage: bench_history ingest|push|scrape|memory|regex [--NAME VALUE]...\n";
    return 2;
  }
  Options options;
  for (int i = 2; i + 1 < argc; i += 2) options[std::string(argv[i]).substr(2)] = argv[i + 1];
  try {
    std::cout << command->second(options).dump() << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "bench_history: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
