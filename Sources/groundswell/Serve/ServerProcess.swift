// ServerProcess: builds every part in order and passes it on; the wiring diagram of the server.

import Crypto
import FleetStore
import Gateways
import Glibc
import HTTPServer
import Orchestrator
import UpdateModel

/// A server from its start to its end.
struct ServerProcess {
  private let options: ServeOptions
  /// Changes that may wait for the disk before new ones are refused.
  private static let pendingChangesMax = 200_000
  /// How often time-driven decisions are made.
  private static let tickMilliseconds = 500
  /// How often a portion of devices' last-seen times is saved, in ticks.
  private static let ticksPerSave = 20
  /// How often old reports are removed, in ticks.
  private static let ticksPerPrune = 7200
  /// How long requests under way may take at the end.
  private static let drainSeconds = 10

  init(_ options: ServeOptions) { self.options = options }

  /// Cores this process may use.
  static var coreCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Serves until SIGTERM or SIGINT.
  func run() throws(Failure) {
    let signals = SignalWait()
    raiseDescriptorLimit()
    Server.keepFreedMemory()
    let directory = try DataDirectory(options.data)
    let barrier = Barrier()
    let store = try openStore(directory, barrier)
    let plane = ControlPlane(
      store: store,
      images: try directory.images(
        key: try directory.signingKey(), compressionLevel: options.compressionLevel,
        imageBytesMax: options.imageBytesMax),
      policies: PolicyShelf(directory: options.policies),
      authority: try directory.authority(at: SystemClock().now),
      pollsPerSecondMax: options.pollsPerSecondMax, logs: try directory.logs())
    let startedAt = plane.now
    let isFirst = try load(plane, directory, startedAt)
    let server = try makeServer(plane, barrier, directory)
    announce(server, plane, directory, isFirst: isFirst)
    serve(signals, plane)
    LogLine.write(.notice, "stopping", ["signal": "received"])
    server.shutdown(deadlineSeconds: ServerProcess.drainSeconds)
    plane.saveLastSeen(all: true)
    if let fault = store.stop() { throw .failed("the store did not close cleanly: \(fault)") }
    LogLine.write(.notice, "stopped", [:])
  }

  private func openStore(
    _ directory: DataDirectory, _ barrier: Barrier
  ) throws(Failure) -> Store {
    do {
      return try Store(
        directory: directory.path, pendingLimit: ServerProcess.pendingChangesMax,
        onCommit: { barrier.advance(to: $0) },
        onFailure: { ticket, error in
          LogLine.write(.error, "store cannot write", ["reason": "\(error)"])
          barrier.fail(through: ticket)
        })
    } catch { throw .failed("\(error)") }
  }

  private func load(
    _ plane: ControlPlane, _ directory: DataDirectory, _ startedAt: Instant
  ) throws(Failure) -> Bool {
    do throws(Problem) { try plane.load() } catch { throw .failed(error.detail) }
    let isFirst = try directory.prepareFirstStart(plane)
    do throws(Problem) {
      let count = try plane.images.sweep(keeping: plane.digestsInUse(), startedAt: startedAt)
      if count > 0 { LogLine.write(.notice, "removed unfinished images", ["count": "\(count)"]) }
    } catch { throw .failed(error.detail) }
    return isFirst
  }

  private func makeServer(
    _ plane: ControlPlane, _ barrier: Barrier, _ directory: DataDirectory
  ) throws(Failure) -> Server {
    var tls: TLSContext?
    if let identity = options.tls {
      do {
        tls = try TLSContext(server: identity, clientAuthorities: directory.authorityPath)
      } catch { throw .failed("\(error)") }
    }
    var limits = Limits()
    limits.streamedBodyBytes = options.imageBytesMax
    let router = WebRouter(plane: plane, publicURL: options.publicURL)
    do {
      let server = try Server(
        configuration: ServerConfiguration(
          address: options.listen, loopCount: options.loops, tls: tls, limits: limits),
        handler: router, barrier: barrier)
      router.watch(server)
      try server.start()
      return server
    } catch { throw .failed("\(error)") }
  }

  // Between two looks at the signals the clock gets its say.
  private func serve(_ signals: SignalWait, _ plane: ControlPlane) {
    var ticks = 0
    while signals.wait(milliseconds: ServerProcess.tickMilliseconds) != .interrupted {
      plane.advance()
      ticks += 1
      if ticks % ServerProcess.ticksPerSave == 0 { plane.saveLastSeen(all: false) }
      if ticks % ServerProcess.ticksPerPrune == 0 {
        plane.pruneReports(olderThan: options.reportAge)
        plane.removeOldLogs()
      }
    }
  }

  private func announce(
    _ server: Server, _ plane: ControlPlane, _ directory: DataDirectory, isFirst: Bool
  ) {
    let scheme = options.tls == nil ? "http" : "https"
    let host = options.listen.split(separator: ":").dropLast().joined(separator: ":")
    let url = "\(scheme)://\(host.isEmpty ? "127.0.0.1" : host):\(server.localPort)"
    var lines = ["groundswell \(Program.version) listens on \(url)"]
    if isFirst {
      lines.append("first start: the administrator's token is in \(directory.tokenPath)")
    }
    lines.append("devices (hawkBit DDI): \(url)/DEFAULT/controller/v1/DEVICE")
    lines.append("console: \(url)/   management API: \(url)/api/v1/")
    let devices = plane.allRooms.reduce(0) { $0 + plane.deviceCount(in: $1) }
    if !isFirst { lines.append("\(plane.allRooms.count) tenants, \(devices) devices") }
    LogLine.printLines(lines)
  }

  // A connection is a descriptor, so the soft limit is raised to the hard one.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
