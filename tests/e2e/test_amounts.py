"""Amounts to the centime: deposits and VAT in Directus, in Invoice Ninja, in facts."""

import concurrent.futures
import datetime
import decimal
import json
import random
import uuid

from harness.billing import OWNER, Billing
from harness.directus import OWNERS

# Total, VAT included; percentage of the quote, or None for the usual 30; the deposit.
KNOWN = (
    ("10000.00", None, "3000.00"),
    ("33333.00", None, "9999.90"),
    ("1.00", None, "0.30"),
    ("10810.00", None, "3243.00"),
    ("10.05", "50.00", "5.03"),
    ("0.01", "50.00", "0.01"),
    ("99999999.99", "100.00", "99999999.99"),
)
VAT = (("8.10", "81.00", "1081.00"), ("2.60", "26.00", "1026.00"),
       ("3.80", "38.00", "1038.00"), ("0.00", "0.00", "1000.00"))


def half_up(total, percent):
    exact = decimal.Decimal(total) * decimal.Decimal(percent) / 100
    return str(exact.quantize(decimal.Decimal("0.01"), decimal.ROUND_HALF_UP))


def drawn(count):
    """Totals and percentages at random, always the same ones."""
    source = random.Random(324300)
    for _ in range(count):
        total = "%d.%02d" % (source.randrange(1, 100000), source.randrange(100))
        percent = "%d.%02d" % (source.randrange(1, 100), source.randrange(100))
        yield total, percent, half_up(total, percent)


def money(amount):
    return decimal.Decimal(str(amount)).quantize(decimal.Decimal("0.01"))


class Amounts(Billing):
    def sign_all(self, rows):
        """Signed quotes with these fields, all at once."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda fields: self.signed(**fields), rows))

    def said(self, kind):
        """{root: its fact of that kind}."""
        return {record["key"]: json.loads(record["payload"])
                for record in self.system.records("journey.facts")
                if record["headers"].get("ce_type") == kind}

    def test_deposits_are_right_to_the_centime_everywhere(self):
        cases = [*KNOWN, *drawn(9)]
        quotes = self.sign_all(
            [{"total": total, "deposit_percentage": percent}
             for total, percent, _ in cases])
        rows = [self.deposit(quote) for quote in quotes]
        facts = self.said("deposit.invoiced")
        bills = {bill["id"]: bill for bill in self.ninja.invoices(OWNER)}
        for (total, percent, wanted), quote, row in zip(cases, quotes, rows):
            with self.subTest("%s at %s" % (total, percent)):
                bill = bills[row["invoice_ninja_id"]]
                self.assertEqual((row["amount"], row["balance"]), (wanted, wanted))
                self.assertEqual(
                    money(row["amount_net"]) + money(row["tax_amount"]), money(wanted))
                self.assertEqual(money(bill["amount"]), money(wanted))
                self.assertEqual(money(bill["balance"]), money(wanted))
                self.assertEqual(facts["quote:" + quote]["amount"], {
                    "cents": int(money(wanted) * 100), "currency": "CHF"})

    def test_the_rules_of_the_company_bound_the_deposit(self):
        """Its row for the kind of project goes before the usual ones."""
        kind = "e2e " + uuid.uuid4().hex[:8]
        self.directus.create("deposit_configs", {
            "owner_company_id": OWNERS[OWNER], "project_type": kind, "status": "active",
            "deposit_percentage": "40.00", "min_amount_for_deposit": "1000.00",
            "max_deposit_amount": "2500.00", "payment_delay_days": 20})
        below, lowest, much, own = self.sign_all(
            [{"project_type": kind, "total": "999.99"},
             {"project_type": kind, "total": "1000.00"},
             {"project_type": kind, "total": "10000.00"},
             {"project_type": kind, "total": "10000.00", "deposit_percentage": "10"}])
        for quote, amount in ((lowest, "400.00"), (much, "2500.00"), (own, "1000.00")):
            row = self.deposit(quote)
            self.assertEqual(row["amount"], amount)
            due = datetime.date.fromisoformat(row["due_date"])
            issued = datetime.date.fromisoformat(row["issue_date"])
            self.assertEqual((due - issued).days, 20)
        self.quote_is(below, "completed")
        self.at_rest()
        self.assertEqual(self.directus.rows("client_invoices", quote_id=below), [])
        self.assertEqual(
            self.ninja.invoices(OWNER, self.quote(below)["quote_number"] + "-A"), [])
        self.assertIn("quote:" + below, self.said("quote.deposit-waived"))
        self.assertIn("below min_amount_for_deposit",
                      self.system.relais("journey", "quote:" + below))

    def test_vat_is_added_once_at_every_rate(self):
        invoices = [self.new_invoice(
            amount=total, amount_net="1000.00", tax_rate=rate, tax_amount=tax)
            for rate, tax, total in VAT]
        for (rate, tax, total), invoice in zip(VAT, invoices):
            with self.subTest(rate):
                row = self.mirrored(invoice)
                bill = self.bill(row)
                self.assertEqual(money(bill["amount"]), money(total))
                self.assertEqual(money(bill["total_taxes"]), money(tax))
                self.assertEqual((row["amount"], row["balance"]), (total, total))
