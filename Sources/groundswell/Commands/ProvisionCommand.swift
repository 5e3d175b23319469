// ProvisionCommand: `groundswell device provision`, places for many devices and their labels.

import Labels
import UpdateModel

/// Provisions a batch; its codes are shown or written once.
enum ProvisionCommand {
  static let command = Command.remote(
    "device provision",
    "Makes places for devices, each with a claim code that makes one unit this device. The codes "
      + "are shown once, or written to files that only you can read.",
    options: [
      .value("batch", "NAME", "what people call the batch", required: true),
      .value("count", "N", "how many devices, up to 100000", default: "as many as --id"),
      .value(
        "pattern", "TEXT", "their ids; {n} stands for the number", default: "drawn by the server"),
      .value("start", "N", "the first number", default: "1"),
      .value("id", "ID", "the id of one device, also of a placeholder", repeats: true),
      .value("hardware", "MODEL", "their hardware model", default: "they say it"),
      .value("note", "TEXT", "more words about the batch"),
      .value("tag", "KEY=VALUE", "a tag they start with", repeats: true),
      .value("group", "NAME", "a group they start in", repeats: true),
      .value("expires", "TIME", "how long the codes are good", default: "90d"),
      .value("url", "URL", "where devices reach the server, for the labels", default: "--server"),
    ] + LabelSheetOptions.options,
    examples: [
      "groundswell device provision --batch 'Line 4, June' --count 500 --pattern 'line4-{n}' "
        + "--hardware board-a --colour orange --labels labels.pdf --labels devices.csv",
      "groundswell device provision --batch pilot --count 3",
      "groundswell device provision --batch spares --id gw-7 --id gw-8 --expires 30d",
    ]
  ) { (arguments, session) throws(Failure) in
    let labels = try LabelSheetOptions(arguments)
    let body = try request(arguments)
    let count = body.count("count")
    let drawn = arguments.values("labels").filter { !$0.lowercased().hasSuffix(".csv") }
    guard drawn.isEmpty || count <= LabelSheet.labelsMax else {
      throw arguments.refuse(
        "\(count) labels are too many for \(drawn[0]): at most \(LabelSheet.labelsMax); "
          + "make several batches, or a .csv only")
    }
    let address = arguments.value("url") ?? session.client.server.description
    let tenant: Name
    do throws(InvalidValue) { tenant = try Name(session.tenant) } catch {
      throw arguments.refuse("option --tenant: \(error.reason)")
    }
    // A hundred thousand places take a while, and their codes are told only once.
    let answer = try session.post(session.target("batches"), body, seconds: 600)
    try show(answer, labels, tenant, address, session)
  }

  private static func request(_ arguments: Arguments) throws(Failure) -> JSON {
    let ids = arguments.values("id")
    guard !ids.isEmpty || arguments.has("count") else {
      throw arguments.refuse("how many devices? give --count N, or --id ID for each")
    }
    let count = try arguments.integer("count", default: ids.count, in: 1...Batch.countMax)
    guard ids.isEmpty || count == ids.count else {
      throw arguments.refuse("--count \(count) is not the number of ids, which is \(ids.count)")
    }
    let start = try arguments.integer("start", default: 1, in: DeviceIDPattern.starts)
    let tags = try arguments.pairs("tag")
    return .members([
      "name": .string(arguments.required("batch")), "count": JSON(count),
      "ids": ids.isEmpty ? nil : .array(ids.map { .string($0) }),
      "pattern": arguments.value("pattern").map { .string($0) },
      "start": arguments.has("start") ? JSON(start) : nil,
      "hardware": arguments.value("hardware").map { .string($0) },
      "note": arguments.value("note").map { .string($0) },
      "colour": arguments.value("colour").map { .string($0) },
      "tags": tags.isEmpty
        ? nil : .object(tags.map { JSON.Member($0.key, .string($0.value)) }),
      "groups": arguments.has("group")
        ? .array(arguments.values("group").map { .string($0) }) : nil,
      "expires": try arguments.interval("expires").map { .string($0.description) },
    ])
  }

  private static func show(
    _ answer: JSON, _ options: LabelSheetOptions, _ tenant: Name, _ address: String,
    _ session: Session
  ) throws(Failure) {
    let batch = answer["batch"] ?? .object([])
    guard !options.isEmpty else {
      session.show(answer) { summary($0["batch"] ?? .object([])) + codes($0) }
      return
    }
    do throws(Failure) {
      let labels = try labels(answer, tenant)
      let (paths, notes) = try options.write(
        labels, batch: batch.text("name"), server: address)
      for note in notes { Terminal.note("note: \(note)\n") }
      let files = JSON.array(paths.map { .string($0) })
      session.show(.members(["batch": batch, "files": files])) { _ in
        summary(batch) + "codes in \(paths.joined(separator: ", "))\n"
      }
    } catch {
      // They are kept nowhere else.
      Terminal.write(codes(answer))
      throw error
    }
  }

  private static func labels(_ answer: JSON, _ tenant: Name) throws(Failure) -> [Label] {
    var labels: [Label] = []
    do throws(InvalidValue) {
      for place in answer.items("devices") {
        labels.append(
          Label(
            tenant: tenant, device: try DeviceID(place.shown("id")),
            code: try ClaimCode(place.shown("code"))))
      }
    } catch { throw .failed("the server's answer cannot be read: \(error.field) \(error.reason)") }
    return labels
  }

  private static func summary(_ batch: JSON) -> String {
    "batch \(batch.shown("id")): \(Wording.count(batch.count("count"), "device")) provisioned, "
      + "codes good until \(batch.shown("expires"))\n"
  }

  private static func codes(_ answer: JSON) -> String {
    "device,code\n"
      + answer.items("devices").map { "\($0.shown("id")),\($0.shown("code"))\n" }.joined()
  }
}
