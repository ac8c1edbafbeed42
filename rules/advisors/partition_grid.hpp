#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/model/facts.hpp"

// Inside rules/advisors: the even periods in which a table is partitioned by time.
namespace pgtend::advisors {

struct Period {
  int months = 0;
  Millis time{0};  // when months is 0
  [[nodiscard]] bool operator==(const Period&) const = default;
};

struct Cell {
  UtcTime from, to;
};

// `times` periods later, or earlier when negative.
[[nodiscard]] UtcTime moved(UtcTime at, const Period& period, int times);
// What lies between two bounds; months where day and time of day are equal.
[[nodiscard]] Period between(UtcTime from, UtcTime to);
// "a month", "7 days".
[[nodiscard]] std::string describe(const Period& period);

// The partitions with two bounds of time, oldest first.
[[nodiscard]] std::vector<const PartitionFact*> bounded(const PartitionedTableFact& table);
// The period of the last three of them (two, when there are no more); nullopt: they are fewer or not even.
[[nodiscard]] std::optional<Period> period_of(const std::vector<const PartitionFact*>& parts);
// The cell of the grid that begins at `anchor` into which a time falls; nullopt: it is a thousand periods away.
[[nodiscard]] std::optional<Cell> cell_of(UtcTime at, UtcTime anchor, const Period& period);

// A bound as the key's type is written: "2027-01-01", "2027-01-01 06:00:00", the same with "+00".
[[nodiscard]] std::string bound_text(UtcTime at, const std::string& key_type);
// Named as its neighbours are, by the beginning of its range, else TABLE_pYYYYMMDD; empty: no name is free or fits.
[[nodiscard]] std::string partition_name(const PartitionedTableFact& table,
                                         const std::vector<const PartitionFact*>& parts, UtcTime from);

}  // namespace pgtend::advisors
