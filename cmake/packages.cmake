find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)

pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)

# yaml-cpp 0.8 renamed its target; 0.7 (Debian 12) has the plain name.
if(NOT TARGET yaml-cpp AND TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp ALIAS yaml-cpp::yaml-cpp)
endif()

# Neither ships a CMake or pkg-config file.
find_library(PG_QUERY_LIBRARY pg_query REQUIRED)
find_path(PG_QUERY_INCLUDE pg_query.h REQUIRED)
add_library(pg_query SHARED IMPORTED)
set_target_properties(pg_query PROPERTIES IMPORTED_LOCATION ${PG_QUERY_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${PG_QUERY_INCLUDE})
find_library(SNAPPY_LIBRARY snappy REQUIRED)
add_library(snappy SHARED IMPORTED)
set_target_properties(snappy PROPERTIES IMPORTED_LOCATION ${SNAPPY_LIBRARY})
find_library(CCTZ_LIBRARY cctz REQUIRED)
add_library(cctz SHARED IMPORTED)
set_target_properties(cctz PROPERTIES IMPORTED_LOCATION ${CCTZ_LIBRARY})
