// SimulateCommand: `groundswell simulate`, virtual devices against a real server or in memory.

import Crypto
import FleetSimulator
import UpdateModel

/// Commands that stand in for devices.
enum SimulateCommand {
  static let all = [
    fleet, SimulateWhatIf.command, SimulateRollout.command, SimulateService.command,
  ]

  private static let fleet = Command(
    words: ["simulate", "fleet"],
    summary: "Plays a fleet of virtual devices against a server, through the DDI gateway.",
    operands: [], options: options, isRemote: true,
    examples: [
      "groundswell simulate fleet --devices 200 --group staging:10 --register --poll 2s",
      "groundswell simulate fleet --devices 500 --failure-rate 20% --failing-version 2.0 "
        + "--until-version 2.0",
    ],
    run: { (arguments) throws(Failure) in
      let session = try Session(arguments)
      let plan = try FleetPlan(arguments, session)
      if let group = plan.group {
        Terminal.note("the first \(group.count) devices are meant to be in group \(group.name)\n")
      }
      let tokens = try FleetRegistration(plan: plan, session: session).tokens()
      return try Fleet(plan: plan, session: session, tokens: tokens).run()
    })

  private static let options: [Option] = [
    .value("devices", "N", "how many devices", default: "100"),
    .value("prefix", "TEXT", "start of the device ids", default: "sim"),
    .value("hardware", "MODEL", "hardware model they report", default: "board-a"),
    .value("initial-version", "VERSION", "what they run at first", default: "1.0"),
    .value("poll", "TIME", "time between polls", default: "what the server says"),
    .value("install", "TIME", "how long an installation takes", default: "1s"),
    .value("reboot", "TIME", "how long a restart takes", default: "1s"),
    .value("failure-rate", "SHARE", "devices on which a version fails", default: "0%"),
    .value("failing-version", "VERSION", "the only version that can fail", default: "any"),
    .value("boot-failures", "SHARE", "failing devices that fail at boot", default: "0%"),
    .value("silent-rate", "SHARE", "devices that fall silent for good", default: "0%"),
    .value("version-aware", "SHARE", "devices that report their version", default: "100%"),
    .value("compression", "SHARE", "devices that ask for zstd", default: "50%"),
    .value("group", "NAME:N", "group of the first N devices"),
    .flag("register", "register the devices, and the group, before they start"),
    .value("tokens", "FILE", "id,token lines; written by --register when it does not exist"),
    .value("verify-key", "HEX", "Ed25519 public key that must have signed each image"),
    .value("seed", "NUMBER", "decides what each device is like", default: "1"),
    .value("duration", "TIME", "stop after this time", default: "1h"),
    .value("until-version", "VERSION", "stop when all that are not silent run this"),
    .value("workers", "N", "connections to the server", default: "16"),
  ]
}
