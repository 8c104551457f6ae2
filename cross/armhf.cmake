# 32-bit ARM with a floating-point unit, ARMv7: Raspberry Pi 2, and 3 and later with a 32-bit
# system. The processor is the one that the distribution's packages are made for.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(WEIR_TARGET armhf)
set(WEIR_TRIPLE arm-linux-gnueabihf)
set(WEIR_QEMU qemu-arm)
set(WEIR_CPU "-march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard -mthumb")
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
