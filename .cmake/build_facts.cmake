# Writes the header OUT with the git revision of SOURCE_DIR, if it is a checkout of its own.
cmake_minimum_required(VERSION 3.22)
set(revision "none (not built from a git checkout)")
find_program(git git)
if(git AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND ${git} -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE found RESULT_VARIABLE fault ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT fault)
    set(revision ${found})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#pragma once

namespace switchyard {

inline constexpr const char* kRevision = \"@revision@\";

}  // namespace switchyard
" @ONLY)
