"""Serves one model with llama.cpp on a free port of the loopback interface, until standard input closes.

    python oracle_server.py MODEL.gguf CONTEXT THREADS

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
server = xllamacpp.Server(parameters)
print("ready " + server.listening_address, flush=True)
sys.stdin.read()
