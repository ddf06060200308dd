#!/usr/bin/env bash
# The main task with curl and jq: presign, PUT, confirm, list, download, compare the bytes. One PUT: up to 5 GiB.
# CONTENT_TYPE defaults to application/octet-stream.
#
#   scripts/walkthrough.sh FILE [CONTENT_TYPE]
#
# SIGNPOST is the service (default http://127.0.0.1:3000), TOKEN a bearer token (default: one minted for "demo").
set -euo pipefail

for command in curl jq; do
  command -v "$command" >/dev/null || { echo "$command is required" >&2; exit 1; }
done
file=${1:?usage: scripts/walkthrough.sh FILE [CONTENT_TYPE]}
[ -f "$file" ] || { echo "file not found: $file" >&2; exit 1; }
type=${2:-application/octet-stream}
signpost=${SIGNPOST:-http://127.0.0.1:3000}
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
token=${TOKEN:-$(cd -- "$root" && npm run --silent token -- demo)}

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Calls the service; prints the answer and exits if it is an error.
call() {
  local path=$1
  shift
  : >"$work/answer"
  curl -sS --fail-with-body -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$signpost$path" \
    -o "$work/answer" "$@" || { cat -- "$work/answer" >&2; exit 1; }
  cat -- "$work/answer"
}

echo "1. presign one PUT: the signature covers key, type and size"
jq -n --arg fileName "$(basename -- "$file")" --arg contentType "$type" --argjson size "$(wc -c <"$file")" \
  '{$fileName, $contentType, $size, method: "PUT"}' >"$work/request.json"
call /presign-upload -d @"$work/request.json" >"$work/upload.json"
jq '{fileId, objectKey, expiresAt}' "$work/upload.json"

echo "2. PUT: straight to the bucket, with exactly the headers that were signed"
jq -r '.headers | to_entries[] | "\(.key): \(.value)"' "$work/upload.json" >"$work/headers"
curl -sS --fail-with-body --upload-file "$file" -H @"$work/headers" "$(jq -r .presignedUrl "$work/upload.json")"

echo "3. confirm: the service verifies the object, then stores its row"
jq '{objectKey}' "$work/upload.json" >"$work/key.json"
call /confirm-upload -d @"$work/key.json" >"$work/file.json"
jq . "$work/file.json"

echo "4. list: the newest file is this one"
call '/files?limit=1' >"$work/list.json"
jq -e --slurpfile file "$work/file.json" '.files == ($file | map(del(.receipt)))' "$work/list.json" >/dev/null

echo "5. download: straight from the bucket, and the bytes are the same"
call /presign-download -d @"$work/key.json" >"$work/download.json"
curl -sS --fail-with-body -o "$work/downloaded" "$(jq -r .presignedUrl "$work/download.json")"
cmp -- "$file" "$work/downloaded"
echo "done: $(wc -c <"$file") bytes went up and came down unchanged"
