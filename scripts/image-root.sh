#!/bin/sh
# Assembles the root file system of the image: Node, the libraries it is linked with, the built service. The Dockerfile
# and the test of the image both run it, on Debian, after scripts/build.mjs. The node of PATH is the one that goes in.
#
#   scripts/image-root.sh DIR
set -eu

root=${1:?usage: scripts/image-root.sh DIR}
cd -- "$(dirname -- "$0")/.."

node=$(readlink -f "$(command -v node)")
install -D "$node" "$root/usr/local/bin/node"
for library in $(ldd "$node" | grep -o '/[^ ]*'); do
  install -D "$library" "$root$library"
  # Tells scanners which packages are inside, as distroless images do; and the licence goes with the library.
  package=$(dpkg-query --search "*/${library#/}" | cut -d: -f1)
  install -d "$root/var/lib/dpkg/status.d"
  dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
  install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done

# Names for the two users there are, and /etc/hosts before DNS.
install -D -m 644 /etc/os-release "$root/etc/os-release"
printf '%s\n' 'root:x:0:0::/:/bin/false' 'nobody:x:65534:65534::/:/bin/false' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# The service: no source maps, no demo page (production has none).
install -D -m 644 -t "$root/app" package.json LICENSE
install -D -m 644 -t "$root/app/dist" dist/*.js dist/THIRD-PARTY-LICENSES.txt dist/sbom.cdx.json
