// DeviceDetails: the twin of a device as it is kept in memory: compact JSON, read off the hot path.

import FleetStore
import UpdateModel

/// What is known of a device beyond its record.
struct DeviceDetails: Equatable {
  var twin: Twin
  /// See `Device.ran`.
  var ran: [ReleaseID]
  /// See `Device.enrolment`.
  var enrolment: Enrolment

  init(twin: Twin, ran: [ReleaseID] = [], enrolment: Enrolment = Enrolment()) {
    self.twin = twin
    self.ran = ran
    self.enrolment = enrolment
  }

  /// Reads the kept form.
  init(_ text: [UInt8]?) {
    // The text was written by `encoded`, so it parses.
    let document = text.flatMap { try? JSON.parse($0) }
    func section(_ part: Twin.Part) -> TwinSection {
      TwinSection(
        properties: document?[part.letter] ?? .object([]), history: document?["h"]?[part.letter])
    }
    twin = Twin(
      tags: section(.tags), desired: section(.desired), reported: section(.reported))
    ran = (document?["r"]?.array ?? []).compactMap { number in
      number.integer.flatMap(UInt32.init(exactly:)).map { ReleaseID($0) }
    }
    // As above: what was written reads back.
    enrolment = (document?["e"]).flatMap { try? Enrolment($0) } ?? Enrolment()
  }

  /// Nil when there is nothing to keep.
  var encoded: [UInt8]? {
    var members: [JSON.Member] = []
    var history: [JSON.Member] = []
    for part in Twin.Part.allCases {
      let section = twin[part]
      if !section.isEmpty { members.append(JSON.Member(part.letter, section.properties)) }
      if let kept = section.history { history.append(JSON.Member(part.letter, kept)) }
    }
    if !ran.isEmpty {
      members.append(JSON.Member("r", .array(ran.map { .integer(Int64($0.number)) })))
    }
    let enrolment = enrolment.document
    guard !members.isEmpty || !history.isEmpty || enrolment != nil else { return nil }
    // What walks over the fleet need comes first, and they stop here.
    if !history.isEmpty { members.append(JSON.Member("h", .object(history))) }
    if let enrolment { members.append(JSON.Member("e", enrolment)) }
    // A copy, because text that grew step by step holds up to twice the memory it needs.
    return Array(JSON.object(members).text[...])
  }
}

extension Twin.Part {
  /// Names the part in a million texts.
  var letter: String {
    switch self {
    case .tags: "t"
    case .desired: "d"
    case .reported: "a"
    }
  }
}
