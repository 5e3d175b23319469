"""The processes that are measured: where they run, what they cost, how they end."""
import glob
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

SERVER_CORE, CLIENT_CORE = 0, 1
TICKS = os.sysconf('SC_CLK_TCK')


class BenchError(Exception):
    """Something that must not happen broke the bench."""


def pinned(core, words):
    """A command line that runs on one core."""
    return ['taskset', '-c', str(core)] + words


def cpu_seconds(pid):
    """CPU time of a process with all its threads, ended ones included."""
    with open(f'/proc/{pid}/stat') as file:
        fields = file.read().rsplit(') ', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    with open(f'/proc/{pid}/status') as file:
        return int(re.search(r'VmRSS:\s+(\d+) kB', file.read())[1]) * 1024


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Process:
    """A server under measurement."""

    def __init__(self, words, log):
        self.log_path = log
        with open(log, 'wb') as output:
            self.child = subprocess.Popen(
                pinned(SERVER_CORE, words), stdout=output, stderr=subprocess.STDOUT)
        self.pid = self.child.pid

    def log(self):
        with open(self.log_path, errors='replace') as file:
            return file.read()

    def wait_until(self, condition, what):
        """Waits for a condition that returns something true, for a minute."""
        for _ in range(30_000):
            found = condition()
            if found:
                return found
            if self.child.poll() is not None:
                break
            time.sleep(0.002)
        raise BenchError(f'{what} did not start:\n{self.log()}')

    def stop(self, number=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(number)
            try:
                self.child.wait(60)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise BenchError(f'a server did not stop:\n{self.log()}')


class Groundswell(Process):
    """Our server with one event loop, as it has one core."""

    def __init__(self, binary, data, policies, log):
        started = time.monotonic()
        super().__init__(
            [binary, 'serve', '--data', data, '--listen', '127.0.0.1:0', '--loops', '1',
             '--policies', policies], log)
        self.port = int(self.wait_until(
            lambda: re.search(r'listens on http://127.0.0.1:(\d+)\n', self.log()), 'groundswell')[1])
        self.url = f'http://127.0.0.1:{self.port}'
        with urllib.request.urlopen(f'{self.url}/healthz') as answer:
            answer.read()
        self.start_seconds = time.monotonic() - started
        with open(f'{data}/admin.token') as file:
            self.token = file.read().strip()

    def api(self, method, path, body=None, content_type='application/json'):
        """One call of the management API; returns the document."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            f'{self.url}/api/v1{path}', data=body, method=method,
            headers={'Authorization': f'Bearer {self.token}', 'Content-Type': content_type})
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.loads(answer.read() or b'null')
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors='replace')
            raise BenchError(f'{method} {path}: {error.code} {text}') from error


class Nginx(Process):
    """nginx with one process and everything switched off that costs without serving."""

    CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {work}/nginx.pid;
error_log {work}/nginx-error.log crit; worker_rlimit_nofile {descriptors};
events {{ worker_connections 8192; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_timeout 1h; keepalive_requests 1000000000;
  open_file_cache max=64 inactive=1h; open_file_cache_valid 1h; types {{ application/json json; }}
  client_body_temp_path {work}/n1; proxy_temp_path {work}/n2; fastcgi_temp_path {work}/n3;
  uwsgi_temp_path {work}/n4; scgi_temp_path {work}/n5;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; }}
}}
"""

    def __init__(self, work, root):
        self.port = free_port()
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        path = f'{work}/nginx.conf'
        with open(path, 'w') as file:
            file.write(Nginx.CONFIGURATION.format(
                work=work, root=root, port=self.port, descriptors=descriptors))
        binary = shutil.which('nginx') or '/usr/sbin/nginx'
        super().__init__([binary, '-c', path, '-p', work], f'{work}/nginx.log')
        self.url = f'http://127.0.0.1:{self.port}'
        self.wait_until(self.answers, 'nginx')

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0


def first_line(words):
    """The first line that a command prints, on whichever stream."""
    try:
        result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return 'missing'
    return (result.stdout.strip().splitlines() or [''])[0].strip()


def facts(root):
    """What the figures depend on."""
    with open('/proc/cpuinfo') as file:
        model = re.search(r'model name\s*:\s*(.*)', file.read())
    with open('/proc/meminfo') as file:
        memory = int(re.search(r'MemTotal:\s+(\d+)', file.read())[1]) // 1024
    system = os.uname()
    return {
        'processor': model[1] if model else system.machine,
        'cores': os.cpu_count(),
        'memoryMiB': memory,
        'kernel': f'{system.sysname} {system.release} {system.machine}',
        'loadBefore': round(os.getloadavg()[0], 2),
        'swift': first_line(['swift', '--version']),
        'nginx': first_line([shutil.which('nginx') or '/usr/sbin/nginx', '-v']),
        'wrk': first_line(['wrk', '-v']).split(' [')[0],
        'commit': first_line(['git', '-C', root, 'rev-parse', '--short=12', 'HEAD']),
        'changed': bool(first_line(['git', '-C', root, 'status', '--porcelain'])),
    }


def c_compiler(root):
    """The compiler that came with the Swift toolchain, or the system's."""
    swift = shutil.which('swift')
    beside = os.path.join(os.path.dirname(os.path.realpath(swift)), 'clang') if swift else ''
    found = beside if os.path.exists(beside) else shutil.which('cc') or shutil.which('clang')
    if not found:
        raise BenchError('no C compiler for the raw SQLite program')
    return found


def directory_bytes(path):
    return sum(os.path.getsize(file) for file in glob.glob(f'{path}/**', recursive=True)
               if os.path.isfile(file))
