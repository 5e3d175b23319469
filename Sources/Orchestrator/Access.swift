// Access: who may use the management interface: bearer tokens, kept as digests.

import Crypto
public import FleetStore
public import UpdateModel

/// Somebody who may operate the service.
public struct Operator: Sendable {
  /// What the token is labelled; stands for the person in histories.
  public let label: String
  /// The tenant the token is good for; nil for all.
  public let tenant: Name?
  /// The digest of the token by which the person asked.
  let token: Digest

  /// Whether a tenant may be touched.
  public func mayUse(_ tenant: Name) -> Bool { self.tenant == nil || self.tenant == tenant }
}

/// The tokens in memory.
struct AccessTable {
  var tokens: [Digest: APITokenRecord] = [:]
}

extension APITokenRecord {
  /// The first 16 hexadecimal digits of the digest: names a token without revealing it.
  public var fingerprint: String { String("\(digest)".prefix(16)) }
}

extension ControlPlane {
  /// Who a bearer token belongs to; nil for a token that is not known.
  ///
  /// The lookup is by SHA-256 of the token, so its timing tells nothing about other tokens.
  public func operatorFor(token: UnsafeRawBufferPointer) -> Operator? {
    guard !token.isEmpty, let digest = Digest(bytes: SHA256.value(of: token).bytes) else {
      return nil
    }
    return access.withLock { table in
      table.tokens[digest].map { Operator(label: $0.label, tenant: $0.tenant, token: digest) }
    }
  }

  /// Whether the token by which somebody asked is still good; for answers that go on for long.
  public func isStillKnown(_ person: Operator) -> Bool {
    access.withLock { $0.tokens[person.token] != nil }
  }

  /// Issues a token; the text is returned once and kept nowhere.
  public func issueToken(
    label: String, tenant: Name?
  ) throws(Problem) -> (token: String, record: APITokenRecord, ticket: UInt64) {
    try requireStore()
    guard (1...100).contains(label.utf8.count) else {
      throw Problem(.invalidRequest, "label: give 1 to 100 bytes that say who will use the token")
    }
    if let tenant, room(tenant) == nil {
      throw Problem(.unprocessable, "tenant: there is no tenant \(tenant)")
    }
    let token = try newToken()
    guard let digest = Digest(bytes: SHA256.value(of: token).bytes) else {
      throw Problem(.internalError, "a digest of the wrong length")
    }
    let record = APITokenRecord(digest: digest, label: label, tenant: tenant, createdAt: clock.now)
    let ticket = access.withLock { table in
      table.tokens[digest] = record
      return store.enqueue(.apiToken(record))
    }
    return (token, record, ticket)
  }

  /// Withdraws a token by its fingerprint; effective for the next request, and within a second for
  /// event streams that it opened.
  public func revokeToken(fingerprint: String) throws(Problem) -> UInt64 {
    try requireStore()
    return try access.withLock { table throws(Problem) in
      guard let record = table.tokens.values.first(where: { $0.fingerprint == fingerprint }) else {
        throw Problem(.notFound, "there is no token with fingerprint \(fingerprint.prefix(32))")
      }
      let isLastForAll = record.tenant == nil && table.tokens.values.count { $0.tenant == nil } == 1
      guard !isLastForAll else {
        throw Problem(.conflict, "this is the last token for all tenants; issue another one first")
      }
      table.tokens[record.digest] = nil
      return store.enqueue(.revokeAPIToken(digest: record.digest))
    }
  }

  /// All tokens, oldest first.
  public var apiTokens: [APITokenRecord] {
    access.withLock { Array($0.tokens.values) }
      .sorted { ($0.createdAt, $0.fingerprint) < ($1.createdAt, $1.fingerprint) }
  }

  // MARK: Tenants

  /// Creates a tenant.
  public func createTenant(
    _ name: Name, settings document: JSON
  ) throws(Problem) -> (room: Room, ticket: UInt64) {
    try requireStore()
    var settings = TenantSettings()
    try settings.apply(document)
    let room = Room(tenant: name)
    room.apply(settings)
    // On its way to the store before anybody can find the room and add to it.
    let record = TenantRecord(name: name, document: settings.document)
    guard let ticket = insert(room, before: { store.enqueue(.tenant(record)) }) else {
      throw Problem(.conflict, "tenant \(name) exists")
    }
    return (room, ticket)
  }

  /// Changes settings of a tenant; members that are not given stay.
  public func changeTenant(_ room: Room, settings document: JSON) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      var settings = room.settings
      try settings.apply(document)
      room.apply(settings)
      ledger.lastTicket = store.enqueue(
        .tenant(TenantRecord(name: room.tenant, document: settings.document)))
      return ledger.lastTicket
    }
  }
}
