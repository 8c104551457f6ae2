# 64-bit ARM: Raspberry Pi 3, 4, 5 and Zero 2 W.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(WEIR_TARGET arm64)
set(WEIR_TRIPLE aarch64-linux-gnu)
set(WEIR_QEMU qemu-aarch64)
set(WEIR_CPU "")
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
