"""Kernels of the card one by one: what they are given, and what NumPy says that they give. `kernels.js` runs them."""

import base64
import pathlib

import gguf
import numpy as np

from tiny_gguf import FORMATS, SCALES, Q, blocks, elements

SCRIPT = pathlib.Path(__file__).parent / "kernels.js"
ROWS, COLUMNS, VECTORS = 70, 512, 37
# What `GPUKernel` makes of a format of integers. The others give elements at once.
SIGNED = {Q.Q8_0, Q.IQ4_NL, Q.IQ4_XS, Q.IQ1_S, Q.IQ1_M, Q.IQ2_XXS, Q.IQ2_XS, Q.IQ2_S, Q.IQ3_XXS, Q.IQ3_S, Q.MXFP4, Q.NVFP4}
FLOATS = {Q.F32, Q.F16, Q.BF16}
WITH_GRIDS = {Q.IQ1_S, Q.IQ1_M, Q.IQ2_XXS, Q.IQ2_XS, Q.IQ2_S, Q.IQ3_XXS, Q.IQ3_S, Q.TQ1_0, Q.TQ2_0}


def grids():
    """The grids that weights of `grids.wgsl` begin with, from the package, and the constants that say where each is."""
    text, grids = "", np.empty(0, np.uint32)
    for name in ["IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]:
        format = getattr(gguf.quants, name)
        format.init_grid()
        points = format.grid.reshape(format.grid_shape)
        digits = np.searchsorted(format.grid_map, points).astype(np.uint32)
        bits = 16 // points.shape[1]
        words = (digits.reshape(len(points) // 2, -1) << np.arange(0, 32, bits, dtype=np.uint32)).sum(axis=1)
        name = "iq1" if name == "IQ1_S" else name.lower()
        text += f"const grid_{name} = {len(grids)}u;\n"
        grids = np.concatenate([grids, words.astype(np.uint32)])
    return grids, text


def stored(kind, data):
    """A matrix as it lies in a binding, and where it begins."""
    if kind not in WITH_GRIDS:
        return packed(data), 0
    begin = grids()[0].tobytes()
    return packed(np.frombuffer(begin + np.ascontiguousarray(data).tobytes(), np.uint8)), len(begin)


def parts(kind, *before_and_after):
    """The files of a kernel that reads a format."""
    return [*before_and_after, *(["grids"] if kind in WITH_GRIDS else [])]


def constants(kind):
    size, count = gguf.GGML_QUANT_SIZES[kind]
    together, name = max(size, 32), kind.name.lower()
    text = grids()[1] if kind in WITH_GRIDS else ""
    text += f"const first_bytes = {together // size * count}u; const first_parts = {together // 32}u;\n"
    if kind in FLOATS:
        return text + f"fn first_elements(at: u32, part: u32) -> Elements {{ return {name}_elements(at, part); }}\n"
    unpacker = "signed_elements" if kind in SIGNED else "unsigned_elements"
    return (text + f"fn first_block(at: u32, part: u32) -> Block {{ return {name}_block(at, part); }}\n"
            f"fn first_elements(at: u32, part: u32) -> Elements {{ return {unpacker}(first_block(at, part)); }}\n")


def packed(array):
    data = np.ascontiguousarray(array).tobytes()
    return base64.b64encode(data + bytes(-len(data) % 16 + 16)).decode()


def step(count):
    """What a pass over so many rows is, as `rows.wgsl` reads it."""
    return packed(np.array([count, count] + [0] * 14 + [word for row in range(count) for word in [row, 0, 0, row, 0, 0, 0, 0]], np.uint32))


def floats(line):
    """What a kernel left."""
    return np.frombuffer(base64.b64decode(line), np.float32)


def matrix(kind):
    """One of a format, as it is stored, and its elements."""
    numbers = np.random.default_rng(3).standard_normal((ROWS, COLUMNS)).astype(np.float32)
    stored = blocks(np.random.default_rng(4), ROWS, COLUMNS, kind) if kind in SCALES else gguf.quants.quantize(numbers, kind)
    return stored, elements(stored, kind)


def row_bytes(kind):
    size, count = gguf.GGML_QUANT_SIZES[kind]
    return COLUMNS // size * count


def check_unpacking(run_kernels, kinds=(Q.F32, *FORMATS)):
    """By way of `embed.wgsl`, which gives rows of a matrix."""
    matrices = {kind: matrix(kind) for kind in kinds}
    one = int(np.float32(1).view(np.uint32))
    kernels = [{"parts": parts(kind, "rows", "formats", "embed"), "constants": constants(kind)} for kind in matrices]
    runs = [{
        "weights": stored(kind, data)[0], "vectors": packed(np.zeros(4)), "step": step(ROWS),
        "work": packed(np.zeros((ROWS, COLUMNS), np.float32)), "read": [0, ROWS * COLUMNS * 4],
        "dispatches": [{"kernel": index, "groups": [1, ROWS, 1],
                        "parameters": [stored(kind, data)[1], row_bytes(kind), 0, ROWS, COLUMNS // 32, 0, COLUMNS // 4, COLUMNS, one]}],
    } for index, (kind, (data, _)) in enumerate(matrices.items())]
    for (kind, (_, expected)), found in zip(matrices.items(), run_kernels(kernels, runs), strict=True):
        assert np.allclose(found.reshape(ROWS, COLUMNS), expected, rtol=1e-5, atol=1e-6), kind.name


# With what numbers a prefill multiplies, and how far the products may be from those of the numbers as they are, as a part of
# what they would be without cancellation: eight bits of the largest element, or eleven of each and of the sums.
ARITHMETICS = {"floats": 1e-5, "bytes": 0.02, "halves": 0.003}


def check_products(run_kernels, arithmetic, kinds=(Q.F32, *FORMATS)):
    """More rows and vectors than a tile has, with biases, added to what is there; parts of vectors are zero, nearly so, large, or of one sign."""
    matrices = {kind: matrix(kind) for kind in kinds if arithmetic == "floats" or kind not in FLOATS}
    kinds, bound = list(matrices), ARITHMETICS[arithmetic]
    random = np.random.default_rng(5)
    vectors = random.standard_normal((VECTORS, COLUMNS)).astype(np.float32)
    vectors[3, 64:96] = 0
    vectors[5, :32] *= 20000
    vectors[6] = np.abs(vectors[6])
    vectors[7, :64] = [1e-37, -3e-39, 1e-45, 0] * 16
    bias, before = random.standard_normal(4 + ROWS).astype(np.float32), random.standard_normal((VECTORS, 96)).astype(np.float32)
    length = COLUMNS // 32
    rounded = {"bytes": 12, "halves": 20}.get(arithmetic, 0)
    work = np.concatenate([vectors.ravel(), before.ravel(), np.zeros(VECTORS * length * rounded, np.float32)])
    out, place = VECTORS * COLUMNS // 4, (VECTORS * COLUMNS + VECTORS * 96) // 4
    kernels, runs = [], []
    for kind in kinds:
        weights, begin = stored(kind, matrices[kind][0])
        head = "enable f16;\n" if arithmetic == "halves" else ""
        product = {"parts": parts(kind, "rows", "formats", "curves", "tile"), "constants": "const experts = false;\n" + constants(kind)}
        parameters = [0, COLUMNS // 4, length, ROWS, begin, row_bytes(kind), 4, out, 24, 1, 0, 0]
        dispatches = []
        if rounded:
            kernels.append({"parts": ["formats", arithmetic, "round"], "constants": head})
            dispatches.append({"kernel": len(kernels) - 1, "groups": [1, VECTORS, 1],
                               "parameters": [0, COLUMNS // 4, place, length * rounded // 4, length]})
            product = {"parts": parts(kind, "rows", "formats", arithmetic, "tileRounded"), "constants": head + constants(kind)}
            parameters = [place, length * rounded // 4, length, ROWS, begin, row_bytes(kind), 4, out, 24, 1]
        kernels.append(product)
        dispatches.append({"kernel": len(kernels) - 1, "groups": [2, 2, 1], "parameters": parameters})
        runs.append({"weights": weights, "vectors": packed(bias), "step": step(VECTORS), "work": packed(work),
                     "dispatches": dispatches, "read": [VECTORS * COLUMNS * 4, before.nbytes]})
    for kind, found in zip(kinds, run_kernels(kernels, runs), strict=True):
        weights, numbers = matrices[kind][1].T.astype(np.float64), vectors.astype(np.float64)
        given = found.reshape(VECTORS, 96)[:, :ROWS] - before[:, :ROWS] - bias[4:]
        error = np.linalg.norm(given - numbers @ weights, axis=1) / np.linalg.norm(np.sqrt(numbers**2 @ weights**2), axis=1)
        print(f"{arithmetic}, {kind.name}: at most {error.max():.6f}")
        assert (error <= bound).all(), kind.name
        # Behind the rows of the matrix nothing is added.
        assert (found.reshape(VECTORS, 96)[:, 72:] == before[:, 72:]).all()
