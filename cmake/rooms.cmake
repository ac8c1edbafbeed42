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
  if(ARG_HOT)
    set(family hot)
    target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O2>)
  endif()
  pgtend_precompile(${target} "${ARG_ASIO}" ${family})
endfunction()

# What nearly every file includes; parsing it was 30 % of a file's time (measured).
set(pgtend_common_headers <algorithm> <array> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional> <set>
    <sstream> <string> <string_view> <unordered_map> <utility> <variant> <vector> <tl/expected.hpp>)

# pgtend_precompile(TARGET ASIO FAMILY [HEADERS...]): the first target of a family (rooms are -fPIC, tests -fPIE, hot
# ones -O2) makes the precompiled header, the others reuse it.
function(pgtend_precompile target asio family)
  set(headers ${pgtend_common_headers} ${ARGN})
  if(asio)
    list(APPEND headers <boost/asio.hpp>)
    string(APPEND family _asio)
  endif()
  get_property(owner GLOBAL PROPERTY pgtend_precompiled_${family})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${headers})
    set_property(GLOBAL PROPERTY pgtend_precompiled_${family} ${target})
  endif()
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
