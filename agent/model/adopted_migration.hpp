#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"

// What another migration tool says it did to a database.
namespace pgtend {

enum class AdoptedState {
  applied,
  dirty,   // begun, and nobody knows how far it came
  failed,  // begun, and its tool saw it fail
};
[[nodiscard]] std::string_view to_string(AdoptedState state);

struct AdoptedMigration {
  std::string version;   // as its tool has it; empty for one that is repeated at each change (Flyway's R__ files)
  std::string name;      // description, file or change
  std::string checksum;  // as its tool made it: comparable with no other tool's; empty when it makes none
  std::optional<UtcTime> applied_at;
  AdoptedState state = AdoptedState::applied;
  bool and_before = false;  // stands for every earlier version too: a baseline, or a tool that keeps only the last one
};

struct AdoptedHistory {
  std::string tool;                          // flyway, liquibase, golang-migrate, goose, dbmate, sqitch
  std::string table;                         // "schema.name"
  std::vector<AdoptedMigration> migrations;  // in the order in which the tool applied them
  std::vector<std::string> warnings;         // what a person should know before another tool goes on
};

}  // namespace pgtend
