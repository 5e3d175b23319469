// EmulateCommand: `groundswell device emulate`, a device that exists only here, for workflows that
// need one before its hardware does.

import UpdateModel

/// Runs an emulated device until Ctrl-C.
enum EmulateCommand {
  static let command = Command.remote(
    "device emulate",
    "Stands in for a device: polls, reports, installs what it is offered, answers commands.",
    operands: [Operand("DEVICE", "id of a device that has not been heard of yet")],
    options: [
      .value("state", "FILE", "JSON with what it reports; read again at every poll"),
      .value("fail", "VERSION", "goes back by itself after installing this version", repeats: true),
      .value("for", "TIME", "ends after this time", default: "at Ctrl-C"),
      .value("step", "TIME", "time that each step of an update takes", default: "2s"),
      .flag("take-over", "even when the device has been heard of: its own token stops working"),
    ],
    examples: [
      "groundswell device emulate gw-0001",
      "groundswell device emulate gw-0001 --state twin.json --fail 2.0.0",
    ]
  ) { (arguments, session) throws(Failure) in
    let id = arguments[0]
    let known = try session.get(session.target("devices", id))
    guard known["lastSeen"] == nil || arguments.has("take-over") else {
      throw .failed(
        "\(id) has been heard of, so something real may be behind it",
        hint: "groundswell device emulate \(id) --take-over")
    }
    let answer = try session.post(session.target("devices", id, "token"))
    guard let token = answer["token"]?.string else {
      throw .failed("the server gave no token for \(id)")
    }
    let step = try arguments.interval("step") ?? .seconds(2)
    let length = try arguments.interval("for")
    let device = try EmulatedDevice(
      id: id, tenant: session.tenant, server: session.client.server,
      authorities: session.client.authorities, token: token,
      habits: EmulatedDevice.Habits(
        stateFile: arguments.value("state"), badVersions: Set(arguments.values("fail")),
        step: step))
    Terminal.write("\(id) is emulated; Ctrl-C ends it\n")
    try device.run(until: length.map { session.now + $0 })
  }
}
