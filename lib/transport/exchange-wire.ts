/** The wire forms of `exchange-messages.ts`. What every request needs is flat; what is rare travels as an object. */
import type { Bytes, FromWebServer, RequestHead, ToWebServer } from './exchange-messages.js'
import type { BatchReader, WireForm } from './wire-form.js'

/** First value of each message. */
const AS_OBJECT = 0
const REQUEST = 1
const RESPONSE_END = 1
const RESPONSE = 2

/** Flags of a request. */
const KEEP_ALIVE = 1
const ENCRYPTED = 2
const BODY_ENDED = 4

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>

/** Front → web server. */
const toWebServerForm: WireForm<ToWebServer> = {
  write(message, batch) {
    if (message.type !== 'request' || message.kind !== 'request' || message.rawTrailers !== null) {
      batch.push(AS_OBJECT, message)
      return
    }
    const { id, head, body, bodyEnded } = message
    const { rawHeaders } = head
    const flags =
      (head.keepAlive ? KEEP_ALIVE : 0) | (head.encrypted ? ENCRYPTED : 0) | (bodyEnded ? BODY_ENDED : 0)
    batch.push(REQUEST, id, flags, body, head.method, head.url, head.httpVersionMajor, head.httpVersionMinor)
    batch.push(head.remoteAddress, head.remotePort, head.localAddress, head.localPort, rawHeaders.length)
    for (const value of rawHeaders) batch.push(value)
  },
  read(batch) {
    return batch.next() === REQUEST ? readRequest(batch) : batch.next()
  },
}

function readRequest(batch: BatchReader): RequestMessage {
  const id = batch.next<number>()
  const flags = batch.next<number>()
  const bodyEnded = (flags & BODY_ENDED) !== 0
  const body = batch.next<Bytes | null>()
  // Written out: a spread object would have a shape that no later code can be compiled for.
  const head: RequestHead = {
    method: batch.next(),
    url: batch.next(),
    httpVersionMajor: batch.next(),
    httpVersionMinor: batch.next(),
    keepAlive: (flags & KEEP_ALIVE) !== 0,
    encrypted: (flags & ENCRYPTED) !== 0,
    remoteAddress: batch.next(),
    remotePort: batch.next(),
    localAddress: batch.next(),
    localPort: batch.next(),
    rawHeaders: batch.take(batch.next()),
  }
  return { type: 'request', id, kind: 'request', head, body, bodyEnded, rawTrailers: null }
}

/** Web server → front and director. */
const fromWebServerForm: WireForm<FromWebServer> = {
  write(message, batch) {
    if (message.type === 'responseEnd') batch.push(RESPONSE_END, message.id, message.bytes, message.close)
    else if (message.type === 'response') batch.push(RESPONSE, message.id, message.bytes)
    else batch.push(AS_OBJECT, message)
  },
  read(batch) {
    switch (batch.next<number>()) {
      case RESPONSE_END:
        return { type: 'responseEnd', id: batch.next(), bytes: batch.next(), close: batch.next() }
      case RESPONSE:
        return { type: 'response', id: batch.next(), bytes: batch.next() }
      default:
        return batch.next()
    }
  },
}

/** At the front's end. */
export const FRONT_FORMS = { incoming: fromWebServerForm, outgoing: toWebServerForm }
/** At a web server's end. */
export const WEB_SERVER_FORMS = { incoming: toWebServerForm, outgoing: fromWebServerForm }
