#!/bin/bash
# Builds the engine for the browser with the stock Swift toolchain: no SDK, no emscripten, no dependencies.
#
#   Scripts/wasm/build.sh [OUTPUT_DIRECTORY]      both modules; default directory Web/dist
#   Scripts/wasm/build.sh --check                 only compiles: do the portable targets still fit Embedded Swift?
#
# SWIFTLET_WASM_NAMES=1 keeps function names in the modules, for profiles and readable stack traces.
set -euo pipefail
cd "$(dirname "$0")/../.."

check=false
output=Web/dist
case "${1:-}" in
  --check) check=true ;;
  "") ;;
  *) output=$1 ;;
esac

toolchain=$(dirname "$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)\/lib\/swift".*/\1/p')")/usr/bin
target=wasm32-unknown-none-wasm
memory_limit=$((65535 * 65536))   # the last page stays unused, so that the end of memory is below 2^32
stack_size=$((4 * 1024 * 1024))

simd=(-msimd128 -mbulk-memory -mnontrapping-fptoint -msign-ext -mmutable-globals)
threads=("${simd[@]}" -mrelaxed-simd -matomics)

# The compiler's and the linker's messages matter only when something is wrong with the project.
compile_c() {  # module build-directory flags…
  local module=$1 build=$2
  shift 2
  mkdir -p "$build/$module"
  printf 'module %s {\n  umbrella header "%s"\n  export *\n}\n' \
    "$module" "$PWD/Sources/$module/include/$module.h" > "$build/$module/module.modulemap"
  local source
  for source in $(find "Sources/$module" -name '*.c' | sort); do
    "$toolchain/clang" --target=$target -O3 -std=c17 -ffreestanding -Wall -Werror -I "Sources/$module/include" "$@" \
      -c "$source" -o "$build/$module/$(basename "$source").o"
  done
}

compile_swift() {  # module build-directory C-flags…
  local module=$1 build=$2 flag c_flags=()
  shift 2
  for flag in "$@"; do c_flags+=(-Xcc "$flag"); done
  find "Sources/$module" -name '*.swift' | sort > "$build/$module.sources"
  "$toolchain/swiftc" -target $target -enable-experimental-feature Embedded -swift-version 6 -wmo -O \
    -parse-as-library -package-name swiftlet -warnings-as-errors -module-name "$module" \
    -I "$build" -Xcc -fmodule-map-file="$build/CKernels/module.modulemap" \
    -Xcc -fmodule-map-file="$build/CBrowserRuntime/module.modulemap" "${c_flags[@]}" \
    -emit-module -emit-module-path "$build/$module.swiftmodule" -c @"$build/$module.sources" -o "$build/$module.o"
}

compile() {  # build-directory flags…
  local build=$1 module
  shift
  mkdir -p "$build"
  for module in CKernels CBrowserRuntime; do compile_c $module "$build" "$@"; done
  for module in InferenceCore WorkerCore BrowserWorker; do compile_swift $module "$build" "$@"; done
}

link() {  # build-directory output-file linker-flags…
  local build=$1 file=$2 strip=--strip-all
  shift 2
  if [ -n "${SWIFTLET_WASM_NAMES:-}" ]; then strip=--strip-debug; fi
  # Only what the exported functions reach is kept. The stack lies first, so that running over it traps.
  "$toolchain/wasm-ld" --no-entry --gc-sections $strip -O2 --stack-first -z stack-size=$stack_size \
    --max-memory=$memory_limit "$@" "$build"/*.o "$build"/*/*.o -o "$file"
}

report() {  # file
  printf '%s: %d bytes, gzip %d' "$1" "$(wc -c < "$1")" "$(gzip -9 -c "$1" | wc -c)"
  if command -v brotli > /dev/null; then printf ', brotli %d' "$(brotli -c -q 11 "$1" | wc -c)"; fi
  printf '\n'
}

compile .build-wasm/simd "${simd[@]}"
if $check; then
  echo "portable targets: compile for $target"
  exit 0
fi
compile .build-wasm/threads "${threads[@]}"

mkdir -p "$output"
link .build-wasm/simd "$output/swiftlet.wasm"
link .build-wasm/threads "$output/swiftlet-threads.wasm" --import-memory --shared-memory --export=__stack_pointer
report "$output/swiftlet.wasm"
report "$output/swiftlet-threads.wasm"
