#!/bin/sh
# weir with everything but libc linked in, for distributions whose libraries are not Debian's: from
# nothing to build/static/weir (amd64) or build/static-TARGET/weir, stripped.
#
#   sh cross/static.sh [amd64|arm64|armhf]
#
# Libraries without an archive in the distribution are compiled from its source packages, which apt
# verifies. It runs where glibc is as new as the one of the distribution that builds, and at least
# 2.36. Exit status: 0 when the program needs nothing but libc and is no larger than 9.5 MB.
set -eu
cd "$(dirname "$0")/.."

target=${1:-amd64}
case $target in
  amd64) name=static ;;
  arm64 | armhf) name=static-$target ;;
  *)
    echo "usage: sh cross/static.sh [amd64|arm64|armhf]" >&2
    exit 64
    ;;
esac
build=$PWD/build/$name
sysroot=$PWD/build/sysroot/$target-static

# No exception is to pass through C: its tables of how to, a tenth of the program, are left out.
c_flags="-Os -DNDEBUG -fno-asynchronous-unwind-tables"
without_tables() {
  for archive in "$@"; do
    llvm-objcopy --remove-section=.eh_frame --remove-section=.rela.eh_frame "$archives/$archive"
  done
}

started=$(date +%s)
step() {
  echo "=== static, $target: $1 ($(($(date +%s) - started)) s)"
}

# configure SOURCE BUILD [options]: with what all parts of the program are compiled with.
configure() {
  source=$1 into=$2
  shift 2
  cmake -G Ninja -S "$source" -B "$into" -DCMAKE_TOOLCHAIN_FILE="$PWD/cross/$target.cmake" \
    -DWEIR_STATIC=ON -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="$c_flags" \
    -DCMAKE_CXX_FLAGS_RELEASE="-Os -DNDEBUG" "$@"
}

# Runs a command with its output in BUILD.log, which is shown when it fails.
logged() {
  log=$1.log
  shift
  "$@" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    echo "static: its whole output is in $log" >&2
    exit 1
  }
}

# library SOURCE_PACKAGE [options]: compiled, and installed in the sysroot.
library() {
  into=$build/$1
  set -- "$into" "$sysroot/usr/src/$1"-[0-9]* "$@"
  from=$2
  shift 3
  [ -d "$from" ] || {
    echo "static: there is no $from" >&2
    exit 1
  }
  logged "$into" configure "$from" "$into" -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INSTALL_PREFIX=/usr \
    -DCMAKE_INSTALL_LIBDIR="lib/$triple" -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
  logged "$into" env DESTDIR="$sysroot" cmake --build "$into" -j "$(nproc)" --target install
}

# SQLite without what weir has no use for (text search, trees, sessions, JSON): half of its size.
# Compiled in one piece; configure finds out for it what the target's libc has.
sqlite() {
  into=$build/sqlite3
  set -- "$sysroot"/usr/src/sqlite3-[0-9]*
  compiler="clang --target=$triple --sysroot=$sysroot --gcc-toolchain=$sysroot/usr -fuse-ld=lld"
  mkdir -p "$into"
  (
    cd "$into"
    logged "$into" "$1/configure" --build="$(uname -m)-pc-linux-gnu" --host="$triple" \
      CC="$compiler" LDFLAGS=-static-libgcc BUILD_CC=clang --disable-tcl --disable-shared --disable-readline
    # The distribution's patches make its generator of parsers for the target, where it can't run.
    clang -o lemon "$1/tool/lemon.c"
    cp "$1/tool/lempar.c" .
    logged "$into" make sqlite3.c
    # shellcheck disable=SC2086 # one word an option
    logged "$into" $compiler $c_flags -ffunction-sections -fdata-sections -fPIC -I. \
      -D_HAVE_SQLITE_CONFIG_H -DSQLITE_THREADSAFE=1 -DSQLITE_SECURE_DELETE \
      -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_JSON -c sqlite3.c
    rm -f "$archives/libsqlite3.a"
    llvm-ar rcs "$archives/libsqlite3.a" sqlite3.o
  )
}

step "packages of this machine"
sh tests/setup.sh static
step "sysroot and sources"
sh cross/sysroot.sh "$target" static

step "libraries without an archive"
mkdir -p "$build"
triple=$(basename "$sysroot"/usr/lib/*-linux-gnu*)
archives=$sysroot/usr/lib/$triple
without_tables libcrypto.a libssl.a libpaho-mqtt3as.a libz.a liblz4.a libzstd.a
sqlite
library fmtlib -DFMT_DOC=OFF -DFMT_TEST=OFF
library spdlog -DSPDLOG_FMT_EXTERNAL=ON -DSPDLOG_BUILD_EXAMPLE=OFF
library simdjson -DSIMDJSON_DEVELOPER_MODE=OFF
library prometheus-cpp -DENABLE_PULL=OFF -DENABLE_PUSH=OFF -DENABLE_TESTING=OFF \
  -DENABLE_COMPRESSION=OFF
library paho.mqtt.cpp -DPAHO_BUILD_SHARED=OFF -DPAHO_BUILD_STATIC=ON -DPAHO_WITH_SSL=ON \
  -DPAHO_BUILD_SAMPLES=OFF -DPAHO_BUILD_TESTS=OFF -DPAHO_BUILD_DOCUMENTATION=OFF
# SASL is what it calls Cyrus SASL; PLAIN, SCRAM and OAUTHBEARER are its own.
library librdkafka -DRDKAFKA_BUILD_STATIC=ON -DRDKAFKA_BUILD_EXAMPLES=OFF -DRDKAFKA_BUILD_TESTS=OFF \
  -DWITH_SASL=OFF -DWITH_SASL_SCRAM=ON -DWITH_SASL_OAUTHBEARER=ON -DWITH_SSL=ON -DWITH_ZLIB=ON \
  -DWITH_ZSTD=ON -DENABLE_LZ4_EXT=ON -DWITH_CURL=OFF -DWITH_PLUGINS=OFF
# Its own file of pkg-config has another name for an archive, and leaves out what that needs.
configs=$archives/pkgconfig
sed -e 's/^Requires:.*/Requires: libssl libcrypto libzstd liblz4 zlib/' \
  -e "s|\${libdir}/librdkafka.a|-lrdkafka|" "$configs/rdkafka-static.pc" >"$configs/rdkafka.pc"

step "weir"
# Several files as one: a fraction of the time.
logged "$build/configure" configure . "$build" -DWEIR_TESTS=OFF -DCMAKE_UNITY_BUILD=ON
logged "$build/build" cmake --build "$build" -j "$(nproc)" --target weir

step "size"
sh cross/sizes.sh "$name"
step "what it needs"
needed=$(llvm-readelf --needed-libs "$build/weir" | sed -n 's/^ *\([^ ]*\.so[^ ]*\)$/\1/p')
[ -n "$needed" ] || {
  echo "static: $build/weir needs no libc: it is no dynamic program" >&2
  exit 1
}
for library in $needed; do
  case $library in
    libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | ld-linux*) ;;
    *)
      echo "static: it needs $library, which is no part of libc" >&2
      exit 1
      ;;
  esac
done
echo "$build/weir: needs" $needed
step "done"
