# Run by CPack when the program is in place: adds what comes with it, and finds out what it depends
# on. CPack's own way asks dpkg for the target's packages, which it does not know.
get_filename_component(source ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(modes FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(COPY ${source}/config/weir.toml DESTINATION ${root}/etc/weir ${modes})
file(COPY ${source}/config/weir.service DESTINATION ${root}/usr/lib/systemd/system ${modes})
file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright DESTINATION ${root}/usr/share/doc/weir ${modes})
configure_file(
  ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides ${root}/usr/share/lintian/overrides/weir COPYONLY
  ${modes})

# Manual pages and completions: what the program itself says, under the emulator if need be.
execute_process(
  COMMAND python3 ${source}/cross/manual.py ${root}/usr/share ${CPACK_PACKAGE_VERSION}
    ${CPACK_WEIR_EMULATOR} ${root}/usr/bin/weir
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "no manual pages (python3 is needed): ${failed}")
endif()
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/changelog newest LIMIT_COUNT 1)
if(NOT newest MATCHES "^weir \\(${CPACK_PACKAGE_VERSION}\\) ")
  message(FATAL_ERROR "cross/debian/changelog does not begin with ${CPACK_PACKAGE_VERSION}")
endif()
file(COPY ${CMAKE_CURRENT_LIST_DIR}/changelog DESTINATION ${root}/usr/share/doc/weir ${modes})
file(GLOB_RECURSE texts ${root}/usr/share/man/*)
execute_process(
  COMMAND gzip -9n ${texts} ${root}/usr/share/doc/weir/changelog COMMAND_ERROR_IS_FATAL ANY)

file(MAKE_DIRECTORY ${CPACK_TEMPORARY_DIRECTORY}/debian)
file(WRITE ${CPACK_TEMPORARY_DIRECTORY}/debian/control
  "Source: weir\n\nPackage: weir\nArchitecture: any\n")
if(CPACK_WEIR_SYSROOT)
  set(ENV{DEB_HOST_ARCH} ${CPACK_DEBIAN_PACKAGE_ARCHITECTURE})
  file(GLOB libraries ${CPACK_WEIR_SYSROOT}/usr/lib/*-linux-gnu*)
  set(where -S${CPACK_WEIR_SYSROOT} -l${libraries})
endif()
execute_process(
  COMMAND dpkg-shlibdeps -O ${where} ${root}/usr/bin/weir
  WORKING_DIRECTORY ${CPACK_TEMPORARY_DIRECTORY}
  OUTPUT_VARIABLE depends OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
file(REMOVE_RECURSE ${CPACK_TEMPORARY_DIRECTORY}/debian)
if(failed OR NOT depends MATCHES "^shlibs:Depends=.*libc6")
  message(FATAL_ERROR "dpkg-shlibdeps does not say what weir depends on: ${depends}")
endif()
string(REPLACE "shlibs:Depends=" "" CPACK_DEBIAN_PACKAGE_DEPENDS "${depends}")
message(STATUS "depends on: ${CPACK_DEBIAN_PACKAGE_DEPENDS}")
