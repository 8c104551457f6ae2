# What the toolchain files share: clang and lld of the machine that builds, everything else out of
# the sysroot, qemu to run what came of it. The files set, before they include this one:
#
#   WEIR_TARGET      the distribution's name for it; the sysroot is build/sysroot/WEIR_TARGET
#   WEIR_TRIPLE      what the libraries' directory is called
#   WEIR_QEMU        the emulator
#   WEIR_CPU         options of the compiler that choose the processor
#
# With -DWEIR_STATIC=ON the sysroot is the one of archives, and everything but libc is linked in
# (cross/static.sh).
set(CMAKE_SYSTEM_NAME Linux)

get_filename_component(root ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
set(CMAKE_SYSROOT ${root}/build/sysroot/${WEIR_TARGET})
set(kind "")
set(linkage "-fuse-ld=lld")
if(WEIR_STATIC)
  set(kind static)
  list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WEIR_STATIC)
  string(APPEND CMAKE_SYSROOT -static)
  # Short relocations, which glibc knows from 2.36 on; the linker has to say that it needs that.
  find_program(WEIR_LLD NAMES ld.lld-19 REQUIRED)
  set(linkage "-static-libgcc -static-libstdc++ --ld-path=${WEIR_LLD} -Wl,-z,pack-relative-relocs")
  set(PKG_CONFIG_ARGN --static CACHE STRING "an archive needs what its library needs")
endif()
if(NOT EXISTS ${CMAKE_SYSROOT}/.made)
  message(FATAL_ERROR "there is no sysroot yet; make it: sh cross/sysroot.sh ${WEIR_TARGET} ${kind}")
endif()

foreach(language C CXX)
  set(CMAKE_${language}_COMPILER_TARGET ${WEIR_TRIPLE})
  # Else clang goes by way of SYSROOT/lib, a link, and ninja, which takes its /../ by the letter,
  # looks for the headers where there are none and builds everything anew each time.
  set(CMAKE_${language}_COMPILER_EXTERNAL_TOOLCHAIN ${CMAKE_SYSROOT}/usr)
  # Sections that nothing refers to are left out by the linker.
  set(CMAKE_${language}_FLAGS_INIT "${WEIR_CPU} -ffunction-sections -fdata-sections")
endforeach()
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_EXE_LINKER_FLAGS_INIT
  "${linkage} -Wl,--gc-sections -Wl,--icf=safe -Wl,--as-needed -Wl,-z,relro,-z,now")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Else pkg-config answers for the machine that builds.
set(ENV{PKG_CONFIG_LIBDIR}
  ${CMAKE_SYSROOT}/usr/lib/${WEIR_TRIPLE}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})

set(CMAKE_CROSSCOMPILING_EMULATOR ${WEIR_QEMU} -L ${CMAKE_SYSROOT})
