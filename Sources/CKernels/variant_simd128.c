// The plain SIMD kernels once more, for a module whose baseline uses relaxed SIMD: what it falls back to where a browser
// gets that wrong. Scripts/wasm/build.sh compiles this file without relaxed SIMD.

#if defined(__wasm_atomics__)
#define ck_baseline_variant ck_simd128_variant
#include "variant_baseline.c"
#endif
