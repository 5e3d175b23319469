"""The rows of the bench, in order, and the table at the end. See Tools/bench --help."""
import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from fleet import LEASED_MODEL, Client, Fleet
from load import curl, median, summary, wrk, write_requests
from machine import (BenchError, Groundswell, Nginx, SERVER_CORE, c_compiler, facts, pinned,
                     raise_descriptor_limit, resident_bytes)
from steering import Steering

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONNECTIONS = (64, 1000)
IMAGE_BYTES = 200_000_000
# A server that answers from memory has to beat a file server. One that has written to disk before
# it answers may be slower, by what a commit shared with others costs.
POLL_RATIO_MIN, FEEDBACK_RATIO_MIN = 1.2, 0.6
DEVICE_BYTES_MAX, DOWNLOAD_CPU_RATIO_MAX = 400, 1.1

POLICY = {
    'name': 'bench', 'summary': 'Everybody at once.',
    'stages': [{'upTo': '100%', 'quorum': '100%', 'soak': '1h', 'waitAtMost': '1d'}],
    'failureLimit': {'share': '100%'}, 'onAbort': 'stop',
    'timeouts': {'accept': '1d', 'download': '1d', 'install': '1d'},
}


class Bench:
    """One run: its directory, its processes, its rows."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.fleet = Fleet(options.devices, min(options.devices, 20_000))
        self.processes, self.rows, self.disturbed, self.seed = [], [], [], 0
        for name in ('data', 'empty', 'policies', 'root'):
            os.mkdir(f'{work}/{name}')
        with open(f'{work}/policies/bench.json', 'w') as file:
            json.dump(POLICY, file)

    # The parts of a run.

    def say(self, text):
        print(f'  {time.strftime("%H:%M:%S")} {text}', flush=True)

    def row(self, name, figures, text, passed=None, target=''):
        self.rows.append({'name': name, 'text': text, 'target': target, 'passed': passed,
                          'figures': figures})

    def groundswell(self, data='data'):
        server = Groundswell(f'{ROOT}/.build/release/groundswell', f'{self.work}/{data}',
                             f'{self.work}/policies', f'{self.work}/groundswell-{data}.log')
        self.processes.append(server)
        return server

    def stop_all(self):
        for process in self.processes:
            if process.child.poll() is None:
                process.child.kill()
                process.child.wait()

    def load(self, process, connections, requests, seconds=None):
        self.seed += 1
        return wrk(process, connections, seconds or self.options.seconds,
                   f'{self.work}/{requests}', self.seed)

    def rounds(self):
        return range(self.options.rounds)

    # Rows 3 and 5: starts.

    def starts(self, data):
        """Restarts with what is there: seconds until it answers, and resident bytes when idle."""
        found = []
        for _ in self.rounds():
            server = self.groundswell(data)
            time.sleep(1.5)
            found.append({'seconds': server.start_seconds, 'bytes': resident_bytes(server.pid)})
            server.stop()
        return summary(found)

    def memory_and_starts(self):
        count = self.fleet.count
        self.say('an empty server')
        self.groundswell('empty').stop()
        empty = self.starts('empty')
        self.say(f'{count} devices are registered')
        server = self.groundswell()
        started = time.monotonic()
        answer = server.api('POST', '/tenants/DEFAULT/devices/bulk', self.fleet.table(), 'text/csv')
        registration = time.monotonic() - started
        if answer['created'] != count or answer['tokens'][-1]['token'] != self.fleet.token(count - 1):
            raise BenchError('the devices were not registered with their tokens')
        server.stop()
        plain = self.starts('data')
        self.say('all describe themselves')
        server = self.groundswell()
        with Client(server.port) as client:
            client.send(
                self.fleet.request(number, f'{self.fleet.path(number)}/configData', 'PUT',
                                   self.fleet.attributes(number))
                for number in range(count))
        server.stop()
        full = self.starts('data')

        def share(found):
            return round((found['bytes'] - empty['bytes']) / count)
        self.row('memory per registered device', {'empty': empty, 'loaded': plain,
                 'bytesPerDevice': share(plain)}, f'{share(plain)} B',
                 share(plain) <= DEVICE_BYTES_MAX, f'<= {DEVICE_BYTES_MAX} B')
        self.row('  with five attributes', {'loaded': full, 'bytesPerDevice': share(full)},
                 f'{share(full)} B')
        self.row('  whole process, empty and with attributes', {},
                 f'{empty["bytes"] / 2**20:.1f} and {full["bytes"] / 2**20:.1f} MiB')
        self.row(f'cold start, {count} devices',
                 {'plainSeconds': plain['seconds'], 'attributesSeconds': full['seconds'],
                  'emptySeconds': empty['seconds']},
                 f'{full["seconds"]:.2f} s (empty {empty["seconds"]:.2f} s)')
        self.row(f'bulk registration, {count} devices', {'seconds': registration},
                 f'{registration:.2f} s')

    # Row 1: polls.

    def prepare_nginx(self, server):
        """nginx serves a file as large as the answer to a poll."""
        with Client(server.port) as client:
            body = next(client.bodies([self.fleet.request(0)]))
        if b'_links' in body:
            raise BenchError(f'an idle device is offered something: {body!r}')
        with open(f'{self.work}/root/poll.json', 'wb') as file:
            file.write(body)
        numbers = range(self.fleet.count)
        write_requests(f'{self.work}/polls', (self.fleet.request(number) for number in numbers))
        # The name of the device goes along, so that requests are as long and as many.
        write_requests(
            f'{self.work}/files',
            (self.fleet.request(number, f'/poll.json?DEFAULT/control/{self.fleet.name(number)}')
             for number in numbers))
        return Nginx(self.work, f'{self.work}/root'), len(body)

    def compare(self, server, requests, others):
        """Rounds against nginx at each number of connections; calls `others` after each."""
        found = {}
        for connections in CONNECTIONS:
            pairs = []
            for number in self.rounds():
                self.say(f'{requests}, {connections} connections, round {number + 1}')
                reference = self.load(self.nginx, connections, 'files')
                before = server.api('GET', '/status')['commits']
                run = self.load(server, connections, requests)
                commits = server.api('GET', '/status')['commits'] - before
                run['answersPerCommit'] = run['answers'] / max(1, commits)
                if run['refused'] or reference['refused']:
                    raise BenchError(f'{requests}: {run["refused"]} answers were no success')
                pairs.append({'nginx': reference, 'groundswell': run,
                              'ratio': run['perSecond'] / reference['perSecond'],
                              'cpuRatio': run['cpuMicroseconds'] / reference['cpuMicroseconds']})
                others(run)
            found[connections] = pairs
        return found

    def rates(self, name, pairs, connections, minimum):
        """One row about nginx and one about the server."""
        ratio, cpu = median(pairs, 'ratio'), median(pairs, 'cpuRatio')
        # One of the two always waits for the other, unless somebody else has the core.
        reference = summary([pair['nginx'] for pair in pairs])
        if max(reference['busy'], reference['clientBusy']) < 0.85:
            self.disturbed.append(f'{name}, {connections}')

        def text(key):
            run = summary([pair[key] for pair in pairs])
            return (f'{run["perSecond"]:9,.0f}/s  {run["cpuMicroseconds"]:5.2f} us CPU  p50 '
                    f'{run["p50Microseconds"] / 1000:5.2f}  p99 {run["p99Microseconds"] / 1000:6.2f}'
                    f' ms  busy {run["busy"]:4.0%}, client {run["clientBusy"]:4.0%}')
        self.row(f'nginx static file, {connections}', {}, text('nginx'))
        self.row(f'{name}, {connections}',
                 {'connections': connections, 'rounds': pairs, 'ratio': ratio, 'cpuRatio': cpu},
                 f'{text("groundswell")}  {ratio:.2f}x nginx, CPU {cpu:.2f}x',
                 ratio >= minimum, f'>= {minimum}x')

    def polls(self, server):
        self.nginx, size = self.prepare_nginx(server)
        self.processes.append(self.nginx)
        # Once each, as the first look of a device costs more; then a moment for the client.
        with Client(server.port) as client:
            client.send(self.fleet.request(number) for number in range(self.fleet.count))
        self.load(self.nginx, 64, 'files', 1)
        self.load(server, 64, 'polls', 1)
        for connections, pairs in self.compare(server, 'polls', lambda _: None).items():
            self.rates(f'idle polls ({size} B)', pairs, connections, POLL_RATIO_MIN)

    # Row 4: images.

    def random_file(self, path):
        with open(path, 'wb') as file:
            for _ in range(0, IMAGE_BYTES, 1_000_000):
                file.write(os.urandom(1_000_000))

    def upload(self, server):
        """Uploads one file per round; publishes a release with the last."""
        tenant, runs, image = '/tenants/DEFAULT', [], f'{self.work}/root/image.bin'
        for number in self.rounds():
            self.random_file(image)
            self.say(f'upload, round {number + 1}')
            runs.append(curl(server, [
                '--request', 'POST', '--upload-file', image, '--header',
                f'Authorization: Bearer {server.token}', '--header',
                'Content-Type: application/octet-stream', '--header', 'Expect:',
                f'{server.url}/api/v1{tenant}/artifacts?name=image&version=2.{number}'
                f'&hardware={LEASED_MODEL}&component=os&fileName=image.bin'], IMAGE_BYTES))
        found = summary(runs)
        self.row('upload of 200 MB', {'rounds': runs}, f'{found["megabytesPerSecond"]:6.0f} MB/s  '
                 f'{found["cpuSecondsPerGB"]:.2f} s CPU/GB')
        artifact = server.api('GET', f'{tenant}/artifacts?limit=1000')['items']
        release = server.api('POST', f'{tenant}/releases', {
            'name': 'gateway', 'version': '2.0.0',
            'artifacts': [max(item['id'] for item in artifact)]})
        server.api('POST', f'{tenant}/releases/{release["id"]}/publish', {})

    def lease(self, server):
        """A rollout to the first devices; each polls and fetches its instructions."""
        tenant, fleet = '/tenants/DEFAULT', self.fleet
        server.api('POST', f'{tenant}/rollouts', {
            'name': 'bench', 'release': 'gateway:2.0.0', 'policy': 'bench',
            'filter': f'hardware={LEASED_MODEL}', 'start': True})
        self.say(f'{fleet.leased} devices take a lease')
        numbers, paths, actions = range(fleet.leased), [], []
        with Client(server.port) as client:
            for number, body in zip(numbers, client.bodies(fleet.request(n) for n in numbers)):
                link = re.search(rb'/deploymentBase/(\d+)', body)
                if not link:
                    raise BenchError(f'device {number} was offered nothing: {body!r}')
                actions.append(link[1].decode())
                paths.append(f'{fleet.path(number)}/deploymentBase/{actions[-1]}')
            documents = list(client.bodies(fleet.request(n, paths[n]) for n in numbers))
        href = re.search(rb'"download-http":{"href":"([^"]*)"', documents[0])[1].decode()
        chance = random.Random(1)
        write_requests(f'{self.work}/reports', (
            fleet.request(n, f'{paths[n]}/feedback', 'POST',
                          fleet.progress(actions[n], chance.randrange(10, 100)))
            for n in numbers))
        return re.sub(r'^http://[^/]*', '', href)

    def downloads(self, server, path):
        token = f'Authorization: TargetToken {self.fleet.token(0)}'
        pairs = []
        for number in self.rounds():
            self.say(f'download, round {number + 1}')
            # Five in a row, because CPU time is counted in hundredths of a second.
            reference = curl(self.nginx, [f'{self.nginx.url}/image.bin'], IMAGE_BYTES, 5)
            run = curl(server, ['--header', token, f'{server.url}{path}'], IMAGE_BYTES, 5)
            pairs.append({'nginx': reference, 'groundswell': run, 'cpuRatio':
                          run['cpuSecondsPerGB'] / max(1e-9, reference['cpuSecondsPerGB'])})
        ratio = median(pairs, 'cpuRatio')
        for key, name in (('nginx', 'nginx download of 200 MB'), ('groundswell', 'download of 200 MB')):
            run = summary([pair[key] for pair in pairs])
            text = f'{run["megabytesPerSecond"]:6.0f} MB/s  {run["cpuSecondsPerGB"]:.3f} s CPU/GB'
            if key == 'nginx':
                self.row(name, {}, text)
            else:
                self.row(name, {'rounds': pairs, 'cpuRatio': ratio}, f'{text}  CPU {ratio:.2f}x',
                         ratio <= DOWNLOAD_CPU_RATIO_MAX, f'CPU <= {DOWNLOAD_CPU_RATIO_MAX}x')

    # Row 2: durable reports.

    def count_reports(self):
        database = sqlite3.connect(f'{self.work}/data/groundswell.db')
        try:
            return database.execute(
                "SELECT count(*) FROM report WHERE kind = 'proceeding'").fetchone()[0]
        finally:
            database.close()

    def feedback(self, server):
        # The log grows to its working size first; from then on it is overwritten from its start.
        answers = [self.load(server, 64, 'reports', 2 * self.options.seconds)['answers']]
        found = self.compare(server, 'reports', lambda run: answers.append(run['answers']))
        # No orderly end: what was answered has to be there all the same.
        server.stop(signal.SIGKILL)
        rows, answered = self.count_reports(), sum(answers)
        # What was under way when the load ended was written and not counted by the client.
        spare = len(answers) * max(CONNECTIONS)
        self.say('SQLite without a server')
        for connections, pairs in found.items():
            self.rates('durable reports (387 B)', pairs, connections, FEEDBACK_RATIO_MIN)
            group = max(1, round(statistics.median(
                pair['groundswell']['answersPerCommit'] for pair in pairs)))
            raw = self.raw_commits(group)
            rate = statistics.median(pair['groundswell']['perSecond'] for pair in pairs)
            self.row(f'  SQLite alone, {group} rows a commit', {'group': group, 'perSecond': raw},
                     f'{raw:9,.0f}/s  reports over HTTP reach {rate / raw:.2f} of it')
        self.row('rows after kill -9', {'rows': rows, 'answered': answered},
                 f'{rows:,} rows for {answered:,} answers',
                 answered <= rows <= answered + spare, 'one each')

    def raw_commits(self, group):
        program = f'{self.work}/group_commit'
        if not os.path.exists(program):
            subprocess.run([c_compiler(ROOT), '-O2', '-o', program,
                            f'{ROOT}/Tools/bench.d/group_commit.c', '-lsqlite3'], check=True)
        rates = []
        for number in self.rounds():
            name = f'{self.work}/raw-{group}-{number}.db'
            result = subprocess.run(
                pinned(SERVER_CORE, [program, name, str(group), str(min(3, self.options.seconds))]),
                stdout=subprocess.PIPE, check=True, text=True)
            rows, seconds = result.stdout.split()
            rates.append(int(rows) / float(seconds))
            for end in ('', '-wal', '-shm'):
                if os.path.exists(name + end):
                    os.unlink(name + end)
        return statistics.median(rates)

    def run(self):
        if self.options.only != 'steering':
            self.serving()
        if self.options.only != 'serving' and not self.options.quick:
            Steering(self, self.options.million, self.options.rounds).run()

    def serving(self):
        self.memory_and_starts()
        server = self.groundswell()
        self.polls(server)
        self.upload(server)
        self.downloads(server, self.lease(server))
        self.feedback(server)

    # The end.

    def print_table(self, machine):
        print()
        for key, value in machine.items():
            print(f'{key:12} {value}')
        print()
        for row in self.rows:
            mark = {None: '    ', True: 'pass', False: 'MISS'}[row['passed']]
            print(f'{mark}  {row["name"]:42} {row["text"]}'
                  + (f'  [{row["target"]}]' if row['target'] else ''))
        missed = [row['name'].strip() for row in self.rows if row['passed'] is False]
        print()
        if self.disturbed:
            print(f'others used the cores during: {"; ".join(self.disturbed)}; measure these again')
        print(f'targets missed: {"; ".join(missed)}' if missed else 'all targets reached')
        return missed


def parse():
    parser = argparse.ArgumentParser(prog='Tools/bench', allow_abbrev=False)
    parser.add_argument('--check', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--strict', action='store_true')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=int)
    parser.add_argument('--devices', type=int, default=100_000)
    parser.add_argument('--million', type=int, default=1_000_000)
    parser.add_argument('--only', choices=('serving', 'steering'))
    parser.add_argument('--json')
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 1 if options.quick else 3
    if options.seconds is None:
        options.seconds = 2 if options.quick else 4
    if not 100_000 <= options.million <= 9_000_000:
        parser.error('--million takes 100000 to 9000000')
    if options.only == 'steering' and options.quick:
        parser.error('--quick leaves out what --only steering asks for')
    if options.rounds < 1 or options.seconds < 1 or not 1000 <= options.devices <= 9_000_000:
        parser.error('--rounds and --seconds take 1 or more, --devices 1000 to 9000000')
    # A device keeps a thousand reports per attempt; more time needs more devices.
    if options.rounds * options.seconds > 100:
        parser.error('--rounds times --seconds is at most 100')
    if os.cpu_count() < 2:
        parser.error('the bench needs two cores, one for the server and one for the load')
    return options


def main():
    options = parse()
    if options.check:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_descriptor_limit()
    machine = facts(ROOT)
    if machine['loadBefore'] > 0.5:
        print(f'note: the machine is not idle (load {machine["loadBefore"]}); trust the ratios only')
    work = tempfile.mkdtemp(prefix='groundswell-bench.')
    bench = Bench(options, work)
    try:
        bench.run()
    except BenchError as error:
        print(f'bench: {error}', file=sys.stderr)
        return 1
    finally:
        bench.stop_all()
        shutil.rmtree(work, ignore_errors=True)
    missed = bench.print_table(machine)
    path = options.json or os.path.join(
        tempfile.mkdtemp(prefix='groundswell-bench-result.'), 'bench.json')
    with open(path, 'w') as file:
        json.dump({'machine': machine, 'options': vars(options), 'disturbed': bench.disturbed,
                   'rows': bench.rows}, file, indent=1)
        file.write('\n')
    print(f'figures: {path}')
    return 1 if missed and options.strict else 0


if __name__ == '__main__':
    sys.exit(main())
