#include "agent/cli/demo/timeline.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>

#include "agent/cli/table.hpp"

namespace pgtend::cli::demo {

namespace {

constexpr std::size_t kStepColumns = 17;

std::string minutes(double seconds) {
  const int whole = static_cast<int>(seconds);
  char text[16];
  std::snprintf(text, sizeof text, "%2d:%02d", whole / 60, whole % 60);
  return text;
}

std::string padded(std::string text, std::size_t columns) {
  if (text.size() < columns) text.resize(columns, ' ');
  return text;
}

}  // namespace

Timeline::Timeline(bool json)
    : json_(json), terminal_(!json && terminal_width() > 0), began_(std::chrono::steady_clock::now()) {}

double Timeline::elapsed_seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

void Timeline::clear_waiting() {
  if (is_waiting_) std::cout << "\r\033[K";
  is_waiting_ = false;
}

void Timeline::line(const std::string& step, bool ok, const std::string& says, const Json& facts) {
  Json out{{"at", to_rfc3339(SystemClock().now())},
           {"elapsed_seconds", std::round(elapsed_seconds() * 10) / 10},
           {"step", step},
           {"ok", ok},
           {"says", says}};
  for (const auto& [name, value] : facts.items()) out[name] = value;
  std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

void Timeline::done(const std::string& step, const std::string& says, const Json& facts,
                    const std::vector<std::string>& details) {
  ++steps_;
  if (json_) return line(step, true, says, facts);
  clear_waiting();
  std::string name = step;
  for (char& c : name) c = c == '_' ? ' ' : c;
  const std::string indent(7 + kStepColumns + 2, ' ');
  std::cout << minutes(elapsed_seconds()) << "  " << padded(name, kStepColumns) << "  " << says << "\n";
  for (const auto& detail : details) std::cout << indent << detail << "\n";
  std::cout << std::flush;
}

void Timeline::failed(const std::string& step, const std::string& why) {
  if (json_) line(step, false, why, Json::object());
  clear_waiting();
  if (!json_) std::cout << std::flush;
  std::cerr << "pgtend demo: step \"" << step << "\" did not happen: " << why << std::endl;
}

void Timeline::waiting(const std::string& what) {
  if (!terminal_) return;
  std::string text = minutes(elapsed_seconds()) + "  … " + what;
  const auto width = static_cast<std::size_t>(terminal_width());
  if (text.size() >= width) text.resize(width - 1);
  std::cout << "\r\033[K" << text << std::flush;
  is_waiting_ = true;
}

void Timeline::remark(const std::string& text) {
  if (json_) return;
  clear_waiting();
  std::cout << text << std::flush;
}

std::string shown(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string percent(double ratio) {
  return shown(ratio * 100) + " %";
}

}  // namespace pgtend::cli::demo
