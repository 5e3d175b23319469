// UploadSink: the body of an upload on its way to the disk, piece by piece.

import HTTPServer
import Orchestrator
import UpdateModel

/// What is received: how its file is made, and what becomes of it.
struct UploadPurpose: Sendable {
  /// What it is called for people, such as `image`.
  let word: String
  /// Makes the file; touches the disk.
  let begin: @Sendable () throws(Problem) -> ArtifactUpload
  /// Takes the whole upload, and answers.
  let finish: @Sendable (ArtifactUpload, PendingReply) -> Void
  /// The problem of an upload that cannot go on, in the words of its sender.
  var refusal: @Sendable (Problem) -> Problem = { $0 }
}

/// Receives an upload. States: idle, opening (a job makes the file while the sender waits), open,
/// over. Whatever ends an upload early leaves no file.
final class UploadSink: BodySink {
  private enum State {
    case idle
    /// The bytes that came before the file was there.
    case opening([UInt8])
    case open(ArtifactUpload)
    case over
  }

  private let purpose: UploadPurpose
  private let jobs: Jobs
  /// Held until the answer is given, because packing and signing take as much as receiving.
  private let place: Places.Place
  private let state = Lock(State.idle)

  init(_ purpose: UploadPurpose, jobs: Jobs, place: Places.Place) {
    self.purpose = purpose
    self.jobs = jobs
    self.place = place
  }

  func receive(_ bytes: UnsafeRawBufferPointer, _ exchange: PendingReply) -> Bool {
    enum Step { case begin, wait, drop, append(ArtifactUpload) }
    let step = state.withLock { state -> Step in
      switch state {
      case .idle:
        state = .opening(Array(bytes))
        return .begin
      case .opening(let before):
        state = .opening(before + Array(bytes))
        return .wait
      case .open(let upload): return .append(upload)
      case .over: return .drop
      }
    }
    switch step {
    case .begin:
      guard jobs.run({ self.begin(exchange) }) else {
        state.withLock { $0 = .over }
        exchange.complete(Busy.response)
        return true
      }
      return false
    case .wait: return false
    case .drop: return true
    case .append(let upload):
      if let failure = upload.failure {
        // Nothing more is taken in for nothing.
        abort()
        exchange.complete(Response(purpose.refusal(failure)))
        return true
      }
      return upload.append(bytes) { exchange.resume() }
    }
  }

  // Making the file touches the disk, so it happens beside the loop.
  private func begin(_ exchange: PendingReply) {
    let upload: ArtifactUpload
    do throws(Problem) { upload = try purpose.begin() } catch {
      state.withLock { $0 = .over }
      exchange.complete(Response(error))
      return
    }
    let waiting = state.withLock { state -> [UInt8]? in
      guard case .opening(let bytes) = state else { return nil }
      state = .open(upload)
      return bytes
    }
    guard let waiting else {
      upload.abort()
      return
    }
    let goesOn = waiting.withUnsafeBytes { bytes in
      upload.append(bytes) { exchange.resume() }
    }
    if goesOn { exchange.resume() }
  }

  func finish(_ exchange: PendingReply) {
    guard let upload = end() else {
      exchange.complete(Response(Problem(.invalidRequest, "send the \(purpose.word) as the body")))
      return
    }
    purpose.finish(upload, exchange)
  }

  func abort() { end()?.abort() }

  /// Ends the upload; returns it when its file was there.
  private func end() -> ArtifactUpload? {
    state.withLock { state in
      defer { state = .over }
      if case .open(let upload) = state { return upload }
      return nil
    }
  }
}
