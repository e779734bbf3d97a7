"""A PostgreSQL server of our own: an own data folder, a port from the system, gone when the block ends.

In: the folder to live in. Out: `Postgres` with its port, and `query` through psql. Wrong: no server programs on this
machine, or the server does not come up within half a minute.
"""

import csv
import glob
import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

SUPERUSER = "postgres"
READER = "backorderd_reader"


def end_cleanly_when_told():
    """SIGTERM leaves the blocks as an exception does, so that every server of a run is ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def free_port():
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """`with Postgres(folder) as server:` starts it, and ends it whatever happens."""

    def __init__(self, folder):
        self.data = os.path.join(folder, "postgres")
        self.log = os.path.join(folder, "postgres.log")
        self.port = free_port()
        self.process = None

    def __enter__(self):
        os.mkdir(self.data)
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            account = pwd.getpwnam(SUPERUSER)
            os.chown(self.data, account.pw_uid, account.pw_gid)
            os.chmod(os.path.dirname(self.data), 0o711)
        # Loopback only, for the minutes of one run: no passwords.
        self._as_server(
            "initdb", "--pgdata", self.data, "--username", SUPERUSER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--no-sync", wait=True,
        )
        self.process = self._as_server(
            "postgres", "-D", self.data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={self.data}", "-c", "timezone=UTC", "-c", "fsync=off",
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # "fast": ends the sessions, then the server
            self.process.wait(timeout=30)

    def url(self, user, database):
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def query(self, database, sql, user=SUPERUSER):
        """The rows of a statement, as dictionaries of text; NULL is None."""
        command = [
            program("psql"), "--no-psqlrc", "--csv", "--quiet", "--pset", "null=\\N", "--set", "ON_ERROR_STOP=1",
            "--dbname", self.url(user, database), "--file", "-",
        ]
        done = subprocess.run(command, input=sql, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        rows = csv.DictReader(io.StringIO(done.stdout))
        return [{name: None if value == "\\N" else value for name, value in row.items()} for row in rows]

    def _as_server(self, name, *arguments, wait=False):
        command = [program(name), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups", *command]
        with open(self.log, "ab") as log:
            if wait:
                return subprocess.run(command, stdout=log, stderr=log, cwd="/", check=True)
            return subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)

    def _wait_until_it_answers(self):
        for _ in range(300):
            ready = [program("pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(self.port)]
            if subprocess.run(ready).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"PostgreSQL did not start, see {self.log}")


def program(name):
    """A PostgreSQL program: from the newest Debian package, else from PATH."""
    packaged = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    found = packaged[-1] if packaged else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} not found: install PostgreSQL")
    return found
