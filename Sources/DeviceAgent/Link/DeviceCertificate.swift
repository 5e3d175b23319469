// DeviceCertificate: whether the device's certificate may be shown, and when a fresh one is due.
//
// A server breaks the handshake off for a certificate that ran out, and the files of a rotation
// that power cut short do not fit together. The signed challenge proves the device without any, so
// what does not count is not shown, and enrolling again with the same key gives the next one.

import Crypto
import HTTPClient
import UpdateModel

/// What the certificate file is worth.
enum CertificateStanding: Equatable {
  /// There is none, as where the server issues none.
  case absent
  /// It counts.
  case good
  /// It counts, and a fresh one is due.
  case fading
  /// It ran out, is for another key, or cannot be read.
  case useless

  /// A PEM text is longer than its bytes by a third.
  private static let bytesMax = 2 * Certificate.byteCountMax

  /// Looks at the files of the device.
  init(_ state: StateDirectory, at now: Instant) {
    let path = state.file(DeviceIdentity.keyFile)
    // A file that cannot be read is as useless as one that says something else.
    do {
      guard
        let bytes = try state.read(
          DeviceIdentity.certificateFile, atMost: CertificateStanding.bytesMax)
      else {
        self = .absent
        return
      }
      let certificate = try Certificate(pem: String(decoding: bytes, as: UTF8.self))
      let key = SignedStatement.fingerprint(try SigningKey.load(from: path).verifyingKey)
      self =
        certificate.fingerprint.hex == key
        ? CertificateStanding(certificate, at: now.milliseconds / 1000) : .useless
    } catch {
      self = .useless
    }
  }

  /// Judges a certificate of the device's key at a time in seconds since 1970.
  ///
  /// A fresh one is due in the last third of its life; devices begin with it one after the other
  /// over the first half of that, in an order that their keys give.
  init(_ certificate: Certificate, at seconds: Int64) {
    let life = max(0, certificate.notAfter - certificate.notBefore)
    let bytes = certificate.fingerprint.bytes
    let share = Int64(bytes[0]) << 8 | Int64(bytes[1])
    let due = certificate.notAfter - life / 3 + life / 6 / 65_536 * share
    if seconds >= certificate.notAfter {
      self = .useless
    } else {
      self = seconds >= due ? .fading : .good
    }
  }

  var mayBeShown: Bool { self == .good || self == .fading }
}

extension Agent {
  /// Between two requests for a certificate by one process.
  private static let certificatePause = Interval.hours(6)

  /// How a connection is secured now.
  func tlsPlan() -> TLSClientPlan {
    var plan = configuration.tls(state, at: wall())
    if hidesCertificate { plan.identity = nil }
    return plan
  }

  /// A device with a wrong clock does not see that its certificate ran out: when the server broke
  /// off, the next connection goes without.
  func hideCertificate(after error: LinkError) {
    guard case .unreachable(let cause) = error, tlsPlan().identity != nil else { return }
    switch cause {
    case .tls, .disconnected:
      hidesCertificate = true
      session = nil
    case .malformedURL, .unknownHost, .refused, .unreachable, .timedOut, .malformedResponse,
      .tooLarge, .file, .malformedRequest, .cancelled:
      break
    }
  }

  /// Gets a fresh certificate when the present one does not count or not for long.
  func renewCertificate() throws(LinkError) {
    guard configuration.showsCertificate, configuration.tokenFile == nil, identity != nil,
      updater.state.phase == .idle
    else { return }
    switch CertificateStanding(state, at: wall()) {
    case .absent: return
    case .good: guard hidesCertificate else { return }
    case .fading, .useless: break
    }
    let now = clock.now()
    if let certificateAsked, now - certificateAsked < Agent.certificatePause { return }
    certificateAsked = now
    do throws(LinkError) { _ = try enrol() } catch {
      // The device works without; it asks again later.
      guard error.isOfServer else { throw error }
      return log.write("no fresh certificate", ["reason": error.description])
    }
    hidesCertificate = false
    session = nil
    log.write("asked for a fresh certificate", [:])
  }
}
