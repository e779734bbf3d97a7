"""The walk through Tryton: its server, and sales, purchases and shipments through proteus over XML-RPC.

In: --rows checks the rows only, without backorderd; run with the Python that Tryton is installed in. Out: see walk.py.
"""

import argparse
import contextlib
import datetime
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

from proteus import Model, Wizard
from proteus import config as connection
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
from trytond.modules.account_invoice.tests.tools import create_payment_term, set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company

from mail_catcher import MailCatcher
from postgres import Postgres, end_cleanly_when_told, free_port
from walk import Walk

DATABASE = "tryton"
PROGRAMS = os.path.dirname(sys.executable)


class Server:
    """The Tryton server. `with Server(...) as server:` makes the database, waits until it answers, and ends it."""

    def __init__(self, postgres, folder):
        self.port = free_port()
        self.password = secrets.token_urlsafe()
        self.log = os.path.join(folder, "tryton.log")
        self.settings = os.path.join(folder, "trytond.conf")
        self.password_file = os.path.join(folder, "admin-password")
        with open(self.settings, "w", encoding="utf-8") as file:
            file.write(f"[database]\nuri = postgresql://postgres@127.0.0.1:{postgres.port}/\n"
                       f"[web]\nlisten = 127.0.0.1:{self.port}\n")
        with open(self.password_file, "w", encoding="utf-8") as file:
            file.write(self.password)
        postgres.query("postgres", f"create database {DATABASE}")

    def __enter__(self):
        print("Making the Tryton database; this takes a minute or two", flush=True)
        with open(self.log, "w", encoding="utf-8") as log:
            subprocess.run(
                [os.path.join(PROGRAMS, "trytond-admin"), "--config", self.settings, "--database", DATABASE,
                 "--update", "sale_supply", "--activate-dependencies", "--email", "owner@shop.example"],
                env={**os.environ, "TRYTONPASSFILE": self.password_file}, stdout=log, stderr=log, check=True)
            self.process = subprocess.Popen(
                [os.path.join(PROGRAMS, "trytond"), "--config", self.settings, "--database", DATABASE],
                stdout=log, stderr=log)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def _wait_until_it_answers(self):
        for _ in range(300):
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            time.sleep(0.1)
        with open(self.log, encoding="utf-8") as log:
            raise RuntimeError(f"Tryton did not start:\n{log.read()}")

    def log_in(self):
        return connection.set_xmlrpc_session(f"http://127.0.0.1:{self.port}/{DATABASE}/rpc/", "admin", self.password)


