# SPDX-License-Identifier: Apache-2.0
"""What the benchmark found, as a table for people (Markdown), as pictures (SVG) and as data (JSON)."""
import json
import os
import platform
import statistics

PER_GB = ("100 MB",)  # rows whose unit is 100 MB: shown as seconds a GB


def per_unit(results):
    """server CPU ms a unit: (median, lowest, highest) over the rounds."""
    values = [r["server_cpu_ms"] / r["units"] for r in results if r["units"]]
    return (statistics.median(values), min(values), max(values)) if values else (float("nan"),) * 3


def median(results, key):
    values = [r[key] for r in results if r["units"]]
    return statistics.median(values) if values else float("nan")


def rate(results):
    values = [r["units"] / r["wall_ms"] * 1000 for r in results if r["units"]]
    return statistics.median(values) if values else float("nan")


def row_text(name, units, results):
    lines = []
    own = per_unit(results["Cradle"])[0]
    for peer, runs in results.items():
        cpu, low, high = per_unit(runs)
        lost = sum(r.get("lost", 0) for r in runs)
        lines.append(f"    {peer:20} {cpu:8.3f} ms CPU a unit ({low:.3f}–{high:.3f}), {cpu / own if own else 0:5.2f} × Cradle; {rate(runs):8.1f}/s, p50 "
                     f"{median(runs, 'p50_ms'):8.1f} ms, p99 {median(runs, 'p99_ms'):8.1f} ms; client {median(runs, 'client_cpu_ms') / units:.2f} ms a unit"
                     + (f"; {lost} acknowledged bytes are missing" if lost else ""))
    return "\n".join(lines)


def table(rows):
    out = ["| work | server | CPU ms a unit (lowest–highest) | against Cradle | units/s | p50 ms | p99 ms | client CPU ms a unit |",
           "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, units, results in rows:
        own = per_unit(results["Cradle"])[0]
        for peer, runs in results.items():
            cpu, low, high = per_unit(runs)
            out.append(f"| {name if peer == 'Cradle' else ''} | {peer} | {cpu:.3f} ({low:.3f}–{high:.3f}) | {cpu / own:.2f} × | {rate(runs):.0f} | "
                       f"{median(runs, 'p50_ms'):.1f} | {median(runs, 'p99_ms'):.1f} | {median(runs, 'client_cpu_ms') / units:.2f} |")
    return "\n".join(out)


COLOURS = {"Cradle": "#0b6e4f", "vsftpd": "#8d99ae", "ProFTPD": "#5c677d", "Pure-FTPd": "#b08968", "nginx": "#8d99ae", "nginx, no password": "#5c677d"}


def picture(title, rows):
    """Bars: server CPU ms a unit, each row scaled to its own largest."""
    bar, gap, left, width = 14, 26, 330, 420
    height = 40 + sum(len(results) * (bar + 2) + gap for _, _, results in rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 110}" height="{height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>', f'<text x="10" y="20" font-size="14" font-weight="bold">{title}</text>']
    y = 40
    for name, _, results in rows:
        figures = {peer: per_unit(runs)[0] for peer, runs in results.items()}
        most = max(figures.values())
        parts.append(f'<text x="10" y="{y + 11}">{name}</text>')
        for peer, value in figures.items():
            length = value / most * width if most else 0
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar}" fill="{COLOURS.get(peer, "#999")}"/>')
            parts.append(f'<text x="{left + length + 4:.1f}" y="{y + 11}" font-size="11">{peer} {value:.2f}</text>')
            y += bar + 2
        y += gap
    return "\n".join(parts + ["</svg>"]) + "\n"


def machine():
    model = "unknown"
    with open("/proc/cpuinfo") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} processors ({model}), Linux {platform.release()}"


PICTURES = (("FTPS: server CPU, ms a unit of work (less is better)", "ftps.svg", "ftp"), ("HTTPS: server CPU, ms a unit of work (less is better)", "https.svg", "https"))
BEGIN, END = "<!-- written by `make bench` -->", "<!-- end -->"


def pictures(rows):
    """(file name, SVG) for each protocol that has rows."""
    for title, file, word in PICTURES:
        chosen = [row for row in rows if ("nginx" in row[2]) == (word == "https")]
        if chosen:
            yield file, picture(title, chosen)


def memory_table(memory):
    return "".join(f"\n| {name} | kB (PSS) |\n| --- | --- |\n" + "".join(f"| {peer} | {kb:.0f} |\n" for peer, kb in figures.items()) for name, figures in memory)


def measured(rows, memory, rounds):
    return f"Measured on {machine()}; median of {rounds} rounds, everything on loopback, the load on the same processors.\n\n" + table(rows) + "\n" + memory_table(memory)


def write(folder, rows, memory, rounds):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps({"machine": machine(), "rounds": rounds, "memory_kb": memory, "rows": [
        {"name": name, "units": units, "results": results} for name, units, results in rows]}, indent=1) + "\n")


def write_document(path, rows, memory, rounds):
    """Puts the figures between the two marks of the document, and the pictures beside it."""
    text = path.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    shown = []
    for file, svg in pictures(rows):
        name = f"{path.stem}-{file}"
        (path.parent / name).write_text(svg)
        shown.append(f"![Server CPU a unit of work, {file.split('.', maxsplit=1)[0].upper()}]({name})\n")
    path.write_text(head + BEGIN + "\n\n" + measured(rows, memory, rounds) + "\n" + "\n".join(shown) + "\n" + END + tail)
