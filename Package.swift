// swift-tools-version: 6.2
// The law of the house: pure targets decide, binding targets own one C library each, the shell
// connects them, the edge translates. `Tools/tidy` checks imports against this graph.
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let pure = strict + [.strictMemorySafety()]

func library(_ name: String, _ needs: [Target.Dependency], _ settings: [SwiftSetting]) -> Target {
  .target(name: name, dependencies: needs, swiftSettings: settings)
}

func tests(
  _ name: String, _ needs: [Target.Dependency], exclude: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: needs, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "groundswell",
  products: [
    .executable(name: "groundswell", targets: ["groundswell"]),
    .executable(name: "groundswell-agent", targets: ["groundswell-agent"]),
  ],
  dependencies: [],
  targets: [
    // C libraries: a module map and a header each, nothing else.
    .target(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CQREncode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    // Pure: values in, values out.
    library("UpdateModel", [], pure),
    library("RolloutEngine", ["UpdateModel"], pure),
    library("FleetSimulator", ["UpdateModel", "RolloutEngine"], pure),

    // Bindings: the only importers of their C library.
    library("Crypto", ["COpenSSL"], strict),
    library("UpdateTrust", ["UpdateModel", "Crypto"], strict),
    library("Labels", ["UpdateModel", "CQREncode"], strict),
    library("ImagePipeline", ["Crypto", "CZstd"], strict),
    library("FleetStore", ["UpdateModel", "RolloutEngine", "CSQLite"], strict),
    library("HTTPServer", ["Crypto", "CLinux"], strict),
    library("HTTPClient", ["Crypto"], strict),

    library("Threads", [], strict),

    // The program of a device.
    library(
      "DeviceAgent", ["UpdateModel", "Crypto", "UpdateTrust", "HTTPClient", "Threads"], strict),
    .executableTarget(
      name: "groundswell-agent", dependencies: ["UpdateModel", "DeviceAgent", "Threads"],
      swiftSettings: strict),

    // The shell, the edge, the program.
    library(
      "Orchestrator",
      ["UpdateModel", "RolloutEngine", "Crypto", "UpdateTrust", "ImagePipeline", "FleetStore"],
      strict),
    .target(
      name: "Gateways",
      dependencies: ["UpdateModel", "RolloutEngine", "Crypto", "Orchestrator", "HTTPServer"],
      resources: [.embedInCode("Native/openapi.json")], swiftSettings: strict),
    library(
      "ServiceSimulator",
      [
        "UpdateModel", "RolloutEngine", "FleetSimulator", "Crypto", "ImagePipeline", "FleetStore",
        "HTTPServer", "Orchestrator", "Gateways",
      ], strict),
    .target(
      name: "Console", resources: [.embedInCode("Assets")], swiftSettings: strict),
    .executableTarget(
      name: "groundswell",
      dependencies: [
        "UpdateModel", "RolloutEngine", "FleetSimulator", "Crypto", "ImagePipeline",
        "FleetStore", "HTTPServer", "HTTPClient", "Orchestrator", "Gateways", "Console",
        "ServiceSimulator", "Labels", "Threads",
      ],
      swiftSettings: strict),

    .executableTarget(name: "tidy", path: "Tools/tidy", swiftSettings: strict),

    tests("UpdateModel", ["UpdateModel"]),
    tests("RolloutEngine", ["UpdateModel", "RolloutEngine"], exclude: ["Vectors"]),
    tests("FleetSimulator", ["UpdateModel", "RolloutEngine", "FleetSimulator"]),
    tests("Crypto", ["Crypto"]),
    tests("UpdateTrust", ["UpdateModel", "Crypto", "UpdateTrust"]),
    tests("ImagePipeline", ["Crypto", "ImagePipeline"]),
    tests("Labels", ["UpdateModel", "Labels"]),
    tests("FleetStore", ["UpdateModel", "RolloutEngine", "FleetStore"]),
    tests(
      "Orchestrator",
      ["UpdateModel", "RolloutEngine", "Crypto", "ImagePipeline", "FleetStore", "Orchestrator"]),
    tests("HTTPServer", ["Crypto", "HTTPServer", "HTTPClient"]),
    tests(
      "Gateways",
      [
        "UpdateModel", "Crypto", "ImagePipeline", "Orchestrator", "Gateways",
        "FleetStore", "HTTPServer", "HTTPClient",
      ]),
    tests(
      "DeviceAgent",
      ["UpdateModel", "Crypto", "UpdateTrust", "DeviceAgent", "HTTPClient", "HTTPServer"]),
    tests("ServiceSimulator", ["UpdateModel", "FleetSimulator", "ServiceSimulator"]),
    tests("EndToEnd", ["UpdateModel", "Crypto", "HTTPClient", "DeviceAgent"]),
  ]
)
