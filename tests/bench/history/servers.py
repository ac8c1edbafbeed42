"""The three stores that the bench fills with the same stream, each in a folder of its own."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def folder_bytes(folder):
    total = 0
    # Merges remove whole folders while this looks at them.
    for root, _, names in os.walk(folder, onerror=lambda error: None):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                pass
    return total


class Footprint:
    """The largest size of a folder, looked at every 100 ms."""

    def __init__(self, folder):
        self.folder, self.peak, self.done = folder, 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while not self.done.wait(0.1):
            self.peak = max(self.peak, folder_bytes(self.folder))

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.peak


class Engine:
    """A server process that answers queries over HTTP on the loopback interface."""

    name = ""

    def __init__(self, folder):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.connection = None
        self.process = None

    def start(self, command, ready):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=open(self.folder.parent / f"{self.folder.name}.log", "wb"),
                                        start_new_session=True)
        for _ in range(600):
            try:
                if self.request("GET", ready)[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        log = (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")
        sys.exit(f"history: {self.name} did not start:\n{log[-2000:]}")

    def request(self, method, path):
        """Status, body and seconds; one connection is kept, as a dashboard keeps it."""
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                self.connection.connect()
                # Without it a delayed acknowledgement, not the engine, would be measured.
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                began = time.perf_counter()
                self.connection.request(method, path)
                answer = self.connection.getresponse()
                body = answer.read()
                return answer.status, body, time.perf_counter() - began
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise

    def ask(self, expr, start, end, step):
        status, body, seconds = self.request("GET", self.range_path(expr, start, end, step))
        if status != 200:
            raise RuntimeError(f"{self.name}: {status} {body[:300]!r}")
        return body, seconds

    def cpu(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / TICK

    def memory(self, field="VmHWM"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class PrometheusLike(Engine):
    extra = ""

    def range_path(self, expr, start, end, step):
        if step is None:
            query = {"query": expr, "time": end}
            return f"/api/v1/query?{urllib.parse.urlencode(query)}{self.extra}"
        query = {"query": expr, "start": start, "end": end, "step": step}
        return f"/api/v1/query_range?{urllib.parse.urlencode(query)}{self.extra}"

    @staticmethod
    def series(body):
        out = {}
        for each in json.loads(body)["data"]["result"]:
            points = each.get("values") or [each["value"]]
            out[frozenset(each["metric"].items())] = {round(float(t) * 1000): float(v) for t, v in points}
        return out


class Prometheus(PrometheusLike):
    name = "Prometheus"

    def __init__(self, folder):
        super().__init__(folder)
        config = self.folder.parent / f"{self.folder.name}.yml"
        config.write_text("global: {}\n")
        self.start(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder}",
                    f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver",
                    "--web.enable-admin-api", "--storage.tsdb.retention.time=10y", "--log.level=warn"], "/-/ready")
        self.write_url = f"http://127.0.0.1:{self.port}/api/v1/write"

    def block(self):
        """Bytes of the block that a snapshot makes: all files, and the chunks alone."""
        status, body, _ = self.request("POST", "/api/v1/admin/tsdb/snapshot")
        if status != 200:
            raise RuntimeError(f"snapshot: {status} {body[:300]!r}")
        folder = self.folder / "snapshots" / json.loads(body)["data"]["name"]
        chunks = sum(folder_bytes(each) for each in folder.glob("*/chunks"))
        total = folder_bytes(folder)
        shutil.rmtree(folder)
        return total, chunks


class VictoriaMetrics(PrometheusLike):
    name = "VictoriaMetrics"
    extra = "&nocache=1"

    def __init__(self, folder):
        super().__init__(folder)
        self.start(["victoria-metrics", f"-storageDataPath={self.folder}", f"-httpListenAddr=127.0.0.1:{self.port}",
                    "-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.latencyOffset=0s"], "/health")
        self.write_url = f"http://127.0.0.1:{self.port}/api/v1/write"

    def merged(self):
        """Bytes after everything is flushed and merged: all files, and the data without the index."""
        self.request("GET", "/internal/force_flush")
        self.request("GET", "/internal/force_merge")
        last, same = -1, 0
        for _ in range(240):
            size = folder_bytes(self.folder)
            same = same + 1 if size == last else 0
            if same >= 10:
                break
            last = size
            time.sleep(0.5)
        return folder_bytes(self.folder), folder_bytes(self.folder / "data")


class Pgtend(PrometheusLike):
    name = "pgtend"

    def __init__(self, folder, binary, database):
        super().__init__(folder)
        self.database = self.folder / "history.db"
        shutil.copy(database, self.database)
        config = self.folder / "pgtend.yaml"
        # No server to tend and no collector: what answers is the store and the language.
        config.write_text(f"""
postgresql: {{host: {self.folder}, database: app}}
collection: {{directory: {self.folder}/collectors.d, disabled: ["*"]}}
history: {{path: {self.database}, max_bytes: 4GB}}
ledger: {{path: {self.folder}/ledger.db}}
rules: {{shipped: false}}
promql: {{range_boundary: closed}}
host: {{enabled: false}}
change: {{freeze_file: {self.folder}/freeze}}
http: {{listen: "127.0.0.1:{self.port}", socket: {self.folder}/pgtend.sock}}
""")
        self.start([binary, "run", "-c", config], "/ready")
