# What keeps builds quick. Most of the time goes into the templates of a few headers, so each kind of code has one
# precompiled header of them, and code that runs once in a command (reading, writing, flags) is optimised lightly.
# All targets that share a precompiled header are compiled with the same flags: GCC takes it on trust that they are.
# `bench/dear_headers.py BUILD` prints what a build spends its time on.

set(headers_std <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <limits> <map> <memory> <mutex>
                <optional> <set> <span> <sstream> <string> <string_view> <system_error> <unordered_map> <utility>
                <variant> <vector> <fmt/format.h>)

# Several files are compiled as one (a unity build), which reads the headers of all once. -DCMAKE_UNITY_BUILD=OFF compiles
# each by itself: slower at first, quicker after an edit. Names in anonymous namespaces must then differ between the
# files of a folder, which is kinder to readers too.
if(NOT DEFINED CMAKE_UNITY_BUILD)
  set(CMAKE_UNITY_BUILD ON)
endif()
set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)

# GCC looks for garbage each time its memory has grown by some share, which takes a tenth of its time. Below 400 MB, about
# what these batches need, it lets it be. Where a cache answers most compilations (CMAKE_CXX_COMPILER_LAUNCHER) it
# would gain nothing.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  add_compile_options(--param=ggc-min-heapsize=400000)
endif()

# switchyard_alone(TARGET SOURCE...): these are never joined with others, as what is inlined where decides their speed.
function(switchyard_alone target)
  set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# switchyard_precompile(TARGET HEADER...): precompiles the standard headers, fmt and HEADERs for TARGET, or, if another
# target has them already, reuses those: switchyard_precompile(TARGET FROM OTHER).
function(switchyard_precompile target)
  if("${ARGV1}" STREQUAL FROM)
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
  else()
    target_precompile_headers(${target} PRIVATE ${headers_std} ${ARGN})
  endif()
endfunction()

# switchyard_runs_once(TARGET): results do not hang on its speed, so compiling it quickly matters more.
function(switchyard_runs_once target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()
