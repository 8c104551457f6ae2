#!/bin/sh
# Boots systemd in a root (cross/root.sh), in namespaces of its own but for the network. As root.
# Runs until it is ended; what was started in it ends with it.
#
#   sh cross/boot.sh ROOT CGROUP     CGROUP: a directory of cgroup v2 that it may have
set -eu
root=$1
mkdir -p "$2"
echo $$ >"$2/cgroup.procs"

# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child sh -eu -c '
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch dev/$device
  mount --bind /dev/$device dev/$device
done
mkdir -p dev/pts dev/shm old
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
pivot_root . old
umount -l old
exec env -i container=weir PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --log-target=console --show-status=0
' sh "$root" </dev/null
