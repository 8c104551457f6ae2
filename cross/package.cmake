# The Debian package of what is built: cpack --config build/PRESET/CPackConfig.cmake
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME weir)
set(WEIR_MAINTAINER "the weir project <weir@localhost>" CACHE STRING "of the Debian package")
set(CPACK_PACKAGE_CONTACT "${WEIR_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "MQTT in, event-time rollups and alerts out to Kafka")
set(CPACK_PACKAGE_DESCRIPTION
  "Runs on a gateway beside an MQTT broker, rolls readings up in windows,
looks for anomalies, keeps everything in a bounded buffer on the disk, and
forwards results to a Kafka cluster through days without a link.")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS tzdata)  # without it every time zone but UTC is refused
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/cross/debian/conffiles ${PROJECT_SOURCE_DIR}/cross/debian/postinst
  ${PROJECT_SOURCE_DIR}/cross/debian/prerm ${PROJECT_SOURCE_DIR}/cross/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${WEIR_TARGET})  # empty: this machine's
set(CPACK_WEIR_SYSROOT ${CMAKE_SYSROOT})
set(CPACK_WEIR_EMULATOR ${CMAKE_CROSSCOMPILING_EMULATOR})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cross/debian/stage.cmake)
include(CPack)