class Shop:
    """The company, its accounts, its goods, and everything that its staff does."""

    def __init__(self, session):
        self.session = session
        lang = Model.get("ir.lang")
        self.german, = lang.find([("code", "=", "de")])
        self.german.translatable = True
        self.german.save()
        create_company()
        create_chart()
        set_fiscalyear_invoice_sequences(create_fiscalyear()).click("create_period")
        self.unit, = Model.get("product.uom").find([("name", "=", "Unit")])
        self.storage, = Model.get("stock.location").find([("code", "=", "STO")])
        self.payment_term = create_payment_term()
        self.payment_term.save()
        self.germany = Model.get("country.country")(name="Germany", code="DE", code3="DEU", code_numeric="276")
        self.germany.save()
        self.category = self.open_category()
        self.cash = self.open_cash()
        self.supplier = Model.get("party.party")(name="Tent Works")
        self.supplier.save()

    def open_category(self):
        accounts = get_accounts()
        tax = create_tax(Decimal("0.19"))
        tax.save()
        category = Model.get("product.category")(name="Goods", accounting=True)
        category.account_expense = accounts["expense"]
        category.account_revenue = accounts["revenue"]
        category.customer_taxes.append(tax)
        category.save()
        return category

    def open_cash(self):
        account = get_accounts()["cash"]
        method = Model.get("account.invoice.payment.method")(name="Cash", credit_account=account, debit_account=account)
        method.journal, = Model.get("account.journal").find([("type", "=", "cash")])
        method.save()
        return method

    def product(self, name, german_name, code, price, stock, lead_time=None):
        template = Model.get("product.template")(name=name, type="goods", salable=True, purchasable=True)
        template.default_uom = self.unit
        template.list_price = Decimal(price)
        template.account_category = self.category
        template.lead_time = lead_time
        template.products[0].suffix_code = code
        template.save()
        with self.session.set_context(language="de"):
            translated = Model.get("product.template")(template.id)
            translated.name = german_name
            translated.save()
        if stock:
            self.count(template.products[0], stock)
        return template.products[0]

    def count(self, product, quantity):
        """An inventory: so many are on the shelf."""
        inventory = Model.get("stock.inventory")(location=self.storage)
        inventory.lines.new(product=product).quantity = quantity
        inventory.click("confirm")

    def customer(self, name, email, lang=None):
        party = Model.get("party.party")(name=name, lang=lang)
        party.addresses[0].street_unstructured = "Hauptstr. 1"
        party.addresses[0].country = self.germany
        party.contact_mechanisms.new(type="email", value=email)
        party.save()
        return party

    def sell(self, party, lines, invoice_method="fulfillment"):
        """`lines`: (product, pieces). The sale, confirmed."""
        sale = Model.get("sale.sale")(party=party, invoice_method=invoice_method)
        sale.payment_term = self.payment_term
        for product, quantity in lines:
            line = sale.lines.new()
            line.product = product  # from here Tryton fills in unit, taxes and price
            line.quantity = quantity
        sale.click("quote")
        sale.click("confirm")
        return sale

    def buy(self, product, quantity, planned_date):
        purchase = Model.get("purchase.purchase")(party=self.supplier, invoice_method="manual")
        purchase.payment_term = self.payment_term
        line = purchase.lines.new()
        line.product = product
        line.quantity = quantity
        line.unit_price = Decimal("50")
        line.delivery_date_edit = True
        line.delivery_date = planned_date
        purchase.click("quote")
        purchase.click("confirm")
        return purchase

    def move_arrival(self, purchase, planned_date):
        purchase.reload()
        move, = purchase.moves
        move.planned_date = planned_date
        move.save()

    def unload(self, purchase):
        """The goods of a purchase come to the door: they stand in the input zone."""
        purchase.reload()
        move_id, = [move.id for move in purchase.moves]
        shipment = Model.get("stock.shipment.in")(supplier=self.supplier)
        shipment.incoming_moves.append(Model.get("stock.move")(move_id))
        shipment.click("receive")
        return shipment

    def pay(self, invoice):
        if invoice.state != "posted":
            invoice.click("post")
        wizard = invoice.click("pay")
        wizard.form.payment_method = self.cash
        wizard.execute("choice")

    def refund(self, sale):
        """A credit note for the invoice of a sale, paid out."""
        sale.reload()
        invoice, = sale.invoices
        wizard = Wizard("account.invoice.credit", [invoice])
        wizard.execute("credit")
        note, = Model.get("account.invoice").find([("party", "=", sale.party.id), ("state", "=", "draft")])
        note.invoice_date = invoice.invoice_date
        self.pay(note)

    def parcel(self, sale):
        """The one that has not left yet."""
        sale.reload()
        waiting, = [parcel for parcel in sale.shipments if parcel.state not in ("shipped", "done", "cancelled")]
        return waiting

    def ship(self, sale):
        """The whole way to the carrier."""
        parcel = self.parcel(sale)
        for step in ("assign_try", "pick", "pack", "ship"):
            parcel.click(step)
        return parcel

    def decide(self, sale, made_again):
        """What becomes of the cancelled moves of a sale: made again, or given up for good."""
        sale.reload()
        wizard = sale.click("handle_shipment_exception")
        chosen = wizard.form.recreate_moves if made_again else wizard.form.ignore_moves
        chosen.extend(chosen.find())
        wizard.execute("handle")


