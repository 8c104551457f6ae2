"""An independent computation of rollups from a CSV of `timestamp,value`: plain Python, two passes,
exact fractions for the mean and the deviation. It shares nothing with weir."""

import csv
import datetime
from fractions import Fraction
import math


def read(path):
    """[(time in microseconds, value)] in the file's order; times are UTC."""
    rows = []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            when = datetime.datetime.fromisoformat(row["timestamp"]).replace(
                tzinfo=datetime.timezone.utc)
            rows.append((round(when.timestamp()) * 1_000_000, float(row["value"])))
    return rows


def rollups(rows, size_us):
    """{window start: {count, min, max, first, last, mean, stddev}}; ties in time keep their order."""
    windows = {}
    for time, value in rows:
        windows.setdefault(time // size_us * size_us, []).append((time, value))
    out = {}
    for start, members in windows.items():
        ordered = sorted(members, key=lambda member: member[0])
        values = [Fraction(value) for _, value in ordered]
        mean = sum(values) / len(values)
        squares = sum((value - mean) ** 2 for value in values)
        out[start] = {
            "count": len(values), "min": float(min(values)), "max": float(max(values)),
            "first": ordered[0][1], "last": ordered[-1][1], "mean": float(mean),
            "stddev": math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None,
        }
    return out
