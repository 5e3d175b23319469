// Query: the parameters behind the question mark, all known, none twice.

import UpdateModel

/// The query of a request. A parameter without a value counts as not given.
struct Query: Sendable {
  private var values: [String: String] = [:]

  /// Reads `name=value&name=value`; throws for unknown, repeated and malformed parameters.
  init(_ text: some Collection<UInt8>, allowed: [String]) throws(Problem) {
    var faults: [Problem.Fault] = []
    var seen: Set<String> = []
    for part in text.split(separator: UInt8(ascii: "&")) {
      let name = part.prefix { $0 != UInt8(ascii: "=") }
      guard let key = PercentEncoding.decode(name, plusIsSpace: true),
        let value = PercentEncoding.decode(part.dropFirst(name.count + 1), plusIsSpace: true)
      else {
        faults.append(
          Problem.Fault(field: "query", reason: "a parameter is not percent-encoded UTF-8"))
        continue
      }
      if !allowed.contains(key) {
        let known = allowed.isEmpty ? "none is" : "allowed are " + allowed.joined(separator: ", ")
        faults.append(
          Problem.Fault(
            field: String(key.prefix(64)), reason: "unknown query parameter; \(known) here"))
      } else if !seen.insert(key).inserted {
        faults.append(Problem.Fault(field: key, reason: "given more than once; give it once"))
      }
      if !value.isEmpty { values[key] = value }
    }
    if !faults.isEmpty { throw Problem(faults: faults) }
  }

  /// The value of a parameter; nil when it was not given.
  subscript(name: String) -> String? { values[name] }

  /// The value of a parameter that must be there.
  func required(_ name: String) throws(Problem) -> String {
    guard let value = values[name] else {
      throw Problem(InvalidValue(field: name, reason: "missing; give the query parameter \(name)"))
    }
    return value
  }
}

extension Problem {
  /// Everything that is wrong with a request; the first fault is told in `detail`.
  init(faults: [Problem.Fault]) {
    let listed = Array(faults.prefix(DocumentReader.Faults.limit))
    let first = listed.first
    let place = first?.line.map { "line \($0), " } ?? ""
    let more = listed.count > 1 ? "; \(listed.count - 1) more in errors" : ""
    self.init(
      .invalidRequest,
      first.map { "\(place)\($0.field): \($0.reason)\(more)" } ?? "the request is not complete",
      faults: listed)
  }
}
