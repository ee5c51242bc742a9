# Installed packages first; where one is missing, its upstream release, pinned by hash.
include(FetchContent)

# Fetches and builds a release archive as part of this build. Variables that configure it are set by the caller.
function(switchyard_fetch name url sha256)
  message(STATUS "${name} is not installed: fetching ${url}")
  FetchContent_Declare(${name} URL ${url} URL_HASH SHA256=${sha256})
  FetchContent_MakeAvailable(${name})
  set_property(GLOBAL APPEND PROPERTY SWITCHYARD_FETCHED ${name})
  set(${name}_SOURCE_DIR ${${name}_SOURCE_DIR} PARENT_SCOPE)
endfunction()

find_package(Threads REQUIRED)

if(SWITCHYARD_MPI)
  find_package(MPI REQUIRED COMPONENTS CXX)  # Open MPI or MPICH: whichever the machine has
endif()

find_package(TBB QUIET)
if(NOT TARGET TBB::tbb)
  set(TBB_TEST OFF CACHE BOOL "" FORCE)
  set(TBB_STRICT OFF CACHE BOOL "" FORCE)
  switchyard_fetch(tbb https://github.com/oneapi-src/oneTBB/archive/refs/tags/v2021.8.0.tar.gz
                   eee380323bb7ce864355ed9431f85c43955faaae9e9bce35c62b372d7ffd9f8b)
endif()

find_package(Boost 1.74 QUIET COMPONENTS program_options)
if(NOT TARGET Boost::program_options)
  set(BOOST_INCLUDE_LIBRARIES program_options)
  set(BOOST_ENABLE_CMAKE ON)
  switchyard_fetch(boost https://github.com/boostorg/boost/releases/download/boost-1.84.0/boost-1.84.0.tar.xz
                   2e64e5d79a738d0fa6fb546c6e5c2bd28f88d268a2a080546f74e5ff98f29d0e)
endif()

find_package(nlohmann_json 3.10 QUIET)
if(NOT TARGET nlohmann_json::nlohmann_json)
  switchyard_fetch(json https://github.com/nlohmann/json/archive/refs/tags/v3.11.2.tar.gz
                   d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273)
endif()

find_package(fmt 9 QUIET)
if(NOT TARGET fmt::fmt)
  switchyard_fetch(fmt https://github.com/fmtlib/fmt/archive/refs/tags/9.1.0.tar.gz
                   5dea48d1fcddc3ec571ce2058e13910a0d4a6bab4cc09a809d8b1dd1c88ae6f2)
endif()

find_package(Eigen3 3.4 QUIET NO_MODULE)
if(NOT TARGET Eigen3::Eigen)
  message(FATAL_ERROR "Eigen 3.4 is not installed: it solves the fits of profiles (Debian's package: libeigen3-dev)")
endif()

# Its header alone is needed.
find_path(SWITCHYARD_XXHASH_INCLUDE xxhash.h DOC "the folder of xxHash's header, 0.8 or later")
if(NOT SWITCHYARD_XXHASH_INCLUDE)
  message(STATUS "xxHash is not installed: fetching it")
  FetchContent_Declare(xxhash URL https://github.com/Cyan4973/xxHash/archive/refs/tags/v0.8.1.tar.gz
                       URL_HASH SHA256=3bb6b7d6f30c591dd65aaaff1c8b7a5b94d81687998ca9400082c739a690436c SOURCE_SUBDIR none)
  FetchContent_MakeAvailable(xxhash)
  set_property(GLOBAL APPEND PROPERTY SWITCHYARD_FETCHED xxhash)
  set(SWITCHYARD_XXHASH_INCLUDE ${xxhash_SOURCE_DIR})
endif()
add_library(switchyard_xxhash INTERFACE)
target_include_directories(switchyard_xxhash SYSTEM INTERFACE ${SWITCHYARD_XXHASH_INCLUDE})

find_package(ZLIB QUIET)
if(NOT TARGET ZLIB::ZLIB)
  message(FATAL_ERROR "zlib is not installed: it reads compressed traces (Debian's package: zlib1g-dev)")
endif()

find_package(SQLite3 3.35 QUIET)
if(NOT TARGET SQLite::SQLite3)
  message(FATAL_ERROR "SQLite 3.35 or later is needed to keep studies: libsqlite3-dev (Debian, Ubuntu), sqlite (Homebrew)")
endif()

find_package(muparser 2.3 QUIET)
if(NOT TARGET muparser::muparser)
  message(FATAL_ERROR "muParser is needed to read formulas: libmuparser-dev (Debian, Ubuntu), muparser (Homebrew)")
endif()

if(SWITCHYARD_BENCH)
  find_package(benchmark QUIET)
  if(NOT TARGET benchmark::benchmark)
    set(BENCHMARK_ENABLE_TESTING OFF CACHE BOOL "" FORCE)
    switchyard_fetch(benchmark https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz
                     6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7)
  endif()
endif()

if(SWITCHYARD_TESTS)
  find_package(Catch2 2 QUIET)  # its cmake module Catch comes along
  if(NOT TARGET Catch2::Catch2)
    switchyard_fetch(catch2 https://github.com/catchorg/Catch2/archive/refs/tags/v2.13.10.tar.gz
                     d54a712b7b1d7708bc7a819a8e6e47b2fde9536f487b89ccbca295072a7d9943)
    list(APPEND CMAKE_MODULE_PATH ${catch2_SOURCE_DIR}/contrib)
  endif()
  if(NOT TARGET Catch2::Catch2WithMain)  # its own main, as a library: the slowest file of all to compile
    file(WRITE ${CMAKE_BINARY_DIR}/catch2_main.cpp "#define CATCH_CONFIG_MAIN\n#include <catch2/catch.hpp>\n")
    add_library(catch2_main STATIC ${CMAKE_BINARY_DIR}/catch2_main.cpp)
    target_compile_options(catch2_main PRIVATE -O0)
    target_link_libraries(catch2_main PUBLIC Catch2::Catch2)
    add_library(Catch2::Catch2WithMain ALIAS catch2_main)
  endif()
endif()
