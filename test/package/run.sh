#!/bin/sh
# Packs the package, installs the tarball beside the apps, and tests it there. The name of the package does not matter:
# the apps know it as signpost. With `pack`, it only packs; with `test`, it only tests what was packed before.
set -eu
cd -- "$(dirname -- "$0")"
if [ "${1:-}" != test ]; then
  rm -f ./*.tgz
  npm pack --silent ../..
  if [ "${1:-}" = pack ]; then exit; fi
fi
tarball=$(echo *.tgz)
npm ci --silent
npm install --silent --no-save "signpost@./$tarball"
# The code of Expo alone, without React Native, which it asks for.
mkdir -p node_modules/expo-file-system
expo=$(npm pack --silent --pack-destination node_modules expo-file-system@58.0.14)
tar -xzf "node_modules/$expo" --strip-components=1 -C node_modules/expo-file-system
cd ../..
TEST_PACKAGE=test/package/$tarball TEST_BROWSER=${TEST_BROWSER:-/usr/bin/chromium} VITEST_MAX_WORKERS=2 \
  npx vitest run test/package
