"""llama.cpp, through the Python package xllamacpp: what the tests hold the engine to and the benchmarks compare it with."""

import json
import pathlib
import subprocess
import sys
import urllib.request


class Oracle:
    """llama.cpp's server with one model, which writes, or gives "vectors" or "ranks"."""

    def __init__(self, model, context=2048, threads=2, gives=""):
        script = pathlib.Path(__file__).with_name("oracle_server.py")
        self.process = subprocess.Popen([sys.executable, script, str(model), str(context), str(threads), *filter(None, [gives])],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = None
        for line in self.process.stdout:
            if line.startswith(b"ready "):
                self.address = line.split()[1].decode()
                break
        if self.address is None:
            raise RuntimeError(f"the oracle did not start on {model}: exit code {self.process.wait()}")

    def post(self, path, **body):
        """The JSON reply of llama.cpp's server to a request, such as post("/tokenize", content="Hello")."""
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as reply:
            return json.loads(reply.read())

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
