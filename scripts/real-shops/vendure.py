"""The walk through Vendure: a server of @vendure/core, orders and stock through its own GraphQL APIs.

In: the folder with the installed packages; --rows checks the rows only, without backorderd. Out: see walk.py.
"""

import argparse
import json
import os
import secrets
import subprocess
import tempfile
import threading
import urllib.request

from mail_catcher import MailCatcher
from postgres import Postgres, end_cleanly_when_told, free_port
from walk import Walk

HERE = os.path.dirname(os.path.abspath(__file__))
DATABASE = "vendure"


class Server:
    """The Vendure process. `with Server(...) as shop:` waits until it answers, and ends it."""

    def __init__(self, packages, database_port, folder):
        self.port = free_port()
        self.password = secrets.token_urlsafe()
        self.log = os.path.join(folder, "vendure.log")
        self.command = ["node", os.path.join(HERE, "vendure-server.js")]
        self.environment = {
            **os.environ, "NODE_PATH": os.path.join(packages, "node_modules"), "SHOP_PORT": str(self.port),
            "DATABASE_PORT": str(database_port), "SHOP_USER": "owner", "SHOP_PASSWORD": self.password,
        }

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            said = iter(self.process.stdout.readline, "")
            if any(line.strip() == "ready" for line in said):
                # From here on nobody reads what it prints; a full pipe would stop it.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return self
            with open(self.log, encoding="utf-8") as log:
                raise RuntimeError(f"Vendure did not start:\n{log.read()}")
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def session(self, api):
        return Session(f"http://127.0.0.1:{self.port}/{api}")


