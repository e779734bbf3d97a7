"""The customers' mail server: takes every message on loopback and keeps it as an .eml file.

In: a folder. Out: `MailCatcher` with its port, and `take_new`, the messages since the last look. It speaks only as much
SMTP as a relay needs (RFC 5321, with PIPELINING).
"""

import email
import email.policy
import os
import socketserver
import threading


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.reply("220 catcher.test ESMTP")
        for line in self.rfile:
            verb = line.strip().upper()
            if verb.startswith(b"EHLO"):
                self.reply("250-catcher.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING")
            elif verb == b"DATA":
                self.reply("354 go ahead")
                self.server.catcher.keep(self.read_message())
                self.reply("250 2.0.0 kept")
            elif verb == b"QUIT":
                return self.reply("221 bye")
            else:
                self.reply("250 2.0.0 ok")

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def read_message(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b"..") else line)
        raise ConnectionError("the sender left in the middle of a message")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class MailCatcher:
    """`with MailCatcher(folder) as catcher:` listens until the block ends."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "mails")
        self.kept = 0
        self.taken = 0
        self.lock = threading.Lock()
        os.mkdir(self.folder)

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Session)
        self.server.catcher = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def keep(self, content):
        with self.lock:
            self.kept += 1
            with open(self._path(self.kept), "wb") as file:
                file.write(content)

    def take_new(self):
        """The messages that came since the last call, parsed, oldest first."""
        with self.lock:
            numbers = range(self.taken + 1, self.kept + 1)
            self.taken = self.kept
        messages = []
        for number in numbers:
            with open(self._path(number), "rb") as file:
                messages.append(email.message_from_binary_file(file, policy=email.policy.default))
        return messages

    def _path(self, number):
        return os.path.join(self.folder, f"{number:03}.eml")
