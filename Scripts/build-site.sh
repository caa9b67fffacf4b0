#!/bin/bash
# Builds what a browser needs into Web/dist: the page's sources without their comments, the Wasm modules, and beside every
# file that is worth it a precompressed copy (.br, .gz), which `swiftlet serve` and most static web servers send instead.
set -euo pipefail
cd "$(dirname "$0")/.."
site=Web/dist

rm -rf $site
mkdir -p $site
(cd Web && find . -path ./dist -prune -o -type f -print0 | xargs -0 -r cp --parents -t dist)
# Comments on lines of their own are for readers of the sources; they would be a quarter of what a page loads.
find $site \( -name '*.js' -o -name '*.wgsl' \) -not -path '*/vendor/*' -print0 | xargs -0 perl -0pi Scripts/strip-comments.pl
Scripts/wasm/build.sh $site

code_size=0
text_size=0
while IFS= read -r file; do
  gzip -9 -n -k -f "$file"
  if command -v brotli > /dev/null; then brotli -q 11 -k -f "$file"; fi
  case $file in
    *-threads.wasm | *-64.wasm) ;;  # a page loads one of the modules
    */vendor/markdown-it/*) text_size=$((text_size + $(wc -c < "$file.gz"))) ;;
    */vendor/* | */example.html | *.d.ts) ;;  # loaded when a reply needs it, or not by the page
    *.js | *.css | *.html) text_size=$((text_size + $(wc -c < "$file.gz"))) ;;
    *.wasm) code_size=$((code_size + $(wc -c < "$file.gz"))) ;;
  esac
done < <(find $site -type f \( -name '*.wasm' -o -name '*.js' -o -name '*.mjs' -o -name '*.css' -o -name '*.html' \
  -o -name '*.json' -o -name '*.webmanifest' -o -name '*.svg' -o -name '*.d.ts' -o -name '*.wgsl' \) -size +500c)
echo "the page: $text_size bytes with gzip; the engine: $code_size"
