if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles common co_await expressions "
    "(double frees and aborts in 10 of 32 small cases with 12.2); use clang 19 "
    "(CC=clang-19 CXX=clang++-19, or a preset) or g++ 14 or newer.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# Everywhere alike, because targets with and without them could not share a precompiled header.
add_compile_options(-pthread -fPIE)
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror=unused-result -Werror=return-type)
# libstdc++ 12 warns about its own std::stable_sort under clang.
add_compile_options(-fno-omit-frame-pointer -Wno-deprecated-declarations)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Without --gc-sections, code of the precompiled headers that nobody calls would have to link.
  add_link_options(-fuse-ld=lld -Wl,--gc-sections)
  # ccache can reuse a precompiled header only when clang leaves its timestamp out.
  add_compile_options(-Xclang -fno-pch-timestamp)
endif()

# Line numbers and functions are what a stack trace needs; full DWARF of the Asio files would double the build time.
# Code is resident memory too, and only the rooms marked HOT run often enough for -O2 to matter.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-Os -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-g1")

set(PGTEND_SANITIZE "" CACHE STRING "Comma-separated sanitizers, as -fsanitize takes them")
if(PGTEND_SANITIZE)
  add_compile_options(-fsanitize=${PGTEND_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${PGTEND_SANITIZE})
  # Three checks that ASan's own fault makes up for; they are 40 % of the objects and 13 % of the compile time (measured).
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-fno-sanitize=null,alignment,vptr)
  endif()
  # Measured: -O1 doubles the compile time of the tests' build and quadruples that of the coroutine files.
  add_compile_options(-O0)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Checks as calls and not inline: a tenth of the compile time (measured).
    add_compile_options(-fsanitize-address-outline-instrumentation)
  endif()
else()
  # A section each, so that what nobody calls is no resident code.
  add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong -ffunction-sections -fdata-sections)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,--icf=safe)
endif()
