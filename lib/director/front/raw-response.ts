/**
 * A response whose bytes, head included, were already made by a web server. Node's connection state machine (order of
 * pipelined responses, keep-alive, closing) hangs on ServerResponse, so the bytes go through one, but past its own
 * head and framing. That takes a few underscored members, the same in Node 20, 22 and 24: all of them are used in
 * this file only.
 */
import { ServerResponse } from 'node:http'
import type { Bytes } from '../../transport/exchange-messages.js'
import type { Answer } from './answer.js'

/** As node answers what its parser refuses. */
export const FAULTY_ANSWER = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'

/** Give it to `http.createServer({ ServerResponse: RawResponse })`. Used plainly it is a normal response. */
export class RawResponse extends ServerResponse implements Answer {
  /** The head as text once it is made; null lets `end()` make one. */
  declare _header: string | null
  /** True keeps node from putting `_header` in front of the next bytes. */
  declare _headerSent: boolean
  /** Whether the connection closes after this response. */
  declare _last: boolean
  /** Writes to the connection, or queues while an earlier pipelined response has it. */
  declare _writeRaw: (data: Bytes, encoding: BufferEncoding | null, callback?: () => void) => boolean

  get keepAlive(): boolean {
    return this.shouldKeepAlive
  }

  writeRaw(bytes: Bytes, onPassed?: () => void): void {
    this._header ??= 'made by a web server'
    this._headerSent = true
    this._writeRaw(bytes, typeof bytes === 'string' ? 'latin1' : null, onPassed)
  }

  endRaw(bytes: Bytes | null, close: boolean): void {
    if (bytes !== null) this.writeRaw(bytes)
    this._header ??= 'made by a web server'
    this._headerSent = true
    this._last = close
    this.end()
  }

  refuse(text: string, close: boolean): void {
    if (close) this.shouldKeepAlive = false
    this.writeHead(503, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Retry-After': '1',
    })
    this.end(text)
  }

  /** Answers 400, and closes the connection after it. */
  refuseAsFaulty(): void {
    this.endRaw(FAULTY_ANSWER, true)
  }

  cut(): void {
    this.req.socket.destroy()
  }

  onClosed(listener: () => void): void {
    this.on('close', listener)
  }
}
