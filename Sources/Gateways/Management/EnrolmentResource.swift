// EnrolmentResource: a tenant's rules of enrolment, who waits for a person, whose keys are named
// beforehand, and what looks wrong.

import Crypto
import HTTPServer
import Orchestrator
import UpdateModel

/// `T/enrolment`, `T/enrolments`, `T/preauthorised` and `T/alerts`.
enum EnrolmentResource {
  static let routes = [
    Route(.get, "T/enrolment", .tenant(settings)),
    Route(.patch, "T/enrolment", .tenant(change)),
    Route(.get, "T/enrolments", query: Page.parameters, .tenant(pending)),
    Route(.post, "T/enrolments/{fingerprint}/approve", .tenant(approve)),
    Route(.post, "T/enrolments/{fingerprint}/reject", .tenant(reject)),
    Route(.post, "T/preauthorised", pace: .slow, .tenant(preauthorise)),
    Route(.get, "T/alerts", query: Page.parameters, .tenant(alerts)),
    Route(.post, "T/alerts/{id}/acknowledge", .tenant(acknowledge)),
  ]

  // MARK: Rules

  private static func settings(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(call.plane.enrolmentSettings(in: room).document)
  }

  private static func change(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (changed, ticket) = try call.plane.changeEnrolment(in: room) { (settings) throws(Problem) in
      let present = settings
      settings = try call.read(EnrolmentSettings.fields) { reader in
        var settings = present
        settings.apply(reader)
        return settings
      }
    }
    return Answer(changed.document, after: ticket)
  }

  // MARK: Devices that wait

  private static func pending(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let all = call.plane.pendingEnrolments(in: room)
    // In the order of their arrival; the cursor is the last one that was shown.
    let start = page.cursor.flatMap { cursor in
      all.firstIndex { $0.fingerprint.description == cursor }.map { $0 + 1 }
    }
    return Answer(
      page.listed(
        Array(all.dropFirst(start ?? 0).prefix(page.limit + 1)),
        key: { $0.fingerprint.description }, document: Documents.pending))
  }

  private static func approve(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let wanted = try call.read(["device"], isOptional: true) { reader -> DeviceID?? in
      reader.has("device") ? reader.device("device").map { .some($0) } : .some(nil)
    }
    let (device, ticket) = try call.plane.approve(
      call["fingerprint"], as: wanted, by: call.caller.label, in: room)
    return Answer(.members(["device": .string(device.text)]), after: ticket)
  }

  private static func reject(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    return .nothing(
      after: try call.plane.reject(call["fingerprint"], by: call.caller.label, in: room))
  }

  // MARK: Keys that are named beforehand

  private static func preauthorise(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let list = try call.read(["devices"]) { reader -> [Preauthorisation]? in
      guard let devices = reader.objects("devices") else {
        reader.refuse("devices", "give an array of objects with id, hardware and key")
        return nil
      }
      return devices.compactMap(preauthorisation)
    }
    let ticket = try call.plane.preauthorise(list, by: call.caller.label, in: room)
    return Answer(.members(["created": JSON(list.count)]), status: 201, after: ticket)
  }

  private static func preauthorisation(_ reader: DocumentReader) -> Preauthorisation? {
    reader.allowOnly(["id", "hardware", "key"])
    let id = reader.device("id")
    let hardware = reader.has("hardware") ? reader.name("hardware") : nil
    guard let text = reader.text("key", bytes: 1...1000), let id else { return nil }
    do throws(CryptoError) {
      if let der = Base64.standard.decode(text) {
        return Preauthorisation(device: id, hardware: hardware, key: try CredentialKey(der: der))
      }
      return Preauthorisation(device: id, hardware: hardware, key: try CredentialKey(pem: text))
    } catch {
      reader.refuse("key", "\(error)")
      return nil
    }
  }

  // MARK: Alerts

  private static func alerts(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(Int.self)
    return Answer(
      page.cut(
        call.plane.alerts(in: room), key: { String($0.id) },
        isAfter: { $0.id < (last ?? .max) }, document: \.document))
  }

  private static func acknowledge(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    guard let id = Int(call["id"]) else {
      throw Problem(.notFound, "there is no alert \(call["id"].prefix(80))")
    }
    let (alert, ticket) = try call.plane.acknowledge(alert: id, by: call.caller.label, in: room)
    return Answer(alert.document, after: ticket)
  }
}

extension Documents {
  /// A batch with how far its devices are.
  static func batch(_ view: BatchView) -> JSON {
    let counts = Lifecycle.allCases.compactMap { state in
      (view.counts[state] ?? 0) > 0
        ? JSON.Member(state.rawValue, JSON(view.counts[state] ?? 0)) : nil
    }
    return .object(
      (view.batch.document.members ?? []) + [JSON.Member("devices", .object(counts))])
  }

  /// A device that waits for a person.
  static func pending(_ request: PendingEnrolment) -> JSON {
    .members([
      "fingerprint": .string(request.fingerprint.description),
      "kind": .string(request.kind.rawValue),
      "device": request.device.map { .string($0.text) },
      "hardware": request.hardware.map { .string($0.text) }, "reason": .string(request.reason),
      "since": time(request.since), "lastAsked": time(request.lastAsked),
    ])
  }

  /// A credential without what it consists of.
  static func credential(_ credential: Credential) -> JSON {
    .members([
      "kind": .string(credential.kind.rawValue),
      "fingerprint": .string(credential.fingerprint.description),
      "status": .string(credential.status.rawValue), "notBefore": time(credential.notBefore),
      "notAfter": credential.notAfter.map(time), "createdAt": time(credential.createdAt),
      "usedAt": credential.usedAt.map(time),
    ])
  }
}
