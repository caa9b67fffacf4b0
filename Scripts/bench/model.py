"""What a model's file says about the work of a token."""

import dataclasses
import math
import pathlib

import gguf

EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"


@dataclasses.dataclass(frozen=True)
class Model:
    path: str
    file_bytes: int
    # Read for each token that is written: all tensors, but the table of embeddings where the output has its own matrix.
    decode_bytes: int
    # Multiplications and additions for each token that is read; only the last one's logits are wanted.
    prefill_operations: int

    # Beyond this, less is measured.
    LARGE = 1_000_000_000

    @property
    def name(self):
        return pathlib.Path(self.path).stem

    @property
    def is_large(self):
        return self.file_bytes > self.LARGE


def read(path):
    """A Model, from the header of its file."""
    tensors = gguf.GGUFReader(path).tensors
    tied = all(tensor.name != OUTPUT for tensor in tensors)
    matrices = [tensor for tensor in tensors if len(tensor.shape) == 2 and tensor.name not in (EMBEDDING, OUTPUT)]
    return Model(
        str(path), pathlib.Path(path).stat().st_size,
        sum(int(tensor.n_bytes) for tensor in tensors if tied or tensor.name != EMBEDDING),
        2 * sum(math.prod(map(int, tensor.shape)) for tensor in matrices))
