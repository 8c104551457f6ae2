# 64-bit RISC-V, of distributions that have it: Debian from 13 on.
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(WEIR_TARGET riscv64)
set(WEIR_TRIPLE riscv64-linux-gnu)
set(WEIR_QEMU qemu-riscv64)
set(WEIR_CPU "")
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
