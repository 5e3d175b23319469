"""Load and what it cost: runs of wrk and of curl against one process."""
import json
import os
import re
import statistics
import subprocess
import time

from machine import BenchError, CLIENT_CORE, cpu_seconds, pinned


def write_requests(path, requests):
    """Leaves requests where load.lua finds them."""
    with open(path, 'wb') as file:
        file.write(b'\0'.join(requests))


def wrk(process, connections, seconds, requests, seed):
    """One run of wrk; rates, latencies, and the CPU time of both ends."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'load.lua')
    words = ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--timeout', '10s', '-s', script,
             process.url, '--', requests, str(seed)]
    # Reading the requests takes the client a moment in which the server does nothing, so busy
    # shares are of the measured time only.
    before, client_before = cpu_seconds(process.pid), os.times()
    result = subprocess.run(pinned(CLIENT_CORE, words), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    time.sleep(0.05)
    spent, client_after = cpu_seconds(process.pid) - before, os.times()
    found = re.search(r'result (\{.*\})', result.stdout)
    if not found:
        raise BenchError(f'wrk failed:\n{result.stdout}')
    run = json.loads(found[1])
    if run['requests'] == 0 or run['broken'] > 0:
        raise BenchError(f'requests were lost:\n{result.stdout}')
    elapsed = run['microseconds'] / 1e6
    client = (client_after.children_user + client_after.children_system
              - client_before.children_user - client_before.children_system)
    return {
        'perSecond': run['requests'] / elapsed, 'answers': run['requests'] - run['refused'],
        'refused': run['refused'], 'p50Microseconds': run['p50'], 'p99Microseconds': run['p99'],
        'cpuMicroseconds': spent / run['requests'] * 1e6,
        'busy': min(1, spent / elapsed), 'clientBusy': min(1, client / elapsed)}


def curl(process, words, size, times=1):
    """Transfers of curl one after the other; MB/s and the server's CPU seconds per GB."""
    before = cpu_seconds(process.pid)
    seconds, codes = 0, []
    for _ in range(times):
        result = subprocess.run(
            pinned(CLIENT_CORE, ['curl', '--silent', '--show-error', '--output', '/dev/null',
                                 '--write-out', '%{http_code} %{time_total}'] + words),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        code, _, duration = result.stdout.partition(' ')
        if code not in ('200', '201'):
            raise BenchError(f'curl: {result.stdout}')
        codes.append(code)
        seconds += float(duration)
    spent = cpu_seconds(process.pid) - before
    return {'megabytesPerSecond': size * times / seconds / 1e6,
            'cpuSecondsPerGB': spent / (size * times / 1e9)}


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def summary(runs):
    """The median of each figure over several runs."""
    return {key: median(runs, key) for key in runs[0]}
