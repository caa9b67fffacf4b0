#!/bin/bash
# Builds what a browser needs into Web/dist: the page's sources as they are, the Wasm modules, and beside every file that
# is worth it a precompressed copy (.br, .gz), which `swiftlet serve` and most static web servers send instead.
set -euo pipefail
cd "$(dirname "$0")/.."
site=Web/dist

rm -rf $site
mkdir -p $site
(cd Web && find . -path ./dist -prune -o -type f -print0 | xargs -0 -r cp --parents -t dist)
Scripts/wasm/build.sh $site

code_size=0
while IFS= read -r file; do
  gzip -9 -n -k -f "$file"
  if command -v brotli > /dev/null; then brotli -q 11 -k -f "$file"; fi
  case $file in
    *-threads.wasm) ;;  # a page loads one of the two modules
    *.wasm | *.js | *.mjs | *.css | *.html) code_size=$((code_size + $(wc -c < "$file.gz"))) ;;
  esac
done < <(find $site -type f \( -name '*.wasm' -o -name '*.js' -o -name '*.mjs' -o -name '*.css' -o -name '*.html' \
  -o -name '*.json' -o -name '*.webmanifest' -o -name '*.svg' -o -name '*.d.ts' \) -size +500c)
echo "all code of the page: $code_size bytes with gzip"
