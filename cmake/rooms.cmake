# pgtend_room(FOLDER [ASIO] [RECURSE] [LINK ...]): one static library per folder, named pgtend_<folder> without "agent/".
# HOT: samples pass through it by the thousand, so releases optimise it for speed. ASIO: it speaks Asio, whose headers are
# then precompiled too. RECURSE: take sources of subfolders too.
function(pgtend_room folder)
  cmake_parse_arguments(ARG "ASIO;HOT;RECURSE" "" "LINK" ${ARGN})
  string(REGEX REPLACE "^agent/" "" name ${folder})
  string(REPLACE "/" "_" name ${name})
  set(target pgtend_${name})
  if(ARG_RECURSE OR folder STREQUAL "collectors")
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  endif()
  # A room of its own within.
  if(folder STREQUAL "collectors")
    list(FILTER sources EXCLUDE REGEX "/collectors/logs/")
  endif()
  if(NOT sources)
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR})
    list(REMOVE_ITEM ARG_LINK PUBLIC PRIVATE)
    target_link_libraries(${target} INTERFACE ${ARG_LINK})
    return()
  endif()
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${target} ${ARG_LINK})
  set(family room)
  if(ARG_HOT AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(family hot)
    target_compile_options(${target} PRIVATE ${pgtend_hot})
  endif()
  pgtend_precompile(${target} "${ARG_ASIO}" ${family})
endfunction()

set(pgtend_hot $<$<CONFIG:RelWithDebInfo>:-O2>)

# What nearly every file includes, the lowest rooms' types among it; parsing it was half of a file's time (measured).
file(GLOB pgtend_common_types RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS agent/base/*.hpp agent/model/*.hpp)
# What only two files know is not worth a place in it.
list(REMOVE_ITEM pgtend_common_types agent/model/adopted_migration.hpp)
list(TRANSFORM pgtend_common_types REPLACE "(.+)" "\"\\1\"")
set(pgtend_common_headers <algorithm> <array> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional> <set>
    <sstream> <string> <string_view> <unordered_map> <utility> <variant> <vector> <tl/expected.hpp> <nlohmann/json.hpp>
    ${pgtend_common_types})

# pgtend_precompile(TARGET ASIO FAMILY [HEADERS...]): the targets of a family (rooms, hot ones for -O2, tests) share one
# precompiled header; ASIO ones another with Asio and the command line's parser. Unoptimised rooms share the larger one
# all: making a second costs more than they lose by it. With clang, unoptimised tests take theirs and put HEADERS on top of
# it, which takes 1 s instead of 26 s (measured).
function(pgtend_precompile target asio family)
  set(headers ${pgtend_common_headers} ${ARGN})
  if(asio OR CMAKE_BUILD_TYPE STREQUAL "Debug")
    list(APPEND headers <boost/asio.hpp> <CLI/CLI.hpp> "\"agent/net/task.hpp\"" "\"cmake/instances.hpp\"")
    string(APPEND family _asio)
  endif()
  set(owner pgtend_headers_${family})
  if(NOT TARGET ${owner})
    if(ARGN AND CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      pgtend_precompiled_headers(${owner} BASE pgtend_headers_room_asio HEADERS ${ARGN})
    else()
      pgtend_precompiled_headers(${owner} HEADERS ${headers})
    endif()
    if(family MATCHES "^hot")
      target_compile_options(${owner} PRIVATE ${pgtend_hot})
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
  target_link_libraries(${target} PRIVATE ${owner})
endfunction()

# pgtend_precompiled_headers(TARGET [BASE TARGET] HEADERS ...): a library that owns a precompiled header, made on top of
# that of BASE if there is one (clang writes only what is new then, and users get both by naming theirs). It also
# holds the code of the headers' inline functions and templates, which its users then do not compile again each: that
# was half of the time of a file with Asio or JSON (measured). Optimised users inline it and need none.
function(pgtend_precompiled_headers target)
  cmake_parse_arguments(ARG "" "BASE" "HEADERS" ${ARGN})
  set(empty ${CMAKE_BINARY_DIR}/headers/${target}.cpp)
  file(CONFIGURE OUTPUT ${empty} CONTENT "")
  add_library(${target} STATIC ${empty})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE tl::expected nlohmann_json::nlohmann_json Boost::headers OpenSSL::SSL CLI11::CLI11
                        $<TARGET_NAME_IF_EXISTS:Catch2::Catch2>)
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  # Instantiated once here, and not at the end of each user: half of a user's time, a third of an optimised one's
  # (measured).
  target_compile_options(${target} PRIVATE -fpch-instantiate-templates)
  # Of optimised rooms only those with Asio are enough to make up for the 43 s that its object takes.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT target STREQUAL "pgtend_headers_room_asio")
    return()
  endif()
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fmodules-codegen")
  set(hxx ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx)
  set(header ${hxx}.pch)
  if(ARG_BASE)
    set(base ${CMAKE_BINARY_DIR}/CMakeFiles/${ARG_BASE}.dir/cmake_pch.hxx.pch)
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -include-pch -Xclang ${base}")
    set_source_files_properties(${hxx}.cxx PROPERTIES OBJECT_DEPENDS ${base})
    target_link_libraries(${target} INTERFACE ${ARG_BASE})
  endif()
  set(object ${CMAKE_BINARY_DIR}/headers/${target}.o)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}} ${CMAKE_CXX20_STANDARD_COMPILE_OPTION}")
  get_directory_property(options COMPILE_OPTIONS)
  add_custom_command(OUTPUT ${object} DEPENDS ${header} VERBATIM
                     COMMAND ${CMAKE_CXX_COMPILER} ${flags} ${options} -w -c ${header} -o ${object})
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  add_library(${target}_code STATIC ${empty} ${object})
  target_link_libraries(${target} INTERFACE ${target}_code)
endfunction()

# pgtend_embed(TARGET SYMBOL FILES...): adds SYMBOL_files() to TARGET, declared in agent/base/embedded.hpp style:
# a generated .cpp with `std::span<const pgtend::EmbeddedFile> SYMBOL()`; file names are relative to the source tree.
function(pgtend_embed target symbol)
  set(out ${CMAKE_BINARY_DIR}/embedded/${symbol}.cpp)
  string(REPLACE ";" "|" joined "${ARGN}")
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${symbol} "-DFILES=${joined}" -DROOT=${CMAKE_SOURCE_DIR}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
