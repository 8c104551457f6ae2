#!/bin/sh
# Runs a command in a root that cross/root.sh made, in place of this process. In one of another
# architecture qemu runs all programs: by a handler in a user namespace of its own, so that neither
# the root nor the machine learns of it. As root.
#
#   sh cross/chroot.sh ROOT COMMAND...
set -eu
root=$1
shift

case $(cat "$root/.architecture") in
  "$(dpkg --print-architecture)") exec chroot "$root" "$@" ;;
  arm64) qemu=qemu-aarch64-static bits=02 machine=b7 ;;
  armhf) qemu=qemu-arm-static bits=01 machine=28 ;;
  riscv64) qemu=qemu-riscv64-static bits=02 machine=f3 ;;
esac
# What its programs begin with, and which bits of that tell.
begin="\\x7fELF\\x$bits\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x$machine\\x00"
tells='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
# F: opened here and now, where there is a qemu.
handler=":weir:M::$begin:$tells:$(command -v "$qemu"):FP"

# Only from outside can the namespace get all users and groups.
ready=$(mktemp -d)
mkfifo "$ready/pipe"
(
  until [ "$(readlink /proc/$$/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done
  echo 0 0 4294967295 >/proc/$$/uid_map
  echo 0 0 4294967295 >/proc/$$/gid_map
  echo go >"$ready/pipe"
  rm -r "$ready"
) &
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --user --mount sh -eu -c '
ready=$1 handler=$2 root=$3
shift 3
read -r _ <"$ready"
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
printf %s "$handler" >/proc/sys/fs/binfmt_misc/register
mount --rbind /proc "$root/proc"
for device in null zero full random urandom tty; do
  [ -e "$root/dev/$device" ] || touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
exec chroot "$root" "$@"
' sh "$ready/pipe" "$handler" "$root" "$@"
