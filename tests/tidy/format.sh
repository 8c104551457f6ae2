#!/bin/sh
# Every C++ file is as clang-format would write it. To mend: sh tests/tidy/format.sh --fix
set -eu
cd "$(dirname "$0")/../.."
mode="--dry-run --Werror"
[ "${1:-}" = --fix ] && mode=-i
# shellcheck disable=SC2086
git ls-files -z '*.cpp' '*.hpp' | xargs -0 -r clang-format $mode
echo "format: $(git ls-files '*.cpp' '*.hpp' | wc -l) files"
