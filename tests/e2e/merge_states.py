"""Merges rollup records that carry `state` (runtime/RECORDS.md) into one for each rollup, metric and
window, over gateways and groups: what one weir would have said of all their readings.

    kcat … -t telemetry.rollups -e | python3 merge_states.py [--by TAG,TAG] > merged.jsonl

Records in, records out, a line each. Of each key and window the highest revision counts; what is
retracted does not. `--by` keeps groups apart by these tags. Exit status 1 for a record without state.
"""

import argparse
import json
import math
import struct
import sys

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
EXACT_MOST, REGISTERS, REGISTER_BITS = 128, 1024, 10
BUCKETS_MOST, MODES_MOST = 2048, 16
SMALLEST, GREATEST = sys.float_info.min, sys.float_info.max


# ---- members that are merged by themselves: name → of (one's state, count) and (other's, count)

def two_sum(a, b):
    """The sum and what rounding lost of it."""
    total = a + b
    return total, (a - total) + b if abs(a) >= abs(b) else (b - total) + a


def merge_sum(a, b, _):
    total, lost = two_sum(a["sum"], b["sum"])
    return {"sum": total, "sum_lost": a["sum_lost"] + lost + b["sum_lost"]}


def merge_min(a, b, _):
    return {"min": min(a["min"], b["min"])}


def merge_max(a, b, _):
    return {"max": max(a["max"], b["max"])}


def merge_first(a, b, _):
    one = b if b["first_time_us"] < a["first_time_us"] else a
    return {name: one[name] for name in ("first", "first_time_us")}


def merge_last(a, b, _):
    one = a if b["last_time_us"] < a["last_time_us"] else b
    return {name: one[name] for name in ("last", "last_time_us")}


def merge_moments(a, b, counts):
    here, there = counts
    delta = b["moments_mean"] - a["moments_mean"]
    return {"moments_mean": a["moments_mean"] + delta * there / (here + there),
            "moments_squares": a["moments_squares"] + b["moments_squares"]
            + delta * delta * here * there / (here + there)}


def merge_trend(a, b, counts):
    here, there = counts
    origin = a["trend_origin_us"]
    moved = b["trend_time"] + (b["trend_origin_us"] - origin) / 1e6
    part = there / (here + there)
    later, higher = moved - a["trend_time"], b["trend_value"] - a["trend_value"]
    return {"trend_origin_us": origin,
            "trend_time": a["trend_time"] + later * part,
            "trend_value": a["trend_value"] + higher * part,
            "trend_squares": a["trend_squares"] + b["trend_squares"] + later * later * here * part,
            "trend_products":
                a["trend_products"] + b["trend_products"] + later * higher * here * part}


def counts_of(text, number):
    pairs = (pair.split(":") for pair in text.split())
    return {number(name): int(count) for name, count in pairs}


def text_of(counts):
    return " ".join(f"{name!r}:{count}" for name, count in sorted(counts.items()))


def merge_buckets(a, b):
    counts = counts_of(a, int)
    for bucket, count in counts_of(b, int).items():
        counts[bucket] = counts.get(bucket, 0) + count
    if not counts:
        return ""
    lowest = max(counts) - (BUCKETS_MOST - 1)  # what lies below counts as this
    for bucket in [bucket for bucket in counts if bucket < lowest]:
        counts[lowest] = counts.get(lowest, 0) + counts.pop(bucket)
    return text_of(counts)


def merge_quantiles(a, b, _):
    if a["quantiles_steps"] != b["quantiles_steps"]:
        raise ValueError("sketches of different relative errors can't be merged")
    return {"quantiles_steps": a["quantiles_steps"],
            "quantiles_lowest": min(a["quantiles_lowest"], b["quantiles_lowest"]),
            "quantiles_highest": max(a["quantiles_highest"], b["quantiles_highest"]),
            "quantiles_zeros": a["quantiles_zeros"] + b["quantiles_zeros"],
            "quantiles_positive": merge_buckets(a["quantiles_positive"], b["quantiles_positive"]),
            "quantiles_negative": merge_buckets(a["quantiles_negative"], b["quantiles_negative"])}


def hashes_of(state):
    text = state.get("distinct_hashes", "")
    return {int(text[at:at + 16], 16) for at in range(0, len(text), 16)}


def raise_rank(ranks, number):
    rest = number << REGISTER_BITS & (1 << 64) - 1
    register = number >> (64 - REGISTER_BITS)
    zeros = 64 - rest.bit_length() if rest else 64 - REGISTER_BITS
    ranks[register] = max(ranks[register], zeros + 1)


