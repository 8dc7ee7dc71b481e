/**
 * One HTTP/2 stream as one HTTP/1.1 request to the front, through node's own client: bodies both ways with
 * back-pressure, early hints, trailers; a reset by the client aborts the request, a cut by the app resets the stream.
 */
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { type RequestLine, requestLineOf, responseHeaders, withoutHopByHop } from './http2-headers.js'

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants

/** Largest head of an answer, bytes: what node:http2 sends at most. HTTP/1.1 clients bound it themselves. */
const RESPONSE_HEAD_BYTES_MAX = 64 * 1024

/**
 * Carries the request of a stream out.
 * @param rawHeaders names and values in turn, as node:http2 gives them
 * @param flags of the frame that brought them
 * @param agent makes connections to the front
 */
export function serveStream(
  stream: ServerHttp2Stream,
  rawHeaders: readonly string[],
  flags: number,
  agent: Agent,
): void {
  // What goes wrong on a stream ends it, which is what is looked at.
  stream.on('error', () => {})
  const hasBody = (flags & NGHTTP2_FLAG_END_STREAM) === 0
  const line = requestLineOf(rawHeaders, hasBody)
  if (line === null) {
    refuse(stream, 501)
    return
  }
  const request = begin(line, agent)
  if (request === null) {
    refuse(stream, 400)
    return
  }
  let response: IncomingMessage | null = null
  request.on('information', ({ statusCode, headers }) => {
    if (isGone(stream) || stream.headersSent) return
    orReset(stream, () =>
      stream.additionalHeaders(responseHeaders(statusCode, headers as IncomingMessage['headers'])),
    )
  })
  request.on('response', received => {
    response = received
    pass(received, stream)
  })
  request.on('error', () => stream.close(NGHTTP2_INTERNAL_ERROR))
  // Also without an error or a response: when the app switches protocols, which nobody has asked for.
  request.on('close', () => {
    if (response?.complete !== true) stream.close(NGHTTP2_INTERNAL_ERROR)
  })
  // A connection whose request was not sent to its end must not be used again: the next one would be read as its body.
  stream.on('close', () => {
    if (response?.complete !== true || !request.writableEnded) request.destroy()
  })
  if (!hasBody) {
    request.end()
    return
  }
  stream.on('trailers', trailers => request.addTrailers(withoutHopByHop(trailers) as Record<string, string>))
  // The body may be long in coming.
  request.flushHeaders()
  let receivedBytes = 0
  stream.on('data', (chunk: Buffer) => {
    receivedBytes += chunk.byteLength
  })
  stream.pipe(request, { end: false })
  // node:http2 ends the readable side of a stream that was reset, too: what has come of such a body is not all of it.
  stream.on('end', () => {
    const isShort = line.contentLength !== null && receivedBytes !== line.contentLength
    if (isShort || stream.aborted || stream.rstCode !== NGHTTP2_NO_ERROR) request.destroy()
    else request.end()
  })
}

function begin({ method, path, rawHeaders }: RequestLine, agent: Agent): ClientRequest | null {
  try {
    return httpRequest({
      agent,
      method,
      path,
      headers: rawHeaders,
      maxHeaderSize: RESPONSE_HEAD_BYTES_MAX,
    })
  } catch {
    // A path or a header that HTTP/1.1 can't have.
    return null
  }
}

function pass(response: IncomingMessage, stream: ServerHttp2Stream): void {
  if (isGone(stream)) {
    response.resume()
    return
  }
  const { statusCode = 502, headers } = response
  // Only a chunked response can have trailers. (A response without a date gets one: apps that leave it out are rare.)
  const waitForTrailers = headers['transfer-encoding'] !== undefined
  stream.on('wantTrailers', () =>
    orReset(stream, () => stream.sendTrailers(withoutHopByHop(response.trailers))),
  )
  if (!orReset(stream, () => stream.respond(responseHeaders(statusCode, headers), { waitForTrailers })))
    return
  response.on('error', () => stream.close(NGHTTP2_INTERNAL_ERROR))
  if (stream.writableEnded) response.resume()
  else response.pipe(stream)
}

/** A client may have taken it back already, in the same packet. */
function refuse(stream: ServerHttp2Stream, status: number): void {
  if (!isGone(stream)) stream.respond({ ':status': status }, { endStream: true })
}

/** Headers that node:http2 does not take throw, and nobody is above who could catch it. @returns whether it took them */
function orReset(stream: ServerHttp2Stream, send: () => void): boolean {
  try {
    send()
    return true
  } catch {
    stream.close(NGHTTP2_INTERNAL_ERROR)
    return false
  }
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed
}
