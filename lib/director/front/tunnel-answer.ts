/** The connection of a tunnel: what the web server says goes to the client as it is, the answer's head included. */
import type { Socket } from 'node:net'
import type { Bytes } from '../../transport/exchange-messages.js'
import type { Answer } from './answer.js'

/** How long a client may take to end its half of a tunnel that was refused or closed, ms: its last words arrive meanwhile. */
const LINGER_MS = 2_000

/** Takes over a socket that node:http has let go of. */
export class TunnelAnswer implements Answer {
  readonly keepAlive = false
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    // Its end is what counts, whatever the reason.
    socket.on('error', () => {})
    // node:http's limit for idle connections may still be running.
    socket.setTimeout(0)
    socket.setNoDelay(true)
  }

  writeRaw(bytes: Bytes, onPassed?: () => void): void {
    if (!this.#socket.writable) return
    const passed = (error?: Error | null) => {
      if (!error) onPassed?.()
    }
    if (typeof bytes === 'string') this.#socket.write(bytes, 'latin1', passed)
    else this.#socket.write(bytes, passed)
  }

  endRaw(bytes: Bytes | null, close: boolean): void {
    if (bytes !== null) this.writeRaw(bytes)
    this.#socket.end()
    if (close) this.#closeSoon()
  }

  refuse(text: string, _close: boolean): void {
    const lines = [
      'HTTP/1.1 503 Service Unavailable',
      'Content-Type: text/plain; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(text)}`,
      'Retry-After: 1',
      `Date: ${new Date().toUTCString()}`,
      'Connection: close',
    ]
    this.endRaw(`${lines.join('\r\n')}\r\n\r\n${text}`, true)
  }

  cut(): void {
    // What the app ended before it cut is not lost to a client that reads slowly.
    if (this.#socket.writableEnded) this.#socket.destroySoon()
    else this.#socket.destroy()
  }

  onClosed(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  /** Not at once: a connection that is closed with unread bytes is reset, and a reset overtakes what was sent. */
  #closeSoon(): void {
    const socket = this.#socket
    const timer = setTimeout(() => socket.destroySoon(), LINGER_MS).unref()
    socket.once('close', () => clearTimeout(timer))
    socket.resume()
  }
}