def merge_distinct(a, b, _):
    hashes = hashes_of(a) | hashes_of(b)
    known = [state["distinct_ranks"] for state in (a, b) if "distinct_ranks" in state]
    if not known and len(hashes) <= EXACT_MOST:
        return {"distinct_hashes": "".join(f"{number:016x}" for number in sorted(hashes))}
    ranks = [0] * REGISTERS
    for text in known:
        ranks = [max(rank, BASE64.index(digit)) for rank, digit in zip(ranks, text)]
    for number in hashes:
        raise_rank(ranks, number)
    return {"distinct_ranks": "".join(BASE64[rank] for rank in ranks)}


def merge_mode(a, b, _):
    counts = counts_of(a["mode_values"], float)
    taken = a["mode_taken"] + b["mode_taken"]
    for value, left in counts_of(b["mode_values"], float).items():
        while left > 0:
            if value in counts or len(counts) < MODES_MOST:
                counts[value] = counts.get(value, 0) + left
                break
            times = min(left, *counts.values())
            taken += times
            counts = {known: n - times for known, n in counts.items() if n > times}
            left -= times
    return {"mode_values": text_of(counts), "mode_taken": taken}


MERGES = {"sum": merge_sum, "min": merge_min, "max": merge_max, "first": merge_first,
          "last": merge_last, "moments_mean": merge_moments, "trend_origin_us": merge_trend,
          "quantiles_steps": merge_quantiles, "mode_values": merge_mode}


def in_order(time):
    """12:00:30Z is before 12:00:30.001Z."""
    return time.removesuffix("Z")


def merge(a, b):
    """Two records of windows that share no reading, as one."""
    counts = (a["readings"]["count"], b["readings"]["count"])
    state = {"v": 1}
    for name, merged in MERGES.items():
        if name in a["state"] and name in b["state"]:
            state.update(merged(a["state"], b["state"], counts))
    if all("distinct_hashes" in one["state"] or "distinct_ranks" in one["state"] for one in (a, b)):
        state.update(merge_distinct(a["state"], b["state"], counts))
    readings = {"count": sum(counts), "late": a["readings"]["late"] + b["readings"]["late"],
                "first": min(a["readings"]["first"], b["readings"]["first"], key=in_order),
                "last": max(a["readings"]["last"], b["readings"]["last"], key=in_order)}
    if "expected" in a["readings"] and "expected" in b["readings"]:
        readings["expected"] = a["readings"]["expected"] + b["readings"]["expected"]
    quality = [word for word in ("arrival_time", "clock_unsynced", "historical", "inexact")
               if word in a["quality"] or word in b["quality"]]
    return {**a, "readings": readings, "quality": quality, "state": state,
            "values": {**a["values"], **b["values"]}}


# ---- what a state says

def bucket_of(steps, value):
    mantissa, exponent = math.frexp(value)
    s = 2 * mantissa - 1
    octaves = (exponent - 1) + ((6.0 / 35 * s - 3.0 / 5) * s + 10.0 / 7) * s
    return math.floor(octaves * steps)


def bits(value):
    return struct.unpack("<q", struct.pack("<d", value))[0]


def lower_bound(steps, bucket):
    """By bisection over the bits of a double, which are in the order of their values."""
    low, high = bits(SMALLEST), bits(GREATEST)
    while low < high:
        middle = (low + high) // 2
        if bucket_of(steps, struct.unpack("<d", struct.pack("<q", middle))[0]) < bucket:
            low = middle + 1
        else:
            high = middle
    return struct.unpack("<d", struct.pack("<q", low))[0]


def bucket_value(steps, bucket):
    lower, upper = lower_bound(steps, bucket), lower_bound(steps, bucket + 1)
    return lower * (2 / (1 + lower / upper))


def at_rank(counts, rank):
    for bucket, count in sorted(counts.items()):
        if rank < count:
            return bucket
        rank -= count
    raise ValueError("a sketch of fewer values than its record has readings")


def quantile(state, part):
    """Of n values in ascending order the one at floor(part (n - 1)), counted from 0."""
    steps, zeros = state["quantiles_steps"], state["quantiles_zeros"]
    negative = counts_of(state["quantiles_negative"], int)
    positive = counts_of(state["quantiles_positive"], int)
    below = sum(negative.values())
    last = below + zeros + sum(positive.values()) - 1
    rank = last * round(part * 1e6) // 1_000_000
    found = 0.0
    if rank < below:
        found = -bucket_value(steps, at_rank(negative, below - 1 - rank))
    elif rank >= below + zeros:
        found = bucket_value(steps, at_rank(positive, rank - below - zeros))
    return max(state["quantiles_lowest"], min(found, state["quantiles_highest"]))


def distinct(state):
    if "distinct_hashes" in state:
        return len(hashes_of(state))
    with_rank = [0] * (64 - REGISTER_BITS + 2)
    for digit in state["distinct_ranks"]:
        with_rank[BASE64.index(digit)] += 1
    return estimate(with_rank)


