/** WebSocket clients of ws that remember what came, for tests. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'
import { until } from './until.js'

/** How a connection ended. */
export interface Closed {
  readonly code: number
  readonly reason: string
}

/** One client. */
export class WebSocketClient {
  readonly socket: WebSocket
  /** Messages in order; binary ones as buffers. */
  readonly messages: (string | Buffer)[] = []
  closed: Closed | null = null
  /** Headers of the 101. */
  headers: IncomingMessage['headers'] = {}
  /** Status of a refused upgrade. */
  refused: number | null = null
  /** Its body, as far as it came. */
  refusal = ''

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), options)
    this.socket.on('upgrade', response => {
      this.headers = response.headers
    })
    this.socket.on('unexpected-response', (_, response) => {
      this.refused = response.statusCode ?? 0
      this.headers = response.headers
      response.on('data', part => {
        this.refusal += part
      })
      response.on('close', () => this.socket.terminate())
    })
    this.socket.on('message', (data, binary) => this.messages.push(binary ? (data as Buffer) : String(data)))
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
    })
    // Told by `closed`.
    this.socket.on('error', () => {})
  }

  /** @returns a client that is connected */
  static async open(url: string, options: ClientOptions = {}): Promise<WebSocketClient> {
    const client = new WebSocketClient(url, options)
    try {
      await Promise.race([once(client.socket, 'open'), once(client.socket, 'close')])
    } catch (cause) {
      throw new Error(`not connected: ${client.refused} ${client.refusal}`, { cause })
    }
    if (client.closed !== null || client.refused !== null) throw new Error(`not connected: ${client.refused}`)
    return client
  }

  /** The web server that it is connected to, when the cluster tells. */
  get servedBy(): string {
    return String(this.headers['x-served-by'])
  }

  /** Sends a message and waits for the next one. */
  async ask(message: string | Buffer): Promise<string | Buffer> {
    const before = this.messages.length
    this.socket.send(message)
    return this.message(before)
  }

  /** Waits for a message. @param index which one; it throws when the connection ends before */
  async message(index: number): Promise<string | Buffer> {
    await until(() => this.messages.length > index || this.closed !== null)
    const message = this.messages[index]
    if (message === undefined) throw new Error(`closed with ${this.closed?.code} before message ${index}`)
    return message
  }

  async end(): Promise<Closed> {
    await until(() => this.closed !== null)
    return this.closed ?? { code: 0, reason: '' }
  }
}

/** The Cookie header that a browser would send after this answer. */
export function cookieOf(headers: IncomingMessage['headers']): string {
  return (headers['set-cookie'] ?? []).map(line => line.split(';')[0]).join('; ')
}
