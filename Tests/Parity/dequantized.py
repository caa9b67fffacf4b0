"""Writes a GGUF with every tensor of another as F32: the same weights, nothing rounded any further."""

import contextlib
import pathlib
import tempfile

import gguf
import numpy as np
from gguf import GGUFValueType


def dequantize(source, target):
    """Copies the metadata of `source` to `target` and every tensor of it as F32; a tensor is in memory at a time."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        element = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=element)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for tensor in reader.tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        writer.add_tensor_info(tensor.name, shape, np.dtype(np.float32), 4 * int(tensor.n_elements))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        writer.write_tensor_data(gguf.quants.dequantize(tensor.data, tensor.tensor_type))
    writer.close()


@contextlib.contextmanager
def dequantized(source):
    """The path of such a file, which is several times as large as `source` and goes with the context."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder, f"{pathlib.Path(source).stem}-f32.gguf")
        dequantize(source, target)
        yield target
