"""CPU, memory and sessions as /proc tells them: CPU time, never wall time."""
import os
import pathlib
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


def on_cpu(path):
    return int(pathlib.Path(path).read_text().split()[0]) / 1e9


def process_cpu(pid):
    """Nanoseconds of every thread: utime and stime of the process have steps of 10 ms."""
    return sum(on_cpu(task / "schedstat") for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def status_bytes(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


class Backends:
    """The backends of one role, told by their process titles; with `ended`, also all that the postmaster has reaped:
    sessions too short to be seen belong to whoever opens and closes sessions, which the exporter does not."""

    def __init__(self, postmaster, role, ended=False):
        self.postmaster, self.title, self.ended = postmaster, f"postgres: {role} ", ended
        self.sessions = self.private = 0  # the most at one time
        self.stop = threading.Event()
        threading.Thread(target=self.watch, daemon=True).start()

    def pids(self):
        found = []
        for task in pathlib.Path(f"/proc/{self.postmaster}/task").iterdir():
            for pid in (task / "children").read_text().split():
                try:
                    if pathlib.Path(f"/proc/{pid}/cmdline").read_text().startswith(self.title):
                        found.append(int(pid))
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return found

    def cpu(self):
        seconds = 0.0
        for pid in self.pids():
            try:
                seconds += on_cpu(f"/proc/{pid}/schedstat")
            except (FileNotFoundError, ProcessLookupError):
                pass
        if self.ended:
            stat = pathlib.Path(f"/proc/{self.postmaster}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += (int(stat[13]) + int(stat[14])) / TICK
        return seconds

    def watch(self):
        while not self.stop.wait(0.2):
            try:
                pids = self.pids()
                self.sessions = max(self.sessions, len(pids))
                self.private = max(self.private, sum(status_bytes(pid, "RssAnon") for pid in pids))
            except (FileNotFoundError, ProcessLookupError):
                pass


class Account:
    """What one program and its backends take between begin() and end()."""

    def __init__(self, process, backends):
        self.process, self.backends = process, backends
        self.agent = self.server = self.seconds = 0.0

    def begin(self):
        self.at = time.monotonic(), process_cpu(self.process.pid), self.backends.cpu()

    def end(self):
        now = time.monotonic(), process_cpu(self.process.pid), self.backends.cpu()
        self.seconds += now[0] - self.at[0]
        self.agent += now[1] - self.at[1]
        self.server += now[2] - self.at[2]

    def per_minute(self):
        """Milliseconds: backends, program."""
        return self.server * 60e3 / self.seconds, self.agent * 60e3 / self.seconds
