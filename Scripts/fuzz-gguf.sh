#!/bin/sh
# Fuzzes the GGUF reader with libFuzzer and the address sanitizer.
#
#   Scripts/fuzz-gguf.sh [SECONDS] [FILE.gguf ...]    files are seeds; keep them small
#
# Findings are written to .build-fuzz/ and replayed by .build-fuzz/fuzz-gguf FINDING.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
mkdir -p .build-fuzz/corpus
for seed in "$@"; do cp "$seed" .build-fuzz/corpus/; done
# An empty file of version 3, so that the first mutations are past the magic.
printf 'GGUF\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000' > .build-fuzz/corpus/empty
echo "module CKernels { header \"$PWD/Sources/CKernels/include/CKernels.h\" export * }" > .build-fuzz/module.modulemap
for source in Sources/CKernels/*.c; do
  clang -O2 -ISources/CKernels/include -c "$source" -o ".build-fuzz/$(basename "$source" .c).o"
done
swiftc -O -wmo -parse-as-library -sanitize=fuzzer,address -module-name Fuzz -package-name swiftlet \
  -I .build-fuzz -o .build-fuzz/fuzz-gguf \
  Sources/InferenceCore/GGUF/*.swift Sources/InferenceCore/Quantization/*.swift Scripts/Fuzz/GGUFFuzzer.swift \
  .build-fuzz/*.o
cd .build-fuzz
./fuzz-gguf -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=1024 -timeout=10 corpus
