#!/bin/bash
# Compiles the portable targets in Embedded Swift for WebAssembly, so that a slip shows at once.
exec "$(dirname "$0")/build.sh" --check