class Session:
    """One visitor of an API; the token that Vendure gives out is the whole session."""

    def __init__(self, url):
        self.url = url
        self.token = None

    def __call__(self, query, **variables):
        """The one field that was asked for; a GraphQL error, or a result that is an ErrorResult, is raised."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps({"query": query, "variables": variables}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url, body, headers)) as answer:
            self.token = answer.headers.get("vendure-auth-token") or self.token
            content = json.load(answer)
        if content.get("errors"):
            raise RuntimeError(f"{query}: {content['errors']}")
        (result,) = content["data"].values()
        if isinstance(result, dict) and result.get("errorCode"):
            raise RuntimeError(f"{query}: {result}")
        return result


ERROR = "... on ErrorResult { errorCode message }"


class Owner:
    """The shop's side: the admin API."""

    def __init__(self, server):
        self.api = server.session("admin-api")
        self.api(
            "mutation($name: String!, $password: String!) { login(username: $name, password: $password) "
            "{ ... on CurrentUser { id } " + ERROR + " } }",
            name="owner", password=server.password,
        )

    def open_shop(self):
        api = self.api
        country = api('mutation { createCountry(input: { code: "DE", enabled: true, '
                      'translations: [{ languageCode: en, name: "Germany" }] }) { id } }')["id"]
        zone = api("mutation($ids: [ID!]) { createZone(input: { name: \"EU\", memberIds: $ids }) { id } }",
                   ids=[country])["id"]
        channel = api("query { activeChannel { id } }")["id"]
        api("mutation($id: ID!, $zone: ID!) { updateChannel(input: { id: $id, pricesIncludeTax: false, "
            "defaultCurrencyCode: EUR, availableCurrencyCodes: [EUR], defaultTaxZoneId: $zone, "
            "defaultShippingZoneId: $zone }) { ... on Channel { id } " + ERROR + " } }", id=channel, zone=zone)
        self.category = api('mutation { createTaxCategory(input: { name: "Goods", isDefault: true }) { id } }')["id"]
        api("mutation($category: ID!, $zone: ID!) { createTaxRate(input: { name: \"VAT\", enabled: true, value: 19, "
            "categoryId: $category, zoneId: $zone }) { id } }", category=self.category, zone=zone)
        api("mutation($input: CreateShippingMethodInput!) { createShippingMethod(input: $input) { id } }", input={
            "code": "parcel", "fulfillmentHandler": "manual-fulfillment",
            "checker": {"code": "default-shipping-eligibility-checker",
                        "arguments": [{"name": "orderMinimum", "value": "0"}]},
            "calculator": {"code": "default-shipping-calculator", "arguments": [
                {"name": "rate", "value": "500"}, {"name": "includesTax", "value": "auto"},
                {"name": "taxRate", "value": "0"}]},
            "translations": [{"languageCode": "en", "name": "Parcel", "description": ""}],
        })
        api("mutation($input: CreatePaymentMethodInput!) { createPaymentMethod(input: $input) { id } }", input={
            "code": "card", "enabled": True, "translations": [{"languageCode": "en", "name": "Card", "description": ""}],
            "handler": {"code": "dummy-payment-handler", "arguments": [{"name": "automaticSettle", "value": "true"}]},
        })

    def sell(self, product, variants):
        """A product with one option; `variants`: name, price in cents, stock. May be oversold by 20. Returns the ids."""
        translations = [{"languageCode": "en", "name": product, "slug": product.lower().replace(" ", "-"),
                         "description": ""}]
        product_id = self.api("mutation($input: CreateProductInput!) { createProduct(input: $input) { id } }",
                              input={"translations": translations})["id"]
        group = self.api(
            "mutation($input: CreateProductOptionGroupInput!) { createProductOptionGroup(input: $input) "
            "{ id options { id } } }",
            input={"code": f"{product}-kind", "translations": [{"languageCode": "en", "name": "Kind"}], "options": [
                {"code": name, "translations": [{"languageCode": "en", "name": name}]} for name, *_ in variants]})
        self.api("mutation($product: ID!, $group: ID!) { addOptionGroupToProduct(productId: $product, "
                 "optionGroupId: $group) { id } }", product=product_id, group=group["id"])
        made = self.api(
            "mutation($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }",
            input=[{
                "productId": product_id, "sku": name.upper().replace(" ", "-"), "price": price, "stockOnHand": stock,
                "taxCategoryId": self.category, "optionIds": [option["id"]], "trackInventory": "TRUE",
                "useGlobalOutOfStockThreshold": False, "outOfStockThreshold": -20,
                "translations": [{"languageCode": "en", "name": name}],
            } for (name, price, stock), option in zip(variants, group["options"])])
        return [variant["id"] for variant in made]

    def set_stock(self, variant, on_hand):
        self.api("mutation($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }",
                 input=[{"id": variant, "stockOnHand": on_hand}])

    def ship(self, order, lines):
        """`lines`: (order line, pieces). Returns the parcel."""
        parcel = self.api(
            "mutation($input: FulfillOrderInput!) { addFulfillmentToOrder(input: $input) { ... on Fulfillment { id } "
            + ERROR + " } }",
            input={"lines": pieces(lines),
                   "handler": {"code": "manual-fulfillment", "arguments": [
                       {"name": "method", "value": "Parcel"}, {"name": "trackingCode", "value": order["code"]}]}})
        self.move_parcel(parcel["id"], "Shipped")
        return parcel["id"]

    def move_parcel(self, parcel, state):
        self.api("mutation($id: ID!, $state: String!) { transitionFulfillmentToState(id: $id, state: $state) "
                 "{ ... on Fulfillment { id } " + ERROR + " } }", id=parcel, state=state)

    def cancel(self, order):
        self.api("mutation($id: ID!) { cancelOrder(input: { orderId: $id, reason: \"sold out\", cancelShipping: true }) "
                 "{ ... on Order { id } " + ERROR + " } }", id=order["id"])

    def refund(self, order, amount):
        """An amount, as the dashboard does it, settled at once."""
        made = self.api(
            "mutation($input: RefundOrderInput!) { refundOrder(input: $input) { ... on Refund { id } " + ERROR + " } }",
            input={"amount": amount, "paymentId": order["payments"][0]["id"], "shipping": 0, "adjustment": 0,
                   "lines": [], "reason": "sold out"})
        self.settle(made["id"])

    def settle(self, refund):
        self.api('mutation($id: ID!) { settleRefund(input: { id: $id, transactionId: "bank" }) '
                 "{ ... on Refund { id } " + ERROR + " } }", id=refund)

    def reduce(self, order, line, quantity):
        """Modifies a placed order: of this line only so many are wanted."""
        transition = ("mutation($id: ID!, $state: String!) { transitionOrderToState(id: $id, state: $state) "
                      "{ ... on Order { id } " + ERROR + " } }")
        self.api(transition, id=order["id"], state="Modifying")
        self.api("mutation($input: ModifyOrderInput!) { modifyOrder(input: $input) { ... on Order { id } "
                 + ERROR + " } }",
                 input={"dryRun": False, "orderId": order["id"],
                        "adjustOrderLines": [{"orderLineId": line, "quantity": quantity}],
                        "refund": {"paymentId": order["payments"][0]["id"], "reason": "sold out"}})
        found = self.api("query($id: ID!) { order(id: $id) { payments { refunds { id state } } } }", id=order["id"])
        for refund in found["payments"][0]["refunds"]:
            if refund["state"] == "Pending":
                self.settle(refund["id"])
        self.api(transition, id=order["id"], state="PaymentSettled")


