"""Plays the scenarios with `groundswell simulate rollout`, writes their table, checks the bars."""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import design

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build" / "release" / "groundswell"
PROCESSES = 2
QUICK_RUNS = 8
# With few runs a mean may be off by half, and a percentile is the worst run.
QUICK_SLACK = 1.8


def play(scenario, seed, quick):
    """The results of one scenario, ours first; in full also hawkBit's example and AWS's sample."""
    runs = QUICK_RUNS if quick else scenario.runs
    words = [str(PROGRAM), "simulate", "rollout", "--json", "--fleet-size", str(scenario.fleet),
             "--runs", str(runs), "--seed", str(seed), *scenario.options]
    if not quick:
        words.append("--compare")
    found = subprocess.run(words, capture_output=True, text=True)
    if found.returncode != 0:
        raise SystemExit(f"scenarios: {' '.join(words)} failed:\n{found.stderr}")
    return json.loads(found.stdout)["results"]


def figures(result):
    hours = result["hoursTo99Percent"] or {"median": None, "p95": None}
    return {
        "mean": result["bricked"]["mean"], "high": result["bricked"]["p95"],
        "stopped": result["abortedPercent"], "held": result["heldPercent"],
        "completed": result["completedPercent"], "quarantined": result["quarantinedPercent"],
        "hours": hours["median"], "hoursHigh": hours["p95"],
    }


def misses(scenario, found, quick):
    """What does not hold, in words."""
    slack = QUICK_SLACK if quick else 1
    if scenario.ours:
        limit = max(scenario.ours[0] * 1.25, scenario.ours[0] + 1) * slack
        if found["mean"] > limit:
            yield f"{found['mean']:.1f} devices bricked, at most {limit:.1f} expected"
    for bar in scenario.bars:
        sign = "<=" if "<=" in bar else ">="
        name, number = bar.split(sign)
        value, number = found[name], float(number)
        if quick and name in ("high", "hours", "hoursHigh") and sign == "<=":
            number *= slack
        if quick and name == "stopped" and sign == "<=" and number > 0.5:
            # One run of eight is 12.5 %.
            number = 25
        if value is None or (value > number if sign == "<=" else value < number):
            yield f"{name} is {value}, {bar} expected"


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}"


def pair(values):
    return "-" if not values else " / ".join(number(value) for value in values)


def harm_table(rows):
    yield "| scenario | Groundswell | designed for | hawkBit 50/80 | computed | AWS Jobs | computed |"
    yield "|---|---|---|---|---|---|---|"
    for scenario, results in rows:
        ours, hawkbit, aws = (figures(results[place]) for place in (0, 1, 3))
        cells = [pair((ours["mean"], ours["high"])), pair(scenario.ours),
                 pair((hawkbit["mean"], hawkbit["high"])), pair(scenario.hawkbit),
                 pair((aws["mean"], aws["high"])), pair(scenario.aws)]
        yield f"| {scenario.name} | " + " | ".join(cells) + " |"


def end_table(rows):
    yield ("| scenario | stopped / held / completed % | designed for | hours to 99 %, median / 95 % "
           "| designed for | hawkBit stopped / held %, hours | AWS stopped / held %, hours |")
    yield "|---|---|---|---|---|---|---|"
    for scenario, results in rows:
        ours, hawkbit, aws = (figures(results[place]) for place in (0, 1, 3))
        def ends(found):
            return " / ".join(number(found[name]) for name in ("stopped", "held", "completed"))
        def other(found):
            return f"{number(found['stopped'])} / {number(found['held'])}, {number(found['hours'])}"
        hours = "-" if ours["hours"] is None else pair((ours["hours"], ours["hoursHigh"]))
        cells = [ends(ours), pair(scenario.ends), hours, number(scenario.hours), other(hawkbit),
                 other(aws)]
        yield f"| {scenario.name} | " + " | ".join(cells) + " |"


def document(rows, seed):
    main = [row for row in rows if row[0] in design.SCENARIOS]
    other = [row for row in rows if row[0] in design.OTHER_FLEETS]
    text = (ROOT / "Tools" / "scenarios.d" / "preface.md").read_text()
    text = text.replace("{seed}", str(seed)).replace("{runs}", str(design.RUNS)).replace(
        "{runsWhole}", str(design.RUNS_WHOLE))
    parts = [text, "## Devices bricked, mean / 95th percentile, fleet of 100,000\n",
             *harm_table(main), "\n## How rollouts end, fleet of 100,000\n", *end_table(main),
             "\n## Other fleets: devices bricked\n", *harm_table(other),
             "\n## Other fleets: how rollouts end\n", *end_table(other)]
    return "\n".join(parts) + "\n"


def main():
    reader = argparse.ArgumentParser(prog="Tools/scenarios")
    reader.add_argument("--quick", action="store_true")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--output", type=pathlib.Path, default=ROOT / "Policies" / "SCENARIOS.md")
    reader.add_argument("--check", action="store_true")
    given = reader.parse_args()
    if given.check:
        return 0
    scenarios = design.SCENARIOS + ([] if given.quick else design.OTHER_FLEETS)
    # The longest first, so that the last process does not run alone for long.
    order = sorted(scenarios, key=lambda one: one.fleet * one.runs, reverse=True)
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        waiting = {one: pool.submit(play, one, given.seed, given.quick) for one in order}
    rows = [(one, waiting[one].result()) for one in scenarios]
    faults = 0
    for scenario, results in rows:
        found = figures(results[0])
        missed = list(misses(scenario, found, given.quick))
        faults += len(missed)
        print(f"{'miss' if missed else 'ok  '}  {scenario.name}: "
              f"{pair((found['mean'], found['high']))} bricked, {number(found['stopped'])} % stopped, "
              f"{number(found['held'])} % held, {number(found['hours'])} h")
        for sentence in missed:
            print(f"      {sentence}")
    if not given.quick:
        given.output.write_text(document(rows, given.seed))
        print(f"wrote {given.output}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
