# What `cmake --install` puts where, for find_package(switchyard), and the Debian packages made of it:
# switchyard (the command, its manual page and completions) and switchyard-dev (what a policy outside the tree needs).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(fetched GLOBAL PROPERTY SWITCHYARD_FETCHED)
if(fetched)
  message(STATUS "No install rules: ${fetched} built here from source, not installed packages")
  return()
endif()

install(TARGETS switchyard RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
install(FILES ${CMAKE_BINARY_DIR}/share/switchyard.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT runtime)
install(FILES ${CMAKE_BINARY_DIR}/share/switchyard.bash RENAME switchyard COMPONENT runtime
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_BINARY_DIR}/share/_switchyard DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions
        COMPONENT runtime)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(FILES README.md CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)

set(libraries options core policies results search cli)
foreach(library ${libraries})
  set_target_properties(switchyard_${library} PROPERTIES EXPORT_NAME ${library})
  install(TARGETS switchyard_${library} EXPORT switchyard ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
endforeach()
foreach(part core policies results search)
  install(DIRECTORY ${part} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/switchyard COMPONENT development
          FILES_MATCHING PATTERN "*.hpp")
endforeach()
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/switchyard)
install(EXPORT switchyard NAMESPACE switchyard:: FILE switchyardTargets.cmake DESTINATION ${package}
        COMPONENT development)
configure_package_config_file(.cmake/switchyardConfig.cmake.in ${CMAKE_BINARY_DIR}/switchyardConfig.cmake
                              INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/switchyardConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/switchyardConfig.cmake ${CMAKE_BINARY_DIR}/switchyardConfigVersion.cmake
        DESTINATION ${package} COMPONENT development)
install(DIRECTORY bench/example DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT development)
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/switchyard-dev COMPONENT development)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME switchyard)
set(CPACK_PACKAGE_CONTACT "The switchyard authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME switchyard)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "Replays traces of requests through a simulated cluster under any routing policy, tunes policies, and ranks\nthem on seeds that the tuning never saw, with intervals.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME switchyard-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Libraries and headers of switchyard, for policies outside its tree")
string(JOIN ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "switchyard (= ${PROJECT_VERSION})" libtbb-dev
       libboost-program-options-dev nlohmann-json3-dev libfmt-dev libmuparser-dev libsqlite3-dev zlib1g-dev)
include(CPack)
