"""A small artificial stream in the layout of a recorded one: counters, gauges, constants, gaps and resets."""
import json
import random
import struct


ABSENT = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def values_of(kind, ticks, dice):
    value, out = float(dice.randrange(1_000_000)), []
    for tick in range(ticks):
        if kind == "counter":
            value = 0.0 if dice.random() < 0.001 else value + (dice.randrange(50) if dice.random() < 0.1 else 0)
        elif kind == "gauge" and dice.random() < 0.2:
            value = round(dice.gauss(100, 20), 3)
        elif kind == "float":
            value += dice.random()
        out.append(value)
    if kind == "gauge" and dice.random() < 0.1:
        gone = dice.randrange(ticks)
        out[gone:gone + 50] = [ABSENT] * len(out[gone:gone + 50])
    return out


def stream(folder, seed, series=400, ticks=600):
    dice = random.Random(seed)
    folder.mkdir(parents=True)
    lines, matrix = ["#target\tlabels"], b""
    for index in range(series):
        kind = dice.choice(["constant", "constant", "counter", "counter", "gauge", "float"])
        suffix = "_total" if kind == "counter" else ""
        labels = {"__name__": f"m_{kind}_{index % 20}{suffix}", "relname": f"table_{index}"}
        lines.append("pg\t" + json.dumps(labels, sort_keys=True))
        values = values_of(kind, ticks, dice)
        # Packed by bits: a signalling NaN would change when it is treated as a number.
        matrix += b"".join(struct.pack("<Q", 0x7FF0000000000002) if value != value else struct.pack("<d", value)
                           for value in values)
    (folder / "series.tsv").write_text("\n".join(lines) + "\n")
    (folder / "ts_pg.i64").write_bytes(b"".join(struct.pack("<q", 1_795_000_000_000 + 1_000 * t) for t in range(ticks)))
    (folder / "values_pg.f64").write_bytes(matrix)
    return folder