def buy(server, first_name, email, basket):
    """A guest orders and pays through the shop API; `basket`: (variant, pieces). Returns the order."""
    api = server.session("shop-api")
    order = "... on Order { id code state lines { id } payments { id } totalWithTax } "
    for variant, quantity in basket:
        api("mutation($id: ID!, $quantity: Int!) { addItemToOrder(productVariantId: $id, quantity: $quantity) { "
            + order + ERROR + " } }", id=variant, quantity=quantity)
    api("mutation($input: CreateCustomerInput!) { setCustomerForOrder(input: $input) { " + order + ERROR + " } }",
        input={"firstName": first_name, "lastName": "Muster", "emailAddress": email})
    api("mutation($input: CreateAddressInput!) { setOrderShippingAddress(input: $input) { " + order + ERROR + " } }",
        input={"fullName": f"{first_name} Muster", "streetLine1": "Hauptstr. 1", "city": "Berlin", "postalCode": "10115",
               "countryCode": "DE"})
    methods = api("query { eligibleShippingMethods { id } }")
    api("mutation($id: [ID!]!) { setOrderShippingMethod(shippingMethodId: $id) { " + order + ERROR + " } }",
        id=[methods[0]["id"]])
    api('mutation { transitionOrderToState(state: "ArrangingPayment") { ' + order + ERROR + " } }")
    return api('mutation { addPaymentToOrder(input: { method: "card", metadata: {} }) { ' + order + ERROR + " } }")


def pieces(lines):
    return [{"orderLineId": line, "quantity": quantity} for line, quantity in lines]


