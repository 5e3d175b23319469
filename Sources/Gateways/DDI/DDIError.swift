// DDIError: refusals in the form of hawkBit's REST API; no DDI client reads more than the status.

import HTTPServer
import UpdateModel

/// The refusals of this gateway.
enum DDIError {
  case badRequest(String)
  case unauthorized
  case notFound
  /// Names the methods that are offered.
  case methodNotAllowed(StaticString)
  /// An answer to a question that was not asked; hawkBit says 405.
  case notCancelling
  case gone
  case preconditionFailed
  case tooManyReports
  case tooManyAttributes(String)
  case storeUnavailable

  /// Answers with this refusal.
  func send(_ reply: inout Reply) {
    switch self {
    case .badRequest(let reason):
      body(&reply, 400, "hawkbit.server.error.rest.body.notReadable", reason)
    case .unauthorized:
      // hawkBit answers 401 without body.
      reply.send(
        status: 401, contentType: "application/json",
        extraHeaders: "WWW-Authenticate: TargetToken\r\n"
      ) { _ in }
    case .notFound:
      body(
        &reply, 404, "hawkbit.server.error.repo.entityNotFound",
        "no such resource for this device")
    case .methodNotAllowed(let allowed):
      body(
        &reply, 405, "hawkbit.server.error.methodNotAllowed", "this method is not offered here",
        headers: allowed)
    case .notCancelling:
      body(
        &reply, 405, "hawkbit.server.error.actionNotCancelable", "this action is not to be stopped",
        headers: "Allow: GET\r\n")
    case .gone:
      body(&reply, 410, "hawkbit.server.error.repo.actionNotActive", "the action is closed")
    case .preconditionFailed:
      body(
        &reply, 412, "hawkbit.server.error.artifact.preconditionFailed",
        "the image is another one than If-Match names")
    case .tooManyReports:
      body(
        &reply, 429, "hawkbit.server.error.quota.tooManyEntries",
        "too many reports for this action; only a final one is still taken")
    case .tooManyAttributes(let reason):
      body(&reply, 429, "hawkbit.server.error.quota.tooManyEntries", reason)
    case .storeUnavailable:
      body(
        &reply, 503, "hawkbit.server.error.unavailable",
        "the report could not be saved; repeat it later",
        headers: "Retry-After: 5\r\n")
    }
  }

  private func body(
    _ reply: inout Reply, _ status: Int, _ code: StaticString, _ message: String,
    headers: StaticString = ""
  ) {
    var text: [UInt8] = []
    text.append(jsonString: message)
    reply.send(
      status: status, contentType: "application/json",
      extraHeaders: headers
    ) { output in
      output.append("{\"errorCode\":\"")
      output.append(code)
      output.append("\",\"message\":")
      output.append(text)
      output.append("}")
    }
  }
}
