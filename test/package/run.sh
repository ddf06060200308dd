#!/bin/sh
# Packs the package, installs the tarball beside the apps, and tests it there. The name of the package does not matter:
# the apps know it as signpost.
set -eu
cd -- "$(dirname -- "$0")"
rm -f ./*.tgz
npm ci --silent
tarball=$(npm pack --silent ../.. | tail -n 1)
npm install --silent --no-save "signpost@./$tarball"
cd ../..
TEST_PACKAGE=test/package/$tarball TEST_BROWSER=${TEST_BROWSER:-/usr/bin/chromium} \
  npx vitest run --maxWorkers=2 test/package