def estimate(with_rank):
    """Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017)."""
    def sigma(x):
        total, weight, before = x, 1.0, -1.0
        while total != before and x < 1:
            before = total
            x *= x
            total += x * weight
            weight += weight
        return total

    def tau(x):
        if x <= 0 or x >= 1:
            return 0.0
        total, weight, before = 1 - x, 1.0, -1.0
        while total != before:
            before = total
            x = math.sqrt(x)
            weight /= 2
            total -= (1 - x) * (1 - x) * weight
        return total / 3

    m, most = REGISTERS, len(with_rank) - 1
    z = m * tau(1 - with_rank[most] / m)
    for rank in range(most - 1, 0, -1):
        z = (z + with_rank[rank]) / 2
    z += m * sigma(with_rank[0] / m)
    return int(0.5 / math.log(2) * m * m / z + 0.5)


def mode(state):
    counts = counts_of(state["mode_values"], float)
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    if not ranked:
        return None
    if state["mode_taken"] == 0:
        return ranked[0][0]
    second = ranked[1][1] if len(ranked) > 1 else 0
    return ranked[0][0] if ranked[0][1] > second + state["mode_taken"] else None


def value_of(name, record):
    """What an aggregate says of the record's state; None where it is not defined, or not known."""
    state, count = record["state"], record["readings"]["count"]
    if name == "count":
        return count
    if name in ("sum", "mean") and "sum" in state:
        total = state["sum"] + state["sum_lost"]
        return total if name == "sum" else total / count
    if name in ("min", "max", "first", "last"):
        return state.get(name)
    if name == "range" and "min" in state:
        return state["max"] - state["min"]
    if name == "delta" and "first" in state:
        return state["last"] - state["first"]
    if name == "stddev" and count > 1 and "moments_squares" in state:
        return math.sqrt(state["moments_squares"] / (count - 1))
    if name == "trend" and state.get("trend_squares", 0) > 0:
        return state["trend_products"] / state["trend_squares"]
    if name == "distinct" and ("distinct_hashes" in state or "distinct_ranks" in state):
        return distinct(state)
    if name == "mode" and "mode_values" in state:
        return mode(state)
    if "quantiles_steps" in state:
        if name == "median":
            return quantile(state, 0.5)
        if name[:1] == "p" and name[1:].replace(".", "").isdigit():
            return quantile(state, float(name[1:]) / 100)
    return None


# What a result of few readings leaves out, by what tells that it was asked for.
LEFT_OUT = {"moments_squares": "stddev", "trend_squares": "trend", "mode_values": "mode"}


def newest(records):
    """Of each key and window the highest revision, unless it was retracted."""
    found = {}
    for record in records:
        if record["kind"] != "rollup":
            continue
        window = record["window"]
        place = window.get("number", (window["start"], window["end"]))
        key = json.dumps([record["gateway"], record["name"], record["group"], record["metric"],
                          place])
        if key not in found or record["revision"] > found[key]["revision"]:
            found[key] = record
    return [record for record in found.values() if not record.get("retracted")]


def is_finite(value):
    return value is not None and math.isfinite(value)


def merge_all(records, by=()):
    """One record for each rollup, metric and window, and group by the tags of `by`."""
    merged = {}
    for record in newest(records):
        group = {tag: record["group"][tag] for tag in by}
        key = json.dumps([record["name"], group, record["metric"], record["window"]])
        # null is a number beyond the range of a double, and so is what it is merged into.
        state = {name: math.nan if member is None else member
                 for name, member in record["state"].items()}
        one = {**record, "gateway": "", "group": group, "revision": 0, "state": state}
        merged[key] = merge(merged[key], one) if key in merged else one
    for record in merged.values():
        names = {**record["values"], **{
            name: None for member, name in LEFT_OUT.items() if member in record["state"]}}
        values = ((name, value_of(name, record)) for name in names)
        record["values"] = {name: value for name, value in values if is_finite(value)}
        record["state"] = {name: member if isinstance(member, str) or is_finite(member) else None
                           for name, member in record["state"].items()}
    return list(merged.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--by", default="", help="tags whose groups stay apart, with commas")
    arguments = parser.parse_args()
    records = [json.loads(line) for line in sys.stdin if line.strip()]
    for record in records:
        if record["kind"] == "rollup" and not record.get("retracted") and "state" not in record:
            sys.exit(f"merge_states: no state in a record of {record['name']}; set state = true")
    for record in merge_all(records, [tag for tag in arguments.by.split(",") if tag]):
        print(json.dumps(record, separators=(",", ":")))


if __name__ == "__main__":
    main()
