"""Sales that nobody sold, like those that shops have: ``python examples/make_sales.py > examples/data/sales.csv``.

Two shops, three articles, a row a day on which a shop was open. Weekends sell more and summers another thing than
winters, a holiday closes the shop and the day before it is busy, one article came later, one sells now and then.
After the last day come three weeks of which only the holidays are known. All of it is drawn at random from a fixed
seed.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from datetime import date, timedelta

FIRST, LAST, AHEAD = date(2024, 9, 1), date(2026, 3, 31), 21
HOLIDAYS = {
    date(2024, 10, 3), date(2024, 12, 25), date(2024, 12, 26), date(2025, 1, 1), date(2025, 4, 18), date(2025, 4, 21),
    date(2025, 5, 1), date(2025, 5, 29), date(2025, 6, 9), date(2025, 10, 3), date(2025, 12, 25), date(2025, 12, 26),
    date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6),
}  # fmt: skip
"""Of Germany, as far as all states have them on a weekday."""

WEEK = (0.8, 0.75, 0.85, 0.95, 1.25, 1.6, 0.8)
"""Monday to Sunday, times the level."""

ARTICLES = {"bread": (120.0, 0.05), "ice": (60.0, -0.8), "lamp": (0.35, 0.3)}
"""Article → its level, and how much more of it is sold in winter."""

SHOPS = {"Harbour": 1.0, "Station": 1.7}


def sold(luck: random.Random, mean: float) -> int:
    """A count of this mean, a little wilder than Poisson's: its rate varies from day to day."""
    rate, count, product = mean * luck.gammavariate(40, 1 / 40), 0, luck.random()
    if rate > 30:
        return max(0, round(luck.gauss(rate, math.sqrt(rate))))
    while product > math.exp(-rate):
        count, product = count + 1, product * luck.random()
    return count


def main() -> None:
    """Write the table."""
    luck = random.Random(2026)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(("shop", "article", "day", "sales", "holiday", "eve"))
    for shop, size in SHOPS.items():
        for article, (level, winter) in ARTICLES.items():
            began = date(2025, 6, 2) if (shop, article) == ("Station", "ice") else FIRST
            for number in range((LAST - began).days + 1 + AHEAD):
                day = began + timedelta(days=number)
                closed, eve = day in HOLIDAYS, day + timedelta(days=1) in HOLIDAYS
                if closed and day <= LAST:
                    continue
                season = 1 + winter * math.cos(2 * math.pi * (day.timetuple().tm_yday - 15) / 365.25)
                growth = 1 + 0.0004 * (day - FIRST).days
                mean = level * size * WEEK[day.weekday()] * season * growth * (1.35 if eve else 1.0)
                sales = sold(luck, mean) if day <= LAST else ""
                rows.writerow((shop, article, day.isoformat(), sales, int(closed), int(eve)))


if __name__ == "__main__":
    main()
