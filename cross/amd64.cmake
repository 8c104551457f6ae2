# 64-bit x86, through the same sysroots as the others: for cross/static.sh.
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(WEIR_TARGET amd64)
set(WEIR_TRIPLE x86_64-linux-gnu)
set(WEIR_QEMU "")
set(WEIR_CPU "")
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
