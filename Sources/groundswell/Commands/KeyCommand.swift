// KeyCommand: `groundswell key show`, the public key that devices check artifacts with.

import UpdateModel

/// Shows the signing key.
enum KeyCommand {
  static let command = Command.remote(
    "key show", "Shows the public key that artifacts are signed with, for building into devices.",
    options: [.flag("pem", "print only the key in PEM form")],
    examples: ["groundswell key show", "groundswell key show --pem > groundswell.pub.pem"]
  ) { (arguments, session) throws(Failure) in
    let key = try session.get(session.target("key"))
    let pem = key.text("pem") ?? ""
    if arguments.has("pem") {
      Terminal.write(pem.hasSuffix("\n") ? pem : pem + "\n")
      return
    }
    session.show(key) { key in
      Table.facts([
        "key id": key.text("keyId"), "algorithm": key.text("algorithm"),
        "public key": key.text("publicKey"),
      ]) + pem + (pem.hasSuffix("\n") ? "" : "\n")
    }
  }
}
