"""A private PostgreSQL for the bench, and sessions of it without a driver."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
PORT = 5432
LONG_TEXT_COLUMNS = 90  # 3.5 kB a statement, as the generated ones of an object mapper


def programs():
    for major in (15, 17, 16, 18, 14, 13):
        folder = pathlib.Path(f"/usr/lib/postgresql/{major}/bin")
        if (folder / "initdb").exists():
            return folder
    sys.exit("overhead: no PostgreSQL below /usr/lib/postgresql; ./dev setup installs one")


def as_server():
    """Arguments of subprocess that drop root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {"start_new_session": True}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/", "start_new_session": True}


class Session:
    """One session over the unix socket, by the simple protocol: trust authentication, text answers."""

    def __init__(self, folder, user, database):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{folder}/.s.PGSQL.{PORT}")
        body = b"\0\x03\0\0" + f"user\0{user}\0database\0{database}\0\0".encode()
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.stream = self.socket.makefile("rb")
        self.answer()

    def answer(self):
        rows, error = [], None
        while True:
            kind, size = struct.unpack("!ci", self.stream.read(5))
            body = self.stream.read(size - 4)
            if kind == b"D":
                rows.append(self.row(body))
            elif kind == b"E":
                error = body.replace(b"\0", b" ").decode(errors="replace")
            elif kind == b"Z" or (kind == b"E" and b"FATAL" in body):
                break
        if error:
            sys.exit(f"overhead: PostgreSQL said: {error}")
        return rows

    @staticmethod
    def row(body):
        values, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size = struct.unpack("!i", body[at:at + 4])[0]
            values.append(None if size < 0 else body[at + 4:at + 4 + size].decode())
            at += 4 + max(size, 0)
        return values

    def query(self, sql):
        body = sql.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self.answer()


class Server:
    def __init__(self, folder):
        self.bin = programs()
        self.folder = folder / "postgresql"
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = self.folder / "data"
        subprocess.run([self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8",
                        "-E", "UTF8"], check=True, stdout=subprocess.DEVNULL, **as_server())
        # No autovacuum: what ends among the postmaster's children shall be those of whom the bench measures.
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("listen_addresses = ''\nshared_preload_libraries = 'pg_stat_statements'\ntrack_io_timing = on\n"
                       "pg_stat_statements.max = 10000\nmax_connections = 200\nfsync = off\nautovacuum = off\n"
                       f"shared_buffers = 256MB\nunix_socket_directories = '{self.folder}'\n")
        self.process = subprocess.Popen([self.bin / "postgres", "-D", data], stdout=subprocess.DEVNULL,
                                        stderr=open(folder / "server.log", "wb"), **as_server())
        for _ in range(200):
            if subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder]).returncode == 0:
                break
            time.sleep(0.1)
        else:
            sys.exit("overhead: PostgreSQL did not start")
        self.idle, self.tables = [], 0
        # Databases are copies of template1: rights and extensions in it are in all.
        for database in ("template1", "postgres"):
            self.psql(database, file=ROOT / "packaging/sql/roles.sql")
        self.psql("postgres", "CREATE ROLE exporter LOGIN IN ROLE pg_monitor; CREATE DATABASE app;")
        self.app = Session(self.folder, "postgres", "app")
        self.own = Session(self.folder, "postgres", "postgres")

    def psql(self, database, sql=None, file=None):
        command = [self.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "postgres", "-d", database]
        subprocess.run(command + (["-f", file] if file else []), input=sql, text=True, check=True,
                       stdout=subprocess.DEVNULL)

    def grow(self, tables, databases, statements, idle):
        """At least so many of each; a table has two indexes and fifty rows."""
        for i in range(self.tables, tables):
            self.app.query(f"CREATE TABLE t{i} (id int PRIMARY KEY, a int, b text); CREATE INDEX ON t{i} (a);"
                           f"INSERT INTO t{i} SELECT n, n % 7, 'x' FROM generate_series(1, 50) n")
        grown, self.tables = tables > self.tables, tables
        if grown:
            self.app.query("VACUUM (ANALYZE)")
        have = int(self.own.query("SELECT count(*) FROM pg_database WHERE datallowconn AND NOT datistemplate")[0][0])
        for i in range(have, databases):
            self.own.query(f"CREATE DATABASE d{i}")
        have = int(self.app.query("SELECT count(*) FROM pg_stat_statements(false)")[0][0])
        for i in range(max(0, statements - have)):
            number = i + have
            names = ", ".join(f"a AS a_rather_long_name_of_a_column_{n}" for n in range(LONG_TEXT_COLUMNS + number // tables))
            self.app.query(f"SELECT {names} FROM t{number % tables} WHERE id = 1")
        self.idle += [Session(self.folder, "postgres", "app") for _ in range(idle - len(self.idle))]

    def transactions(self):
        return int(self.own.query("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database")[0][0])

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
