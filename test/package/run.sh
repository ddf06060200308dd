#!/bin/sh
# Packs the package, installs the tarball beside the apps, and tests it there. The name of the package does not matter:
# the apps know it as signpost.
set -eu
cd -- "$(dirname -- "$0")"
rm -f ./*.tgz
npm ci --silent
tarball=$(npm pack --silent ../.. | tail -n 1)
npm install --silent --no-save "signpost@./$tarball"
# The code of Expo alone, without React Native, which it asks for.
mkdir -p node_modules/expo-file-system
tar -xzf "$(npm pack --silent expo-file-system@58.0.14)" --strip-components=1 -C node_modules/expo-file-system
cd ../..
TEST_PACKAGE=test/package/$tarball TEST_BROWSER=${TEST_BROWSER:-/usr/bin/chromium} \
  npx vitest run --maxWorkers=2 test/package
