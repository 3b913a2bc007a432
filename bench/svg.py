# SPDX-License-Identifier: Apache-2.0
"""Pictures of a section's samples: for each row which share of them took at most so long (empirical cumulative distribution), time on a
logarithmic axis. Rows that are others' limits are dashed; a goal in milliseconds is a triangle at its percentile."""
import math
from xml.sax.saxutils import escape

from measure import digits, percentile

WIDTH, LEFT, RIGHT, TOP_EDGE, PLOT, ROW = 960, 64, 24, 74, 320, 20
COLOURS = ("#0b5fa5", "#c8500f", "#1c7d46", "#8a2f8f", "#a87900", "#b3123f", "#00798c", "#5b5b5b", "#6b4fd0", "#7a4a1e",
           "#d6007f", "#4a7a00", "#003c9e", "#e08a00", "#000000")
SHARES = (0, 25, 50, 75, 95, 100)
POINTS = 400


def bounds(rows):
    """Of the time axis: of all samples, rounded outwards to 1, 2 or 5 times a power of ten. What took less than 10 us stands at the edge."""
    low = max(0.01, min(row.samples[0] for row in rows))
    high = max(low, max(row.samples[-1] for row in rows))
    all_ticks = [step * 10.0 ** power for power in range(-4, 9) for step in (1, 2, 5)]
    return max((t for t in all_ticks if t <= low * 1.0001), default=all_ticks[0]), min((t for t in all_ticks if t > high * 1.0001), default=all_ticks[-1])


def ticks(low, high):
    """1, 2, 5 of each power of ten; powers of ten alone over more than four of them."""
    steps = (1, 2, 5) if high / low <= 1e4 else (1,)
    found = [step * 10.0 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for step in steps]
    return [tick for tick in found if low * 0.9999 <= tick <= high * 1.0001]


def steps_of(samples):
    """(value, share in %) of sorted samples, thinned out but with both ends."""
    count = len(samples)
    chosen = range(count) if count <= POINTS else sorted({round(n * (count - 1) / (POINTS - 1)) for n in range(POINTS)} | set(range(max(0, count - 20), count)))
    return [(samples[n], (n + 1) * 100 / count) for n in chosen]


class Picture:
    def __init__(self, title, subtitle, rows):
        self.rows = rows
        self.low, self.high = bounds(rows)
        self.height = TOP_EDGE + PLOT + 62 + ROW * (len(rows) + 1)
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height}" viewBox="0 0 {WIDTH} {self.height}" '
                      'font-family="system-ui, sans-serif" font-size="12" fill="#222">',
                      f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{self.height}" fill="#fff"/>',
                      self.text(LEFT, 28, title, size=17, weight="bold"), self.text(LEFT, 48, subtitle, colour="#555")]

    @staticmethod
    def text(x, y, words, anchor="start", size=12, colour="#222", weight="normal"):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}">{escape(words)}</text>'

    def x(self, value):
        share = (math.log(max(value, self.low)) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    @staticmethod
    def y(share):
        return TOP_EDGE + PLOT * (1 - share / 100)

    def axes(self):
        bottom = self.y(0)
        for tick in ticks(self.low, self.high):
            x = self.x(tick)
            self.parts += [f'<line x1="{x:.1f}" y1="{TOP_EDGE}" x2="{x:.1f}" y2="{bottom}" stroke="#e3e3e3"/>', self.text(x, bottom + 17, f"{tick:g}", "middle")]
        for share in SHARES:
            y = self.y(share)
            self.parts += [f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{"#999" if share in (0, 50) else "#e3e3e3"}"/>',
                           self.text(LEFT - 8, y + 4, f"{share} %", "end")]
        self.parts += [self.text((LEFT + WIDTH - RIGHT) / 2, bottom + 37, "milliseconds (logarithmic)", "middle", colour="#555"),
                       self.text(LEFT, TOP_EDGE - 9, "share of samples that took at most so long", colour="#555"),
                       self.text(WIDTH - RIGHT, TOP_EDGE - 9, "dashed: a limit;  \u25b6 a goal, at its percentile", "end", colour="#555")]

    def curve(self, number, row, dashed):
        colour = COLOURS[number % len(COLOURS)]
        path, before = [], self.y(0)
        for value, share in steps_of(row.samples):
            x, y = self.x(value), self.y(share)
            path.append(f"{'L' if path else 'M'}{x:.1f} {before:.1f}V{y:.1f}")
            before = y
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        self.parts.append(f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for goal in row.goals:
            share = {"p50": 50, "p95": 95, "p99": 99}.get(goal.at or row.main)
            if goal.of is None and share and self.low <= goal.bound <= self.high:
                x, y = self.x(goal.bound), self.y(share)
                self.parts.append(f'<path d="M{x - 7:.1f} {y - 5:.1f}v10l-0 0L{x:.1f} {y:.1f}z" fill="{colour}"><title>goal: {goal.bound:g} ms</title></path>')

    def legend(self, dashed):
        y = self.y(0) + 62
        columns = {"n": 480, "p50": 580, "p95": 690, "p99": 800, "max": 910}
        self.parts += [self.text(x, y, name, "end", colour="#555") for name, x in columns.items()]
        for number, row in enumerate(self.rows):
            y += ROW
            dash = ' stroke-dasharray="6 4"' if row.name in dashed else ""
            values = {"n": str(len(row.samples)), "max": f"{digits(row.samples[-1])} ms", **{f"p{s}": f"{digits(percentile(row.samples, s))} ms" for s in (50, 95, 99)}}
            self.parts += [f'<line x1="{LEFT}" y1="{y - 4}" x2="{LEFT + 26}" y2="{y - 4}" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="3"{dash}/>',
                           self.text(LEFT + 34, y, row.name), *(self.text(x, y, values[name], "end") for name, x in columns.items())]

    def draw(self):
        dashed = {row.limit for row in self.rows} | {goal.of for row in self.rows for goal in row.goals}
        self.axes()
        for number, row in enumerate(self.rows):
            self.curve(number, row, row.name in dashed)
        self.legend(dashed)
        return "\n".join([*self.parts, "</svg>", ""])


def picture(section, about):
    """SVG text, or None where there are no samples in milliseconds."""
    rows = [row for row in section.rows.values() if row.samples and row.unit == "ms"]
    if not rows:
        return None
    title = section.title + (f" ({section.runtime})" if section.runtime else "")
    return Picture(title, f"{about['cpus']} x {about['cpu']}, commit {about['commit']}, {about['time']}", rows).draw()


def write_all(report, about, directory):
    """NAME[-RUNTIME].svg for each section; the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for section in report.sections:
        drawn = picture(section, about)
        if drawn:
            written.append(directory / f"{section.name}{f'-{section.runtime}' if section.runtime else ''}.svg")
            written[-1].write_text(drawn)
    return written
