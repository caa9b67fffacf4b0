#!/bin/sh
# Compiles the portable targets (CKernels, InferenceCore, WorkerCore) in Embedded Swift for WebAssembly with the stock
# toolchain. A construct that Embedded Swift lacks shows here, in seconds, before it shows in the browser's build.
set -eu
cd "$(dirname "$0")/../.."
exec swift build -c release --triple wasm32-unknown-none-wasm --scratch-path .build-wasm --target WorkerCore \
  -Xswiftc -enable-experimental-feature -Xswiftc Embedded -Xswiftc -wmo -Xcc -msimd128
