# What `cmake --install` puts where, and the Debian package that CPack makes of it (make install, make package).
include(GNUInstallDirs)

# Made by the program itself of its own description, so that they are never older than it is.
set(package_files ${CMAKE_BINARY_DIR}/package_files)
set(made ${package_files}/hirestream.1.gz ${package_files}/hirestream.bash ${package_files}/_hirestream ${package_files}/hirestream.fish)
find_program(GZIP gzip REQUIRED)
add_custom_command(
  OUTPUT ${made}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${package_files}
  COMMAND hirestream man > ${package_files}/hirestream.1
  COMMAND ${GZIP} -9nf ${package_files}/hirestream.1
  COMMAND hirestream completion bash > ${package_files}/hirestream.bash
  COMMAND hirestream completion zsh > ${package_files}/_hirestream
  COMMAND hirestream completion fish > ${package_files}/hirestream.fish
  DEPENDS hirestream
  COMMENT "Manual page and completions" VERBATIM)
# What is compiled in, and under which licences.
set(bill ${package_files}/third_party_licences.txt.gz ${package_files}/hirestream.cdx.json)
add_custom_command(
  OUTPUT ${bill}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${package_files}
  COMMAND ${CMAKE_SOURCE_DIR}/.ci/bill licences > ${package_files}/third_party_licences.txt
  COMMAND ${GZIP} -9nf ${package_files}/third_party_licences.txt
  COMMAND ${CMAKE_SOURCE_DIR}/.ci/bill sbom $<TARGET_FILE:hirestream> > ${package_files}/hirestream.cdx.json
  DEPENDS hirestream ${CMAKE_SOURCE_DIR}/.ci/bill ${CMAKE_SOURCE_DIR}/src/bridge/Cargo.lock
  COMMENT "Licences and bill of materials" VERBATIM)
add_custom_target(hirestream_package_files ALL DEPENDS ${made} ${bill})

set(integrations ${CMAKE_SOURCE_DIR}/integrations)
install(TARGETS hirestream RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${package_files}/hirestream.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${package_files}/hirestream.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME hirestream)
install(FILES ${package_files}/_hirestream DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${package_files}/hirestream.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${bill} DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${integrations}/systemd/hirestream.service ${integrations}/systemd/hirestream-mirror.service DESTINATION lib/systemd/system)
install(FILES ${integrations}/debian/copyright ${integrations}/debian/hirestream.toml DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The package alone: /etc is the administrator's, and dpkg knows how to leave there what was changed.
install(FILES ${integrations}/debian/hirestream.toml DESTINATION /etc/hirestream COMPONENT settings EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hirestream)
set(CPACK_PACKAGE_VENDOR hirestream)
set(CPACK_PACKAGE_CONTACT "The hirestream authors <hirestream@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "near-real-time recruitment analytics that is exactly right")
set(CPACK_PACKAGE_DESCRIPTION
  "Keeps an hourly table of what every job, campaign, publisher and group got and cost equal to a full recount of the raw tracking log, "
  "a fraction of a second behind it: from Apache Cassandra, SQLite or files into MySQL, MariaDB or SQLite, with a built-in live page.")
string(CONCAT CPACK_PACKAGE_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL Unspecified settings)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1 CACHE STRING "What stands behind the version in the package's")
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Beyond the libraries that it is linked with: the plugin for MySQL's logins and the time zones are loaded when they are needed.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libmariadb3, tzdata, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${integrations}/debian/postinst ${integrations}/debian/prerm ${integrations}/debian/postrm ${integrations}/debian/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