def walk_through(server, walk):
    owner = Owner(server)
    owner.open_shop()
    green, _sand = owner.sell("Trail Tent", [("Trail Tent green", 10000, 2), ("Trail Tent sand", 10000, 5)])
    (stove,) = owner.sell("Camp Stove", [("Camp Stove gas", 4000, 1)])
    anna, ben, carla = "anna@customer.example", "ben@customer.example", "carla@customer.example"
    orders = {}

    def row(ordered, short, shipped=0, cancelled=0, **more):
        return {"ordered_qty": ordered, "short_qty": short, "shipped_qty": shipped, "cancelled_qty": cancelled, **more}

    walk.step("An open shop without orders: the baseline", rows=[])

    def anna_orders():
        orders["anna"] = buy(server, "Anna", anna, [(green, 5), (stove, 1)])

    tent = row(5, 3, product_name="Trail Tent green", customer_email=anna, customer_name="Anna Muster", shop_id=None,
               ship_to_country="DE", currency="EUR", unit_price=119, payment="paid", ordered_at=True, promised_on=None,
               expected_on=None, product_url="https://shop.example/product/trail-tent")
    burner = row(1, 0, product_name="Camp Stove gas", sku="CAMP-STOVE-GAS", unit_price=47.6)
    walk.step("Anna orders 5 green tents and a stove; 2 tents and 1 stove are there", act=anna_orders,
              rows=[tent, burner], mails=[("backordered", "Trail Tent green", anna)])
    walk.step("Nothing happens", rows=[tent, burner])

    def ben_orders():
        orders["ben"] = buy(server, "Ben", ben, [(green, 2)])

    walk.step("Ben orders 2 green tents; Anna was first", act=ben_orders, rows=[tent, burner, row(2, 2)],
              mails=[("backordered", "Trail Tent green", ben)])
    walk.step("3 green tents come in: enough for Anna", act=lambda: owner.set_stock(green, 5),
              rows=[row(5, 0), row(1, 0), row(2, 2)], mails=[("restocked", "Trail Tent green", anna)])

    parcels = []

    def ship_tents(quantity):
        parcels.append(owner.ship(orders["anna"], [(orders["anna"]["lines"][0]["id"], quantity)]))

    walk.step("2 of Anna's tents leave", act=lambda: ship_tents(2),
              rows=[row(5, 0, shipped=2, shipped_at=True), row(1, 0), row(2, 2)])
    walk.step("That parcel is called back", act=lambda: owner.move_parcel(parcels[0], "Cancelled"),
              rows=[row(5, 0, shipped_at=None), row(1, 0), row(2, 2)])
    walk.step("All of Anna's tents leave, the stove stays", act=lambda: ship_tents(5),
              rows=[row(5, 0, shipped=5, shipped_at=True), row(1, 0, shipped_at=None), row(2, 2)])
    shipped = [row(5, 0, shipped=5), row(1, 0)]
    walk.step("The shop cancels Ben's order", act=lambda: owner.cancel(orders["ben"]),
              rows=[*shipped, row(2, 0, cancelled=2, refunded_at=None)],
              mails=[("cancelled", "Trail Tent green", ben)])
    walk.step("Ben gets his money back", act=lambda: owner.refund(orders["ben"], orders["ben"]["totalWithTax"]),
              rows=[*shipped, row(2, 0, cancelled=2, refunded_at=True)])

    def carla_orders():
        orders["carla"] = buy(server, "Carla", carla, [(green, 3)])

    bens = row(2, 0, cancelled=2)
    walk.step("Carla orders 3 green tents; none is there", act=carla_orders, rows=[*shipped, bens, row(3, 3)],
              mails=[("backordered", "Trail Tent green", carla)])

    def reduce_carlas():
        owner.reduce(orders["carla"], orders["carla"]["lines"][0]["id"], 1)

    walk.step("The shop takes 2 of Carla's 3 tents out of her order and refunds them", act=reduce_carlas,
              rows=[*shipped, bens, row(3, 1, cancelled=2, refunded_at=True)],
              mails=[("cancelled", "Trail Tent green", carla)])
    walk.step("The last missing tent comes in", act=lambda: owner.set_stock(green, 1),
              rows=[*shipped, bens, row(3, 0, cancelled=2)], mails=[("restocked", "Trail Tent green", carla)])
    walk.step("Nothing happens", rows=[*shipped, bens, row(3, 0, cancelled=2)])

    walk.show_stock()
    walk.show(["check"])
    walk.show(["log"])
    walk.finish()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("packages", help="the folder with node_modules")
    arguments.add_argument("--rows", action="store_true", help="check the rows of the mapping only")
    chosen = arguments.parse_args()
    end_cleanly_when_told()
    with tempfile.TemporaryDirectory(prefix="real-vendure-") as folder, Postgres(folder) as postgres:
        postgres.query("postgres", f"create database {DATABASE}")
        with Server(chosen.packages, postgres.port, folder) as server, MailCatcher(folder) as catcher:
            walk_through(server, Walk("vendure", postgres, DATABASE, catcher, folder, chosen.rows))


if __name__ == "__main__":
    main()
