"""backorderd as a shop would run it: a settings file, and `run --once` by hand.

In: the shop's database and the mail server. Out: the settings file in the folder, and what the program said.
The program is $BACKORDERD, or the release build of this repository.
"""

import os
import subprocess

from postgres import READER, free_port

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOP_URL = "https://shop.example"
TIME_ZONE = "Europe/Berlin"

SETTINGS = """\
[shop]
name = "Acme Outdoor"
url = "{shop_url}"
support_email = "help@shop.example"
postal_address = "1 Main Street, Springfield"
time_zone = "{time_zone}"

[state]
url = "sqlite://{folder}/state.db"

[orders]
url = "{orders_url}"
mapping = "{mapping}"

[mail]
from = "Acme Outdoor <orders@shop.example>"
reply_to = "help@shop.example"
[[mail.relays]]
url = "smtp://127.0.0.1:{mail_port}?tls=none"

[delivery]
settle = "0s"

[rules]
reason = "Our supplier delivers late."

[web]
listen = "127.0.0.1:{web_port}"
public_url = "https://orders.shop.example"
secret_file = "{folder}/link-secret"
"""


class Backorderd:
    def __init__(self, folder, mapping, server, database, catcher):
        self.program = os.environ.get("BACKORDERD", os.path.join(REPOSITORY, "target", "release", "backorderd"))
        if not os.access(self.program, os.X_OK):
            raise SystemExit(f"{self.program} is not there: build it, or name it in BACKORDERD (or take --rows)")
        self.settings = os.path.join(folder, "backorderd.toml")
        text = SETTINGS.format(
            shop_url=SHOP_URL, time_zone=TIME_ZONE, folder=folder, mapping=mapping, mail_port=catcher.port,
            orders_url=server.url(READER, database), web_port=free_port(),
        )
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(text)

    def __call__(self, *arguments):
        """Runs it; returns what it printed, and raises with everything it said where it failed."""
        command = [self.program, *arguments, "--config", self.settings]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout
