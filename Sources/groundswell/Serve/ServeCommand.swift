// ServeCommand: `groundswell serve`: options in, a running server, an orderly end.

import Crypto
import HTTPServer
import Orchestrator
import UpdateModel

/// Runs the server.
enum ServeCommand {
  static let command = Command.local(
    "serve", "Runs the server: devices, management API and console on one port.",
    options: [
      .value("data", "DIR", "where everything is kept", default: "./groundswell-data"),
      .value("listen", "ADDR", "numeric address and port", default: "127.0.0.1:8080"),
      .value("policies", "DIR", "where the policy files are", default: "./Policies"),
      .value("tls-cert", "FILE", "certificate chain, PEM"),
      .value("tls-key", "FILE", "private key of the certificate, PEM"),
      .value("public-url", "URL", "what links to devices start with; needed behind a proxy"),
      .value("loops", "N", "event loops", default: "one per core"),
      .value("max-image", "BYTES", "largest firmware image", default: "4294967296"),
      .value("compression", "LEVEL", "zstd level for images, 1 to 22", default: "9"),
      .value("keep-reports", "TIME", "how long histories keep device reports", default: "365d"),
      .value(
        "polls-per-second", "N", "polls that all devices together are asked to make, at most",
        default: "5000"),
      .flag("insecure", "allow plain HTTP beyond this machine"),
    ],
    examples: [
      "groundswell serve",
      "groundswell serve --data /var/lib/groundswell --listen 0.0.0.0:8443 --tls-cert cert.pem "
        + "--tls-key key.pem",
      "groundswell serve --listen 10.0.0.5:8080 --insecure --public-url https://updates.example",
    ],
    run: { (arguments) throws(Failure) in
      try ServerProcess(try ServeOptions(arguments)).run()
      return .success
    })
}

/// The checked options of `serve`.
struct ServeOptions {
  let data: String
  let listen: String
  let policies: String
  let tls: TLSIdentity?
  let publicURL: String?
  let loops: Int
  let imageBytesMax: Int
  let compressionLevel: Int
  let reportAge: Interval
  let pollsPerSecondMax: Int

  init(_ arguments: Arguments) throws(Failure) {
    data = arguments.value("data") ?? "./groundswell-data"
    listen = arguments.value("listen") ?? "127.0.0.1:8080"
    policies = arguments.value("policies") ?? "./Policies"
    loops = try arguments.integer("loops", default: ServerProcess.coreCount, in: 1...256)
    imageBytesMax = try arguments.integer("max-image", default: 4 << 30, in: 1...(1 << 40))
    compressionLevel = try arguments.integer("compression", default: 9, in: 1...22)
    pollsPerSecondMax = try arguments.integer(
      "polls-per-second", default: 5_000, in: 1...1_000_000)
    reportAge = try arguments.interval("keep-reports") ?? .days(365)
    publicURL = try ServeOptions.publicURL(arguments)
    switch (arguments.value("tls-cert"), arguments.value("tls-key")) {
    case (let certificate?, let key?):
      tls = TLSIdentity(certificatePath: certificate, keyPath: key)
    case (nil, nil): tls = nil
    default: throw arguments.refuse("--tls-cert and --tls-key belong together")
    }
    guard tls != nil || arguments.has("insecure") || ServeOptions.isLoopback(listen) else {
      throw arguments.refuse(
        "\(listen) can be reached from other machines, and without TLS tokens travel in the clear; "
          + "give --tls-cert and --tls-key, or --insecure if something else protects the line")
    }
  }

  private static func publicURL(_ arguments: Arguments) throws(Failure) -> String? {
    guard let url = arguments.value("public-url") else { return nil }
    let isPlain = url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
    guard isPlain, url.hasPrefix("https://") || url.hasPrefix("http://"), !url.hasSuffix("/") else {
      throw arguments.refuse(
        "option --public-url: '\(url)' is no scheme and host such as https://updates.example")
    }
    return url
  }

  /// Whether an address can be reached from this machine only.
  static func isLoopback(_ address: String) -> Bool {
    address.hasPrefix("127.") || address.hasPrefix("[::1]")
  }
}