def walk_through(shop, walk):
    today = datetime.datetime.now(datetime.timezone.utc).date()  # the day of Tryton's server
    first, second = today + datetime.timedelta(days=10), today + datetime.timedelta(days=17)
    tent = shop.product("Trail Tent", "Trekkingzelt", "TENT", "100", stock=2)
    stove = shop.product("Camp Stove", "Campingkocher", "STOVE", "40", stock=1, lead_time=datetime.timedelta(days=2))
    anna = shop.customer("Anna Muster", "anna@customer.example", shop.german)
    ben = shop.customer("Ben Muster", "ben@customer.example")
    carla = shop.customer("Carla Muster", "carla@customer.example")
    dora = shop.customer("Dora Muster", "dora@customer.example")
    made = {}

    def row(ordered, short, shipped=0, cancelled=0, **more):
        return {"ordered_qty": ordered, "short_qty": short, "shipped_qty": shipped, "cancelled_qty": cancelled, **more}

    def sells(name, party, lines, **more):
        def act():
            made[name] = shop.sell(party, lines, **more)
        return act

    walk.step("An open shop without orders: the baseline", rows=[])

    walk.step(
        "Anna, who reads German, orders 5 tents and a stove; 2 tents and 1 stove are there",
        act=sells("anna", anna, [(tent, 5), (stove, 1)]),
        rows=[row(5, 3, product_name="Trekkingzelt", sku="TENT", customer_email="anna@customer.example", locale="de",
                  customer_name="Anna Muster", shop_id="1", ship_to_country="DE", unit_price=119, payment="unpaid",
                  expected_on=None, promised_on=None, ordered_at=True),
              row(1, 0, product_name="Campingkocher", promised_on=str(today + datetime.timedelta(days=2)))],
        mails=[("backordered", "Trekkingzelt", "anna@customer.example")])
    stove_of_anna = row(1, 0)
    walk.step("Nothing happens", rows=[row(5, 3), stove_of_anna])

    def buys():
        made["purchase"] = shop.buy(tent, 10, first)

    walk.step("The shop orders 10 tents from its supplier", act=buys, rows=[row(5, 3, expected_on=str(first)), stove_of_anna],
              mails=[("date_changed", "Trekkingzelt", "anna@customer.example")])
    walk.step("The supplier delivers a week later", act=lambda: shop.move_arrival(made["purchase"], second),
              rows=[row(5, 3, expected_on=str(second)), stove_of_anna],
              mails=[("date_changed", "Trekkingzelt", "anna@customer.example")])

    def ben_orders():
        made["ben"] = shop.sell(ben, [(tent, 2)], invoice_method="order")
        shop.pay(made["ben"].invoices[0])

    walk.step("Ben orders 2 tents and pays; Anna was first", act=ben_orders,
              rows=[row(5, 3, expected_on=str(second)), stove_of_anna,
                    row(2, 2, product_name="Trail Tent", locale=None, expected_on=str(second), payment="paid")],
              mails=[("backordered", "Trail Tent", "ben@customer.example")])

    def unload():
        made["delivery"] = shop.unload(made["purchase"])

    walk.step("The tents are at the door, not yet on the shelf", act=unload,
              rows=[row(5, 3, expected_on=str(second)), stove_of_anna, row(2, 2, expected_on=str(second))])
    walk.step("The tents are on the shelf: enough for both", act=lambda: made["delivery"].click("do"),
              rows=[row(5, 0, expected_on=None), stove_of_anna, row(2, 0)],
              mails=[("restocked", "Trekkingzelt", "anna@customer.example"),
                     ("restocked", "Trail Tent", "ben@customer.example")])
    walk.step("Anna's parcel is with the carrier", act=lambda: made.update(parcel=shop.ship(made["anna"])),
              rows=[row(5, 0, shipped=5, shipped_at=True), row(1, 0, shipped=1), row(2, 0)])
    walk.step("Anna has it", act=lambda: made["parcel"].click("do"),
              rows=[row(5, 0, shipped=5, shipped_at=True), row(1, 0, shipped=1), row(2, 0)])
    gone = [row(5, 0, shipped=5), row(1, 0, shipped=1)]
    walk.step("Carla orders 8 tents; 7 are there, 2 of them are Ben's", act=sells("carla", carla, [(tent, 8)]),
              rows=[*gone, row(2, 0), row(8, 3)], mails=[("backordered", "Trail Tent", "carla@customer.example")])
    walk.step("Ben's parcel is cancelled; nobody has decided yet what that means",
              act=lambda: shop.parcel(made["ben"]).click("cancel"), rows=[*gone, row(2, 0), row(8, 3)])
    walk.step("The shop gives Ben's tents up, and Carla gets them", act=lambda: shop.decide(made["ben"], made_again=False),
              rows=[*gone, row(2, 0, cancelled=2, refunded_at=None), row(8, 1)],
              mails=[("cancelled", "Trail Tent", "ben@customer.example"),
                     ("restocked", "Trail Tent", "carla@customer.example")])
    walk.step("Ben gets his money back", act=lambda: shop.refund(made["ben"]),
              rows=[*gone, row(2, 0, cancelled=2, refunded_at=True), row(8, 1)])

    def called_off_and_made_again():
        shop.parcel(made["carla"]).click("cancel")
        shop.decide(made["carla"], made_again=True)

    bens = row(2, 0, cancelled=2)
    walk.step("Carla's parcel is called off and made again", act=called_off_and_made_again, rows=[*gone, bens, row(8, 1)])
    walk.step("The staff count the shelf: there are 8 tents", act=lambda: shop.count(tent, 8),
              rows=[*gone, bens, row(8, 0)], mails=[("restocked", "Trail Tent", "carla@customer.example")])
    walk.step("Dora orders 4 stoves; none is there", act=sells("dora", dora, [(stove, 4)]),
              rows=[*gone, bens, row(8, 0), row(4, 4)], mails=[("backordered", "Camp Stove", "dora@customer.example")])

    def cancel_doras():
        shop.parcel(made["dora"]).click("cancel")
        shop.decide(made["dora"], made_again=False)

    end = [*gone, bens, row(8, 0), row(4, 0, cancelled=4)]
    walk.step("The shop cancels Dora's order", act=cancel_doras, rows=end,
              mails=[("cancelled", "Camp Stove", "dora@customer.example")])
    walk.step("Nothing happens", rows=end)

    walk.show_stock()
    walk.show(["check"])
    walk.show(["log"])
    walk.finish()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", action="store_true", help="check the rows of the mapping only")
    chosen = arguments.parse_args()
    end_cleanly_when_told()
    with tempfile.TemporaryDirectory(prefix="real-tryton-") as folder, Postgres(folder) as postgres:
        with Server(postgres, folder) as server, server.log_in() as session, MailCatcher(folder) as catcher:
            walk_through(Shop(session), Walk("tryton", postgres, DATABASE, catcher, folder, chosen.rows))


if __name__ == "__main__":
    main()
