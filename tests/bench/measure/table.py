"""Figures as a table of Markdown, each row printed as soon as it is known."""

import statistics


class Table:
    def __init__(self, *titles):
        self.widths = [max(len(title), 7) for title in titles]
        self.row(*titles)
        self.row(*("-" * width for width in self.widths))

    def row(self, *cells):
        padded = [str(cell).ljust(width) for cell, width in zip(cells, self.widths)]
        print("| " + " | ".join(padded) + " |", flush=True)


def middle(values, form="%.2f"):
    """The median, and the range where there is one."""
    text = form % statistics.median(values)
    if len(values) < 2:
        return text
    return "%s (%s to %s)" % (text, form % min(values), form % max(values))


def rate(values):
    """The median of rates: "19,770/s"."""
    return "{:,.0f}/s".format(statistics.median(values))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
