#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pgtend::test {

// Where ./dev setup puts servers for the tests that Debian 12 does not have: PGTEND_TEST_SERVERS, by default
// /var/cache/pgtend for root and ~/.cache/pgtend for others.
std::filesystem::path test_cache();

// A program of a PostgreSQL server: of Debian's for major 0 and for its own major, else of the servers that ./dev setup
// installs below test_cache(), which have postgres and initdb. Throws std::runtime_error that says what to run when it
// is not there.
std::filesystem::path pg_program(int major, const std::string& name);

// 13 to 18: the majors that pgtend tends.
std::vector<int> all_majors();
// The oldest and the newest; all of them under ./dev test --all-versions (PGTEND_TEST_ALL_VERSIONS).
std::vector<int> sample_majors();

}  // namespace pgtend::test
