// PhaseDocument: the phase with its update as JSON and back.

internal import UpdateModel

enum PhaseDocument {
  static func write(_ phase: UpdatePhase) -> JSON {
    var image: Int?
    var place: Place?
    var count: Int?
    var failure: UpdateFailure?
    switch phase {
    case .idle, .verified, .preparing: break
    case .downloading(_, let position): image = position
    case .writing(_, let position, let target), .written(_, let position, let target):
      (image, place) = (position, target)
    case .armed(_, let position, let target, let departures):
      (image, place, count) = (position, target, departures)
    case .onTrial(_, let position, let target, let attempt):
      (image, place, count) = (position, target, attempt)
    case .reverting(_, let position, let target, let cause, let departures):
      (image, place, failure, count) = (position, target, cause, departures)
    }
    return .members([
      "name": .string(phase.word), "image": image.map { JSON($0) },
      "place": place.map { .string($0.text) }, "count": count.map { JSON($0) },
      "failure": failure.map(StateDocument.write), "update": phase.update.map(write),
    ])
  }

  static func read(_ value: JSON) -> UpdatePhase? {
    guard let word = value["name"]?.string else { return nil }
    if word == UpdatePhase.idle.word { return .idle }
    guard let update = value["update"].flatMap(update) else { return nil }
    switch word {
    case "verified": return .verified(update)
    case "preparing": return .preparing(update)
    default: break
    }
    guard let image = value["image"]?.integer.flatMap({ Int(exactly: $0) }),
      update.images.indices.contains(image)
    else { return nil }
    if word == "downloading" { return .downloading(update, image: image) }
    guard let place = value["place"]?.string.flatMap(Place.init(text:)) else { return nil }
    switch word {
    case "writing": return .writing(update, image: image, place: place)
    case "written": return .written(update, image: image, place: place)
    default: break
    }
    guard let count = value["count"]?.integer.flatMap({ Int(exactly: $0) }) else { return nil }
    switch word {
    case "armed": return .armed(update, image: image, place: place, departures: count)
    case "on-trial": return .onTrial(update, image: image, place: place, attempt: count)
    case "reverting":
      guard let failure = value["failure"].flatMap(StateDocument.failure) else { return nil }
      return .reverting(update, image: image, place: place, failure: failure, departures: count)
    default: return nil
    }
  }

  private static func write(_ update: Update) -> JSON {
    .members([
      "action": .string(update.action.text), "attempt": JSON(update.attempt),
      "kind": .string(update.kind.rawValue), "release": .string(update.release.text),
      "version": .string(update.version.text), "images": .array(update.images.map(write)),
      "prepare": update.prepare.map { .string($0.text) },
      "resume": update.resume.map { .string($0.text) },
    ])
  }

  private static func update(_ value: JSON) -> Update? {
    guard let action = value["action"].flatMap(StateDocument.name),
      let attempt = value["attempt"]?.integer,
      let kind = value["kind"]?.string.flatMap(Update.Kind.init),
      let release = value["release"].flatMap(StateDocument.name),
      let version = value["version"].flatMap(StateDocument.version),
      let elements = value["images"]?.array
    else { return nil }
    let images = elements.compactMap(image)
    guard images.count == elements.count else { return nil }
    return Update(
      action: action, attempt: Int(attempt), kind: kind, release: release, version: version,
      images: images, prepare: value["prepare"].flatMap(StateDocument.name),
      resume: value["resume"].flatMap(StateDocument.name))
  }

  private static func write(_ image: UpdateImage) -> JSON {
    .members([
      "component": .string(image.component.text), "name": .string(image.name.text),
      "file": .string(image.file.text), "version": .string(image.version.text),
      "hardware": .array(image.hardware.map { .string($0.text) }), "size": .integer(image.size),
      "sha256": .string("\(image.sha256)"), "signature": .string(image.signature),
      "source": .string(image.source),
    ])
  }

  private static func image(_ value: JSON) -> UpdateImage? {
    guard let component = value["component"].flatMap(StateDocument.name),
      let name = value["name"].flatMap(StateDocument.name),
      let file = value["file"].flatMap(StateDocument.name),
      let version = value["version"].flatMap(StateDocument.version),
      let hardware = value["hardware"]?.array, let size = value["size"]?.integer, size >= 1,
      let sha256 = value["sha256"].flatMap(StateDocument.digest),
      let signature = value["signature"]?.string, let source = value["source"]?.string
    else { return nil }
    let models = hardware.compactMap(StateDocument.name)
    guard models.count == hardware.count else { return nil }
    return UpdateImage(
      component: component, name: name, file: file, version: version, hardware: models, size: size,
      sha256: sha256, signature: signature, source: source)
  }
}
