// UploadSink: the body of an upload on its way to the disk, piece by piece.

import HTTPServer
import Orchestrator
import UpdateModel

/// Receives an image. States: idle, opening (a job makes the file while the sender waits), open,
/// over. Whatever ends an upload early leaves no file.
final class UploadSink: BodySink {
  private enum State {
    case idle
    /// The bytes that came before the file was there.
    case opening([UInt8])
    case open(ArtifactUpload)
    case over
  }

  private let plane: ControlPlane
  private let room: Room
  private let description: ArtifactDescription
  private let jobs: Jobs
  /// Held until the answer is given, because packing and signing take as much as receiving.
  private let place: Places.Place
  private let state = Lock(State.idle)

  init(
    plane: ControlPlane, room: Room, description: ArtifactDescription, jobs: Jobs,
    place: Places.Place
  ) {
    self.plane = plane
    self.room = room
    self.description = description
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
    case .append(let upload): return upload.append(bytes) { exchange.resume() }
    }
  }

  // Making the file touches the disk, so it happens beside the loop.
  private func begin(_ exchange: PendingReply) {
    let upload: ArtifactUpload
    do { upload = try plane.beginUpload() } catch {
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
      exchange.complete(Response(Problem(.invalidRequest, "send the image as the body")))
      return
    }
    plane.finish(upload, as: description, in: room) { result in
      // Keeps the place until here.
      _ = self.place
      switch result {
      case .success(let stored):
        exchange.complete(
          Response(json: Documents.artifact(stored.artifact), status: stored.isNew ? 201 : 200))
      case .failure(let problem): exchange.complete(Response(problem))
      }
    }
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
