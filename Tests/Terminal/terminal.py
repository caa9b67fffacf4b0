"""A program in a pseudo-terminal, and a screen to look at: enough of a terminal for what Swiftlet writes."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class Terminal:
    """Runs a command in a terminal of its own; `type` sends keys, `wait_for` looks at what came."""

    def __init__(self, command, columns=80, rows=24, env=None):
        self.output = b""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLUMNS": "", **(env or {})})
            os.execvp(command[0], command)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.descriptor, text if isinstance(text, bytes) else text.encode())

    def read(self, timeout):
        """Takes in what the program wrote; False when it wrote nothing in this time or has ended."""
        if not select.select([self.descriptor], [], [], timeout)[0]:
            return False
        try:
            block = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.output += block
        return bool(block)

    def wait_for(self, pattern, timeout=60, start=0):
        """Waits until the output from `start` on matches; returns the match."""
        deadline = time.monotonic() + timeout
        while True:
            if match := re.compile(pattern, re.DOTALL).search(self.text, start):
                return match
            if time.monotonic() > deadline:
                raise AssertionError(f"no {pattern!r} within {timeout} s in: {self.text[start:]!r}")
            if not self.read(0.1) and self.exited():
                while self.read(0):
                    pass
                if match := re.compile(pattern, re.DOTALL).search(self.text, start):
                    return match
                raise AssertionError(f"ended without {pattern!r}: {self.text[start:]!r}")

    def wait_quiet(self, seconds=0.3):
        """Waits until the program has written nothing for this long."""
        while self.read(seconds):
            pass

    @property
    def text(self):
        return self.output.decode(errors="replace")

    @property
    def mark(self):
        return len(self.text)

    def modes(self):
        """The terminal's local modes, to see whether they are as they were found."""
        return termios.tcgetattr(self.descriptor)[3]

    def exited(self):
        if self.pid is None:
            return True
        done, status = os.waitpid(self.pid, os.WNOHANG)
        if done:
            self.pid, self.status = None, os.waitstatus_to_exitcode(status)
        return bool(done)

    def wait_exit(self, timeout=30):
        """Waits for the end; returns the exit code, negative for a signal."""
        deadline = time.monotonic() + timeout
        while not self.exited():
            if time.monotonic() > deadline:
                raise AssertionError(f"still running after {timeout} s: {self.text!r}")
            self.read(0.05)
        return self.status

    def close(self):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None
        os.close(self.descriptor)


def screen(text, columns=80):
    """What a terminal shows after this output: its lines, trailing blanks removed."""
    lines, row, column, index = [[]], 0, 0, 0
    while index < len(text):
        if match := re.compile(r"\x1b\[([?0-9;]*)([A-Za-z~])").match(text, index):
            index = match.end()
            count = int(match.group(1)) if match.group(1).isdigit() else 1
            if match.group(2) == "A":
                row = max(row - count, 0)
            elif match.group(2) == "C":
                column += count
            elif match.group(2) == "J":
                if match.group(1) == "2":
                    lines, row, column = [[]], 0, 0
                else:
                    del lines[row + 1:]
                    del lines[row][column:]
            elif match.group(2) == "K":
                del lines[row][column:]
            elif match.group(2) == "H":
                row = column = 0
            continue
        character = text[index]
        index += 1
        if character == "\r":
            column = 0
        elif character == "\n":
            row += 1
        else:
            if column >= columns:
                row, column = row + 1, 0
            while len(lines) <= row:
                lines.append([])
            lines[row] += [" "] * (column + 1 - len(lines[row]))
            lines[row][column] = character
            column += 1
        while len(lines) <= row:
            lines.append([])
    return ["".join(line).rstrip() for line in lines]
