"""Serves one model with llama.cpp on a free port of the loopback interface, until standard input closes.

    python oracle_server.py MODEL.gguf CONTEXT THREADS [vectors|ranks]

Prints "ready URL" once it answers. A process of its own, so that its logs and memory stay out of the tests.
"""

import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = int(sys.argv[2])
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = int(sys.argv[3])
parameters.n_parallel = 1
parameters.warmup = False
# Vectors are wanted instead of texts, of texts that go through the model whole; ranks are another way to pool.
if len(sys.argv) > 4:
    parameters.embedding = True
    parameters.n_batch = parameters.n_ubatch = parameters.n_ctx
    if sys.argv[4] == "ranks":
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
server = xllamacpp.Server(parameters)
print("ready " + server.listening_address, flush=True)
sys.stdin.read()
