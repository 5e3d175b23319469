// AgentService: `run`: the agent on a thread of its own, signals on the first one.

import DeviceAgent
import Glibc
import Threads

/// The agent as a service of the operating system.
enum AgentService {
  /// How long a stop waits for what must not be cut off, such as a write to a slot.
  private static let stopSeconds = 90

  /// The path of the program that runs; nil when the system does not tell.
  static var program: String? {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }

  /// Runs until SIGTERM, SIGINT or an end of the agent's own.
  static func run(_ arguments: AgentArguments) throws(AgentFailure) -> AgentExit {
    let run = try AgentCommand.linked { () throws(LinkError) in
      try AgentCommand.agentRun(arguments)
    }
    // Blocked before any thread starts, so that all of them inherit it.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let interruption = run.interruption
    guard DetachedThread.start({ AgentService.work(run) }) else {
      throw .failed("the system has no thread to give")
    }
    while true {
      var received: Int32 = 0
      guard sigwait(&signals, &received) == 0 else { continue }
      if received == SIGHUP || received == SIGUSR1 {
        interruption.wake()
      } else {
        interruption.stop()
        // The worker ends the process; this is for one that cannot.
        alarm(UInt32(stopSeconds))
      }
    }
  }

  private static func work(_ run: AgentRun) {
    do throws(LinkError) {
      let code = try run.run { (configuration, board) throws(LinkError) in
        guard let port = configuration.statusPort else { return }
        let page = try StatusPage(port: port, board: board)
        AgentProgram.logLine("the status page is at http://127.0.0.1:\(page.port)/")
        guard DetachedThread.start({ page.serve() }) else {
          throw .program("the status page", reason: "the system has no thread to give")
        }
      }
      run.interruption.finish(code.rawValue)
    } catch {
      AgentProgram.logLine("error \(error.description)")
      run.interruption.finish(AgentExit.failed.rawValue)
    }
  }
}
