"""A walk through a real shop: something happens, the feeds are read, `backorderd run --once` runs, the mails are counted.

In: for each step what the shop does, the rows that the mapping must show then, and the mails that must come.
Out: a transcript on standard output. Wrong: every difference is printed, and `finish` ends with exit code 1.
"""

import os
import time
from collections import Counter

from backorderd import REPOSITORY, SHOP_URL, TIME_ZONE, Backorderd
from postgres import READER

# Contract of the feeds: these may never be NULL.
REQUIRED = ("line_id", "order_id", "product_key", "product_name", "ordered_qty", "short_qty")
SHOWN = ("order_number", "product_name", "ordered_qty", "shipped_qty", "cancelled_qty", "short_qty", "expected_on")


class Walk:
    def __init__(self, mapping, server, database, catcher, folder, rows_only):
        self.mapping = mapping
        self.server = server
        self.database = database
        self.catcher = catcher
        self.backorderd = None if rows_only else Backorderd(folder, mapping, server, database, catcher)
        self.steps = 0
        self.differences = 0
        server.query(database, self.mapping_file("reader"))

    def step(self, title, rows, mails=(), act=None):
        """`rows`: what the lines feed must show, all of it, each with the columns of interest; `mails`: (kind, product,
        address) of all that must come."""
        self.steps += 1
        print(f"\n{self.steps}. {title}", flush=True)
        if act:
            act()
        self._check_rows(rows)
        if self.backorderd:
            self._check_mails(mails)

    def feed(self, name):
        """The rows of one feed, read as backorderd reads it: with its login, nothing in between."""
        sql = self.mapping_file(name)
        for parameter, value in ((":shop_url", SHOP_URL), (":time_zone", TIME_ZONE)):
            sql = sql.replace(parameter, "'" + value.replace("'", "''") + "'")
        return self.server.query(self.database, sql, user=READER)

    def mapping_file(self, name):
        path = os.path.join(REPOSITORY, "mappings", self.mapping, f"{name}.sql")
        with open(path, encoding="utf-8") as file:
            return file.read()

    def show_stock(self):
        names = {row["product_key"]: row["product_name"] for row in self.feed("stock")}
        for row in self.feed("stock"):
            print(f"   stock {row['product_name']}: available {row['available']}, {row['price']} {row['currency']}")
        for row in self.feed("alternatives"):
            print(f"   instead of {names[row['product_key']]}: {names[row['alternative_key']]}, rank {row['rank']}")

    def show(self, arguments):
        """Shows what a read-only command of backorderd prints at this point."""
        if not self.backorderd:
            return
        print(f"\n$ backorderd {' '.join(arguments)}")
        try:
            print(self.backorderd(*arguments).rstrip())
        except RuntimeError as failure:
            self.differ(str(failure))

    def finish(self):
        what = "rows" if self.backorderd is None else "rows and mails"
        print(f"\n{self.mapping}: {self.steps} steps, {self.differences} differences in {what}")
        raise SystemExit(1 if self.differences else 0)

    def _check_rows(self, expected):
        rows = self.feed("lines")
        for row in rows:
            amounts = ", ".join(f"{name} {row[name]}" for name in SHOWN[2:] if row[name] not in (None, "0"))
            print(f"   row   {row['order_number']}  {row['product_name']}: {amounts}")
        if rows != self.feed("lines"):
            self.differ("two reads of an unchanged database are not the same")
        for name in ("stock", "alternatives"):
            if self.feed(name) != self.feed(name):
                self.differ(f"two reads of {name} are not the same")
        for row in rows:
            missing = [name for name in REQUIRED if row[name] is None]
            if missing:
                self.differ(f"line {row['line_id']} has no {', '.join(missing)}")
        if len({row["line_id"] for row in rows}) != len(rows):
            self.differ("a line_id came twice")
        if len(rows) != len(expected):
            self.differ(f"{len(rows)} rows, expected {len(expected)}")
        for row, wanted in zip(rows, expected):
            for name, value in wanted.items():
                if not same(row[name], value):
                    self.differ(f"line {row['line_id']}: {name} is {row[name]}, expected {value}")

    def _check_mails(self, expected):
        started = time.monotonic()
        try:
            self.backorderd("run", "--once")
        except RuntimeError as failure:
            self.differ(str(failure))
        print(f"   run --once took {time.monotonic() - started:.1f} s")
        mails = self.catcher.take_new()
        for mail in mails:
            print(f"   mail  {mail['X-Backorderd-Kind']} to {mail['To']}: {mail['Subject']}")
        wanted = Counter(expected)
        for mail in mails:
            text = mail.get_body(("plain",)).get_content()
            match = next((want for want in wanted if is_mail(want, mail, text)), None)
            if match is None:
                self.differ(f"nobody expected the mail {mail['X-Backorderd-Kind']} to {mail['To']}")
            else:
                wanted -= Counter([match])
        for kind, product, address in wanted.elements():
            self.differ(f"no mail {kind} about {product} to {address}")

    def differ(self, text):
        self.differences += 1
        print(f"   WRONG {text}")


def is_mail(want, mail, text):
    kind, product, address = want
    return mail["X-Backorderd-Kind"] == kind and address in mail["To"] and product in text


def same(found, wanted):
    """Numbers by value ("3" is "3.0"), the rest as text; True: any value, but not NULL."""
    if wanted is True:
        return found is not None
    if isinstance(wanted, (int, float)):
        return found is not None and float(found) == wanted
    return found == wanted
