#!/bin/bash
# Builds the engine for the browser with the stock Swift toolchain: no SDK, no emscripten, no dependencies.
#
#   Scripts/wasm/build.sh [OUTPUT_DIRECTORY]      the three modules; default directory Web/dist
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
target=wasm32-unknown-none-wasm   # or wasm64-…, where the weights do not fit 32-bit addresses
stack_size=$((4 * 1024 * 1024))

simd=(-msimd128 -mbulk-memory -mnontrapping-fptoint -msign-ext -mmutable-globals)
threads=("${simd[@]}" -mrelaxed-simd -matomics)

# Whether a module must be compiled: not when its sources, its flags and the modules before it are those of last time.
changed() {  # module build-directory flags…
  local module=$1 build=$2 stamp
  shift 2
  state=$( (echo "$state" "$@"; cat "$0"; find "Sources/$module" -type f | sort | xargs cat) | sha256sum)
  stamp=$build/$module.stamp
  if [ "$(cat "$stamp" 2> /dev/null)" = "$state" ]; then return 1; fi
  rm -f "$stamp"
}

compile_c() {  # module build-directory flags…
  local module=$1 build=$2 source flags
  shift 2
  mkdir -p "$build/$module"
  printf 'module %s {\n  umbrella header "%s"\n  export *\n}\n' \
    "$module" "$PWD/Sources/$module/include/$module.h" > "$build/$module/module.modulemap"
  rm -f "$build/$module"/*.o
  for source in $(find "Sources/$module" -name '*.c' | sort); do
    flags=("$@")
    case $source in */variant_simd128.c) flags+=(-mno-relaxed-simd) ;; esac
    "$toolchain/clang" --target=$target -O3 -std=c17 -ffreestanding -Wall -Werror -I "Sources/$module/include" "${flags[@]}" \
      -c "$source" -o "$build/$module/$(basename "$source").o"
  done
}

compile_swift() {  # module build-directory C-flags…
  local module=$1 build=$2 flag c_flags=() object=()
  shift 2
  # In Embedded Swift a module's object holds all that it uses of the modules below, so one is enough to link. The check
  # makes them all, since code that nothing uses yet must compile too. Link-time optimization saves 7 % of the size.
  if $check; then
    object=(-c -o "$build/$module/$module.o")
  elif [ "$module" = BrowserWorker ]; then
    object=(-lto=llvm-full -c -o "$build/$module/$module.o")
  fi
  for flag in "$@"; do c_flags+=(-Xcc "$flag"); done
  mkdir -p "$build/$module"
  find "Sources/$module" -name '*.swift' | sort > "$build/$module/sources"
  # The C modules are found by relative paths, by which a cache for all checkouts would take those of another one for ours.
  "$toolchain/swiftc" -target $target -enable-experimental-feature Embedded -swift-version 6 -wmo -Osize \
    -parse-as-library -package-name swiftlet -warnings-as-errors -module-name "$module" \
    -I "$build" -module-cache-path "$build/cache" -Xcc -fmodule-map-file="$build/CKernels/module.modulemap" \
    -Xcc -fmodule-map-file="$build/CBrowserRuntime/module.modulemap" "${c_flags[@]}" \
    -emit-module -emit-module-path "$build/$module.swiftmodule" @"$build/$module/sources" "${object[@]}"
}

compile() {  # build-directory flags…
  local build=$1 module state=
  shift
  mkdir -p "$build"
  for module in CKernels CBrowserRuntime InferenceCore WorkerCore BrowserWorker; do
    if changed $module "$build" "$@"; then
      case $module in
        C*) compile_c $module "$build" "$@" ;;
        *) compile_swift $module "$build" "$@" ;;
      esac
      echo "$state" > "$build/$module.stamp"
    fi
  done
}

link() {  # build-directory output-file linker-flags…
  local build=$1 file=$2 strip=--strip-all
  shift 2
  if [ -n "${SWIFTLET_WASM_NAMES:-}" ]; then strip=--strip-debug; fi
  # Only what the exported functions reach is kept. The stack lies first, so that running over it traps.
  "$toolchain/wasm-ld" --no-entry --gc-sections $strip -O2 --stack-first -z stack-size=$stack_size \
    "$@" "$build"/*/*.o -o "$file"
}

report() {  # file
  printf '%s: %d bytes, gzip %d' "$1" "$(wc -c < "$1")" "$(gzip -9 -c "$1" | wc -c)"
  if command -v brotli > /dev/null; then printf ', brotli %d' "$(brotli -c -q 11 "$1" | wc -c)"; fi
  printf '\n'
}

if $check; then
  compile .build-wasm/check "${simd[@]}"
  echo "portable targets: compile for $target"
  exit 0
fi

compile .build-wasm/simd "${simd[@]}" &
compile .build-wasm/threads "${threads[@]}"
wait $!
target=wasm64-unknown-none-wasm compile .build-wasm/wide "${threads[@]}"

mkdir -p "$output"
# With 32 bits the last page stays unused, so that the end of memory has an address too; 64-bit memories have up to 16 GB.
shared=(--import-memory --shared-memory --export=__stack_pointer)
link .build-wasm/simd "$output/swiftlet.wasm" --max-memory=$((65535 << 16))
link .build-wasm/threads "$output/swiftlet-threads.wasm" --max-memory=$((65535 << 16)) "${shared[@]}"
link .build-wasm/wide "$output/swiftlet-64.wasm" -mwasm64 --max-memory=$((1 << 34)) "${shared[@]}"
# The hashes of a model's bytes, in C alone.
"$toolchain/clang" --target=$target -O3 -std=c17 -ffreestanding -nostdlib -Wall -Werror "${simd[@]}" \
  -I Sources/CKernels/include Sources/CBrowserHash/hash.c Sources/CKernels/sha256.c \
  -Wl,--no-entry,--strip-all,--stack-first,-z,stack-size=16384 -o "$output/hash.wasm"
for module in swiftlet swiftlet-threads swiftlet-64 hash; do report "$output/$module.wasm"; done
